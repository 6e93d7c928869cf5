"""Field groups: fields of one edit that are decided together unless a reviewer splits them.

Pure functions: the groups' columns come from the preferences, the fields from the edit.
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
from syncapp.review.bulk.warnings import is_changed_in_crm

MIN_FIELDS = 2  # a single field is not a group


class GroupDefinition(Protocol):
    """A group as the preferences define it."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Group:
    """The fields of one edit in a group, in the order of its columns; `open_fields` can still be decided together."""

    name: str
    fields: tuple[SyncField, ...]
    open_fields: tuple[SyncField, ...]

    @property
    def key(self) -> str:
        """Return the group's name for URLs and form controls."""
        return re.sub(r"\W+", "-", self.name.casefold()).strip("-") or "group"

    @property
    def ids(self) -> frozenset[UUID]:
        return frozenset(field.pk for field in self.fields)


def is_groupable(field: SyncField, column: Column | None) -> bool:
    """Return whether the field can be decided with others; conflicts, failures and changed values cannot."""
    is_waiting = field.is_undecided and field.delivery == FieldDelivery.NONE and not field.contact_is_gone
    return is_waiting and not is_changed_in_crm(field, column)


def find_groups(
    fields: Collection[SyncField], definitions: Iterable[GroupDefinition], known: Mapping[str, Column]
) -> list[Group]:
    """Return the groups that have at least two fields in the edit."""
    by_column: dict[str, list[SyncField]] = {}
    for field in fields:
        by_column.setdefault(field.column_name, []).append(field)
    groups: list[Group] = []
    for definition in definitions:
        members = tuple(field for name in definition.columns for field in by_column.get(name, []))
        open_fields = tuple(field for field in members if is_groupable(field, known.get(field.column_name)))
        if len(members) >= MIN_FIELDS:
            groups.append(Group(definition.name, members, open_fields))
    return groups


def is_decided_together(group: Group, split: Collection[str]) -> bool:
    """Return whether the fields are decided together now: not split, and more than one of them is open."""
    return group.key not in split and len(group.open_fields) >= MIN_FIELDS
