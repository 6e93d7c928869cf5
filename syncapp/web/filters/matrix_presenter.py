"""Rows, cells and the drawer of the matrix, prepared for the templates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from syncapp.crm.directory.records import SyncMethod
from syncapp.crm.filters.records import QueryType
from syncapp.models import FilterRow, FilterUser, UnreadableRow
from syncapp.models.sync_filters.tables import Cell, Group, group_of, table_label
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.inventory.matrix_order import Column
from syncapp.sync_filters.inventory.recommendations import Recommendation, recommend
from syncapp.web.filters import sync_path_words
from syncapp.web.filters.matrix_form import COLUMN_LABELS, MatrixParams
from syncapp.web.filters.plan_form import TABLES

_ICONS = {Cell.ON: "on", Cell.OFF: "off", Cell.MIXED: "mixed", Cell.NONE: "minus", Cell.UNREAD: "clock"}
_NO_METHOD = ("minus", "None")
_METHODS: dict[int, tuple[str, str]] = {
    SyncMethod.OUTLOOK: ("laptop", "Outlook"),
    SyncMethod.SERVER_SIDE: ("server", "Server-side"),
}


@dataclass(frozen=True)
class CellPresenter:
    """One cell of a user's row, with the address that opens it."""

    user: FilterUser
    group: Group
    params: MatrixParams

    @property
    def cell(self) -> Cell:
        return Cell(getattr(self.user, self.group.value))

    @property
    def icon(self) -> str:
        return _ICONS[self.cell]

    @property
    def words(self) -> str:
        """Return the state of the filters, or how many are on if it is mixed."""
        if self.cell is not Cell.MIXED:
            return self.cell.label
        pairs = [pair for table, pair in self.user.tables.items() if group_of(table) is self.group]
        return f"{sum(pair[0] for pair in pairs)} of {sum(pair[1] for pair in pairs)}"

    @property
    def href(self) -> str:
        return self.params.query(user=self.user.pk, group=self.group.value, **self.params.page_start)


def method_of(user: FilterUser) -> tuple[str, str]:
    """Return the icon and label of the mailbox method, or of why the mailbox cannot synchronize."""
    if user.mailbox_id is None or user.method is None:
        return "alert", "No mailbox"
    if user.mailbox_state != 0 or user.approval > 1:
        return "alert", "Not approved"
    return _METHODS.get(user.method, _NO_METHOD)


@dataclass(frozen=True)
class RowPresenter:
    """One user's row."""

    user: FilterUser
    params: MatrixParams

    @cached_property
    def cells(self) -> list[CellPresenter]:
        return [CellPresenter(self.user, group, self.params) for group in Group]

    @property
    def method(self) -> tuple[str, str]:
        return method_of(self.user)

    @property
    def paths(self) -> SyncPaths:
        return SyncPaths(self.user.paths)

    @property
    def is_at_risk(self) -> bool:
        """Return whether appointments reach Outlook twice, or not at all although filters are set up."""
        is_set_up = self.user.appointments != Cell.NONE
        return self.paths in (SyncPaths.TWICE, SyncPaths.NOT_AT_ALL) and is_set_up


@dataclass(frozen=True)
class HeaderPresenter:
    """The header of a column, whose link sorts the matrix."""

    column: Column
    params: MatrixParams

    @property
    def label(self) -> str:
        return COLUMN_LABELS[self.column]

    @property
    def href(self) -> str:
        return self.params.query_sorted_by(self.column)

    @property
    def direction(self) -> str:
        """Return the value of aria-sort, '' if the matrix is not sorted by this column."""
        if self.params.order.column is not self.column:
            return ""
        return "descending" if self.params.order.is_reversed else "ascending"


class DrawerPresenter:
    """The filters behind a cell, the effect of switching them, and the buttons to do so."""

    def __init__(self, user: FilterUser, group: Group) -> None:
        self.user, self.group = user, group
        self.method = method_of(user)
        self.cell = Cell(getattr(user, group.value))
        self.system = matrix.system_filters(group)

    @cached_property
    def unreadable(self) -> list[UnreadableRow]:
        """Return the rows of the user, the mailbox or the filters that cannot be read."""
        return list(UnreadableRow.objects.filter(owner_id=self.user.pk))

    @cached_property
    def tables(self) -> list[tuple[str, list[FilterRow], int]]:
        """Return each table with its filters and how many of them are on."""
        rows = matrix.filters_of(self.user, self.group)
        parts = [(table_label(table), list(part)) for table, part in groupby(rows, key=lambda row: row.table)]
        return [(label, part, sum(row.is_on for row in part)) for label, part in parts]

    @property
    def summary(self) -> tuple[str, str] | None:
        """Return how often appointments reach the user's Outlook, if the drawer is about appointments."""
        return sync_path_words.SUMMARIES[SyncPaths(self.user.paths)] if self.group is Group.APPOINTMENTS else None

    @property
    def recommendation(self) -> Recommendation:
        return recommend(Cause(self.user.cause), system_selects=any(row.state == 0 for row in self.system))

    @property
    def stops_all_synchronization(self) -> bool:
        """Return whether these rows would no longer synchronize at all, not even to the phone, with all filters off."""
        return self.user.is_server_side and not any(row.state == 0 for row in self.system)

    @cached_property
    def _switchable(self) -> list[FilterRow]:
        """Return the filters that a run from this drawer switches."""
        rows = [row for _, part, _ in self.tables for row in part]
        tables = TABLES[self.group.value][1]
        return [row for row in rows if row.query_type == QueryType.OUTLOOK_FILTER and row.table in tables]

    @property
    def filters_on(self) -> int:
        """Return how many of the switchable filters are on."""
        return sum(row.is_on for row in self._switchable)

    @property
    def filters_off(self) -> int:
        """Return how many of the switchable filters are off."""
        return len(self._switchable) - self.filters_on
