"""The matrix's search, filters and order in its query string: a form to read them, and links to write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms

from syncapp.models.sync_filters.tables import Cell, Group
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory import matrix, matrix_order
from syncapp.sync_filters.inventory.matrix import NO_MAILBOX, NOT_APPROVED, UserCriteria
from syncapp.sync_filters.inventory.matrix_order import BY_NAME, Column, Order, Position

_MAX_SEARCH_LENGTH = 200
# The CRM has three methods; a mailbox can be missing, or not approved.
_METHODS = [
    ("1", "Server-side"),
    ("0", "Outlook"),
    ("2", "None"),
    (str(NOT_APPROVED), "Not approved"),
    (str(NO_MAILBOX), "No mailbox"),
]
_MAX_RANK = 99
# The states of filters by the name of their parameter.
CELLS = {"state": Group.APPOINTMENTS, "contacts": Group.CONTACTS, "tasks": Group.TASKS, "other": Group.OTHER}
FILTERS = ("team", *CELLS, "mailbox", "risk", "cause", "unit", "list")
COLUMN_LABELS: dict[Column, str] = {
    Column.NAME: "Name",
    Column.MAILBOX: "Mailbox",
    Column.PATHS: "Reaches Outlook",
    **{Column(group.value): group.label for group in Group},
}
ORDER_CHOICES = [
    ("" if order == BY_NAME else code, f"{COLUMN_LABELS[order.column]}{', reversed' if order.is_reversed else ''}")
    for code, order in matrix_order.ORDERS.items()
]
# Groups of options, each a label and pairs of value and word; the label is '' for options without a group.
Options = list[tuple[str, list[tuple[str, str]]]]


@dataclass(frozen=True, slots=True)
class FilterOption:
    """A filter with its chosen value, '' for none, and its options."""

    name: str
    label: str
    chosen: str
    options: Options

    @property
    def word(self) -> str:
        """Return the words of the chosen option."""
        words = (word for _, group in self.options for value, word in group if value == self.chosen)
        return next(words, "unknown")

    @property
    def words(self) -> str:
        """Return the chosen option for use in a sentence: states of filters with the name of their group."""
        return f"{self.label} {self.word}".lower() if self.name in CELLS else self.word


def _choice(label: str, choices: Any, coerce: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(label=label, choices=choices, coerce=coerce, empty_value=None, required=False)


class MatrixForm(forms.Form):
    """The search and the filters of the matrix, and the open cell. An invalid value counts as not given."""

    q = forms.CharField(required=False)
    team = forms.UUIDField(label="Team", required=False)
    state = _choice("Appointments", Cell.choices, Cell)
    contacts = _choice("Contacts", Cell.choices, Cell)
    tasks = _choice("Tasks", Cell.choices, Cell)
    other = _choice("Other", Cell.choices, Cell)
    mailbox = _choice("Mailbox", _METHODS, int)
    risk = _choice("Appointments reach Outlook", SyncPaths.choices, SyncPaths)
    cause = _choice("Because of", Cause.choices, Cause)
    unit = forms.UUIDField(label="Business unit", required=False)
    list = forms.UUIDField(label="Saved list", required=False)
    sort = _choice("Sort by", ORDER_CHOICES, matrix_order.ORDERS.__getitem__)
    group = _choice("", Group.choices, Group)
    after = forms.UUIDField(required=False)
    rank = forms.IntegerField(min_value=0, max_value=_MAX_RANK, required=False)
    user = forms.UUIDField(required=False)


@dataclass(frozen=True)
class MatrixParams:
    """The parameters of one view of the matrix: the users shown, their order, the start of the page, and the open cell.

    `after` is the last user of the previous page, `rank` their rank when that page was shown.
    """

    criteria: UserCriteria
    order: Order = BY_NAME
    after: UUID | None = None
    rank: int | None = None
    user: UUID | None = None
    group: Group = Group.APPOINTMENTS

    @classmethod
    def read(cls, query: Mapping[str, str]) -> MatrixParams:
        """Read the parameters of an address."""
        form = MatrixForm(query)
        form.is_valid()
        given = form.cleaned_data
        criteria = UserCriteria(
            search=given.get("q", "")[:_MAX_SEARCH_LENGTH],
            team=given.get("team"),
            cells=tuple((group, given[name]) for name, group in CELLS.items() if given.get(name)),
            method=given.get("mailbox"),
            paths=given.get("risk"),
            cause=given.get("cause"),
            unit=given.get("unit"),
            listed=given.get("list"),
        )
        return cls(
            criteria,
            order=given.get("sort") or BY_NAME,
            after=given.get("after"),
            rank=given.get("rank"),
            user=given.get("user"),
            group=given.get("group") or Group.APPOINTMENTS,
        )

    @property
    def first_page(self) -> MatrixParams:
        """Return the same search, filters and order from the first user on, with no cell open."""
        return MatrixParams(self.criteria, self.order)

    @property
    def parameters(self) -> dict[str, str]:
        """Return the search and the filters in use, by parameter name."""
        criteria = self.criteria
        values = {
            "q": criteria.search,
            "team": str(criteria.team or ""),
            **{
                name: dict(criteria.cells)[group].value
                for name, group in CELLS.items()
                if group in dict(criteria.cells)
            },
            "mailbox": "" if criteria.method is None else str(criteria.method),
            "risk": criteria.paths.value if criteria.paths else "",
            "cause": criteria.cause.value if criteria.cause else "",
            "unit": str(criteria.unit or ""),
            "list": str(criteria.listed or ""),
        }
        return {name: value for name, value in values.items() if value}

    @property
    def is_filtered(self) -> bool:
        """Return whether a filter is in use besides the search."""
        return bool(self.parameters.keys() - {"q"})

    @property
    def sort(self) -> str:
        """Return the order as the address names it, '' for the order by name."""
        return "" if self.order == BY_NAME else self.order.code

    @property
    def _sort(self) -> dict[str, str]:
        return {"sort": self.sort} if self.sort else {}

    @property
    def position(self) -> Position | None:
        """Return the position after which the page begins; None for the first page."""
        return matrix_order.position_of(self.after, self.order, rank=self.rank) if self.after else None

    def query(self, **more: object) -> str:
        """Return the query string with these additions, '' or beginning with a question mark."""
        return _query_string(
            self.parameters | self._sort | {name: str(value) for name, value in more.items() if value not in (None, "")}
        )

    def page_query(self, position: Position | None, **more: object) -> str:
        """Return the query string of the page after a position, with these additions."""
        if position is None:
            return self.query(**more)
        rank = None if self.order.column is Column.NAME else position.rank
        return self.query(after=position.user_id, rank=rank, **more)

    @property
    def page_start(self) -> dict[str, object]:
        """Return the parameters of the start of this page, as additions to a query string."""
        return {"after": self.after, "rank": self.rank}

    def query_sorted_by(self, column: Column) -> str:
        """Return the query string of the first page sorted by a column, reversed if this page is sorted by it."""
        is_reversed = self.order == Order(column)
        return MatrixParams(self.criteria, Order(column, is_reversed=is_reversed)).query()

    def query_without(self, name: str) -> str:
        """Return the query string without one of the filters."""
        return _query_string({other: value for other, value in self.parameters.items() if other != name} | self._sort)

    def describe_selection(self, *, is_all: bool, who: str = "All users") -> str:
        """Return how users were selected in this view, for the record: "On the Users page (Team: Sales North)".

        `who` describes all the users shown, for example with their number.
        """
        used = [f"{option.label}: {option.word}" for option in self.filter_options() if option.chosen]
        used += [f"search “{self.criteria.search}”"] if self.criteria.search else []
        words = "; ".join(used)
        if is_all:
            return f"{who} shown ({words})" if words else f"{who} shown"
        return f"On the Users page ({words})" if words else "On the Users page"

    def filter_options(self) -> list[FilterOption]:
        """Return each filter with its options, for the filter bar; teams are grouped by business unit."""
        options: dict[str, Options] = {
            "team": [
                (unit or "No business unit", [(str(team.pk), team.name) for team in teams])
                for unit, teams in matrix.teams_by_unit()
            ],
            "unit": [("", [(str(unit.pk), unit.name) for unit in matrix.units()])],
            "list": [("", [(str(each.pk), each.name) for each in matrix.user_lists()])],
        }
        found = []
        for name in FILTERS:
            field: Any = MatrixForm.base_fields[name]
            groups = options[name] if name in options else [("", list(field.choices))]
            found.append(FilterOption(name, str(field.label), self.parameters.get(name, ""), groups))
        return found


def _query_string(values: Mapping[str, str]) -> str:
    return f"?{urlencode(values)}" if values else ""
