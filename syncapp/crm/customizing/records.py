"""Records that `CustomizingReads` returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID


class ComponentType(IntEnum):
    """The kinds of components that the setup creates ("solutioncomponent EntityType")."""

    TABLE = 1
    COLUMN = 2
    RELATIONSHIP = 10
    KEY = 14
    ROLE = 20
    WEB_RESOURCE = 61


@dataclass(frozen=True, slots=True)
class Publisher:
    """A publisher; the names of its components begin with `prefix`."""

    id: UUID
    unique_name: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution; components can be added only to an unmanaged one."""

    id: UUID
    unique_name: str
    is_managed: bool
    publisher_id: UUID | None


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a solution. `has_parts` is True for a table that is included with all of its parts."""

    type: int
    object_id: UUID
    has_parts: bool


@dataclass(frozen=True, slots=True)
class SecurityRole:
    """A security role of the topmost business unit."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class WebResource:
    """A web resource with its content, decoded."""

    id: UUID
    name: str
    content: bytes
