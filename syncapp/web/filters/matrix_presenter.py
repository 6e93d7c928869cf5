"""The matrix and a user's drawer as their page shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from syncapp.crm.directory.records import SyncMethod
from syncapp.crm.filters.records import QueryType
from syncapp.models import FilterRow, FilterUser, UnreadableRow
from syncapp.models.sync_filters.tables import Cell, Group, group_of, name_of
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.inventory.recommendations import Remedy, remedy_of
from syncapp.web.filters import sync_path_words
from syncapp.web.filters.params import Asked
from syncapp.web.filters.plan_form import TABLES

_ICONS = {Cell.ON: "on", Cell.OFF: "off", Cell.MIXED: "mixed", Cell.NONE: "minus", Cell.UNREAD: "clock"}
_METHODS = {
    SyncMethod.OUTLOOK: ("laptop", "Outlook"),
    SyncMethod.SERVER_SIDE: ("server", "Server-side"),
    SyncMethod.NONE: ("minus", "None"),
}


@dataclass(frozen=True)
class CellShown:
    """One cell with the address that opens it."""

    group: Group
    cell: Cell
    words: str
    risk: str
    href: str

    @property
    def icon(self) -> str:
        return _ICONS[self.cell]


def cells(user: FilterUser, asked: Asked) -> Iterator[CellShown]:
    """The cells of a user's row."""
    for group in Group:
        cell = Cell(getattr(user, group.value))
        risky = (
            group is Group.APPOINTMENTS
            and user.paths in (SyncPaths.TWICE, SyncPaths.NOT_AT_ALL)
            and cell is not Cell.NONE
        )
        risk = SyncPaths(user.paths).label.lower() if risky else ""
        href = asked.query(user=user.pk, group=group.value, after=asked.after)
        yield CellShown(group, cell, words_of(user, group, cell), risk, href)


def words_of(user: FilterUser, group: Group, cell: Cell) -> str:
    """What the cell says: mixed ones say how many."""
    if cell is not Cell.MIXED:
        return cell.label
    pairs = [pair for table, pair in user.tables.items() if group_of(table) is group]
    return f"{sum(pair[0] for pair in pairs)} of {sum(pair[1] for pair in pairs)}"


def method_of(user: FilterUser) -> tuple[str, str]:
    """Icon and word of how the mailbox synchronizes."""
    if user.mailbox_id is None or user.method is None:
        return "alert", "No mailbox"
    if user.mailbox_state != 0 or user.approval > 1:
        return "alert", "Not approved"
    return _METHODS.get(SyncMethod(user.method), ("minus", "None")) if user.method in (0, 1, 2) else ("minus", "None")


@dataclass(frozen=True)
class RowShown:
    """One user's row."""

    user: FilterUser
    asked: Asked

    @cached_property
    def cells(self) -> list[CellShown]:
        return list(cells(self.user, self.asked))

    @property
    def method(self) -> tuple[str, str]:
        return method_of(self.user)


class Drawer:
    """What is behind a cell, what follows from switching it, and the switch."""

    def __init__(self, user: FilterUser, group: Group) -> None:
        self.user, self.group = user, group
        self.method = method_of(user)
        self.cell = Cell(getattr(user, group.value))
        self.system = matrix.system_filters(group)

    @cached_property
    def unreadable(self) -> list[UnreadableRow]:
        """Return what of the user, the mailbox or a filter cannot be read."""
        return list(UnreadableRow.objects.filter(owner_id=self.user.pk))

    @cached_property
    def tables(self) -> list[tuple[str, list[FilterRow], int]]:
        """Each table with its filters and how many of them are on."""
        rows = matrix.filters_of(self.user, self.group)
        parts = [(name_of(table), list(part)) for table, part in groupby(rows, key=lambda row: row.table)]
        return [(name, part, sum(row.is_on for row in part)) for name, part in parts]

    @property
    def verdict(self) -> tuple[str, str] | None:
        """How often appointments reach his Outlook, where the drawer is about them."""
        return sync_path_words.VERDICTS[SyncPaths(self.user.paths)] if self.group is Group.APPOINTMENTS else None

    @property
    def remedy(self) -> Remedy:
        return remedy_of(Cause(self.user.cause), everybody_selects=any(row.state == 0 for row in self.system))

    @property
    def ends_altogether(self) -> bool:
        """Whether with all of them off nothing of it is synchronized any more, phone included."""
        return self.user.is_server_side and not any(row.state == 0 for row in self.system)

    @cached_property
    def _switchable(self) -> list[FilterRow]:
        """The filters that a run from here is about."""
        rows = [row for _, part, _ in self.tables for row in part]
        tables = TABLES[self.group.value][1]
        return [row for row in rows if row.query_type == QueryType.OUTLOOK_FILTER and row.table in tables]

    @property
    def can_go_off(self) -> int:
        """How many of them are on."""
        return sum(row.is_on for row in self._switchable)

    @property
    def can_go_on(self) -> int:
        """How many of them are off."""
        return len(self._switchable) - self.can_go_off
