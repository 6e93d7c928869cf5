"""Records of field directions.

Sources: "RetrievePrincipalSyncAttributeMappings function", "AttributeMapping complex type". No page explains the
numbers of a direction; their meaning here follows several published clients.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from syncapp.crm.errors import CrmError

CONTACT_CODE = 2  # `EntityTypeCode` of contacts


class Direction(IntEnum):
    """The direction in which changed values are synchronized."""

    NONE = 0
    TO_OUTLOOK = 1
    TO_CRM = 2
    BOTH = 3


@dataclass(frozen=True, slots=True)
class FieldDirection:
    """The direction for a pair of fields; `direction`, `default` and `allowed` may be undocumented numbers.

    `columns` are the CRM's columns that are synchronized together, such as the lines of an address.
    """

    id: UUID
    table_code: int
    column: str
    label: str
    direction: int
    default: int | None
    allowed: int | None
    is_computed: bool
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredDirection:
    """The organization's direction for a pair of fields, with its version."""

    id: UUID
    direction: int
    etag: str


@dataclass(frozen=True, slots=True)
class RewrittenDirection:
    """The result of writing a direction unchanged: the CRM's refusal or None, and the direction read back or None."""

    error: CrmError | None
    read_back: int | None
