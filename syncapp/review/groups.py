"""Fields that are decided together unless somebody splits them: which of an edit's fields belong to one group.

Pure: the groups' columns come from the preferences, the fields from the edit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from syncapp.crm.staging.records import Column
from syncapp.models import SyncField
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.review.bulk.warnings import changed_in_crm

MIN_FIELDS = 2  # of one field there is nothing to decide together


class GroupDefinition(Protocol):
    """A group as the preferences have it."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Group:
    """The fields of one edit that stand together, in the order of the group's columns.

    `open_fields` are those that are decided together.
    """

    name: str
    fields: tuple[SyncField, ...]
    open_fields: tuple[SyncField, ...]

    @property
    def key(self) -> str:
        """The group in addresses and names of controls."""
        return re.sub(r"\W+", "-", self.name.casefold()).strip("-") or "group"

    @property
    def ids(self) -> frozenset[UUID]:
        return frozenset(field.pk for field in self.fields)


def is_groupable(field: SyncField, column: Column | None) -> bool:
    """Return whether the field can be decided with others.

    A conflict, a failure and a value that changed in the CRM are decided one by one.
    """
    waits = field.is_undecided and field.delivery == FieldDelivery.NONE and not field.contact_is_gone
    return waits and not changed_in_crm(field, column)


def find_groups(
    fields: Collection[SyncField], wanted: Iterable[GroupDefinition], known: Mapping[str, Column]
) -> list[Group]:
    """The groups of which the edit has at least two fields."""
    by_column: dict[str, list[SyncField]] = {}
    for field in fields:
        by_column.setdefault(field.column_name, []).append(field)
    parts = ((each.name, [f for name in each.columns for f in by_column.get(name, [])]) for each in wanted)
    return [_group(name, found, known) for name, found in parts if len(found) >= MIN_FIELDS]


def _group(name: str, fields: Sequence[SyncField], known: Mapping[str, Column]) -> Group:
    together = tuple(field for field in fields if is_groupable(field, known.get(field.column_name)))
    return Group(name, tuple(fields), together)


def is_decided_together(group: Group, split: Collection[str]) -> bool:
    """Whether the group's fields are decided together now: not split, and more than one of them waits."""
    return group.key not in split and len(group.open_fields) >= MIN_FIELDS
