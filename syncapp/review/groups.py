"""Fields that are decided together unless somebody splits them: which of an edit's fields belong to one group.

Pure: the groups' columns come from the preferences, the fields from the edit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from syncapp.models import SyncField
from syncapp.models.sync_field import FieldDelivery

FEWEST = 2  # of one field there is nothing to decide together


class Wanted(Protocol):
    """A group as the preferences have it."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Group:
    """The fields of one edit that stand together, in the order of the group's columns."""

    name: str
    fields: tuple[SyncField, ...]

    @property
    def key(self) -> str:
        """The group in addresses and names of controls."""
        return re.sub(r"\W+", "-", self.name.casefold()).strip("-") or "group"

    @property
    def open_fields(self) -> tuple[SyncField, ...]:
        """Those that are decided together: a conflict or a failure is settled by itself."""
        return tuple(field for field in self.fields if is_plain(field))

    @property
    def ids(self) -> frozenset[UUID]:
        return frozenset(field.pk for field in self.fields)


def is_plain(field: SyncField) -> bool:
    """Whether the field simply waits for its decision."""
    return field.is_undecided and field.delivery == FieldDelivery.NONE and not field.contact_is_gone


def groups_of(fields: Collection[SyncField], wanted: Iterable[Wanted]) -> list[Group]:
    """The groups of which the edit has at least two fields."""
    by_column: dict[str, list[SyncField]] = {}
    for field in fields:
        by_column.setdefault(field.column_name, []).append(field)
    found = [Group(each.name, tuple(f for name in each.columns for f in by_column.get(name, []))) for each in wanted]
    return [group for group in found if len(group.fields) >= FEWEST]


def binding(group: Group, split: Collection[str]) -> bool:
    """Whether the group's fields are decided together now: not split, and more than one of them waits."""
    return group.key not in split and len(group.open_fields) >= FEWEST
