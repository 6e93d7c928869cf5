"""The queue's query string: tab, order, filters and position."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlencode

from django import forms

from syncapp.models import Person
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.review.queue.criteria import NO_CRITERIA, Age, Criteria, Tab
from syncapp.review.queue.reads import Order

MAX_SEARCH_LENGTH = 200
MAX_COLUMN_LENGTH = 128
MINE = "me"
AGES = {
    Age.FRESH: "Last 24 hours",
    Age.DAY: "Over 1 day",
    Age.OVERDUE: "Overdue",
    Age.WEEK: "Over 7 days",
    Age.MONTH: "Over 30 days",
}


def _choices_of(members: Iterable[str]) -> list[tuple[str, str]]:
    return [(str(member), str(member)) for member in members]


class QueueForm(forms.Form):
    """The filter bar. An address may be old or typed by hand, so invalid values count as not given."""

    tab = forms.TypedChoiceField(choices=_choices_of(Tab), coerce=Tab, required=False)
    order = forms.TypedChoiceField(choices=_choices_of(Order), coerce=Order, required=False)
    field = forms.CharField(label="Field", required=False)
    kind = forms.TypedChoiceField(
        label="Kind of change", choices=[("", "Any change"), *ChangeKind.choices], coerce=ChangeKind, required=False
    )
    editor = forms.UUIDField(label="Edited by", required=False)
    age = forms.TypedChoiceField(label="Age", choices=[("", "Any age"), *AGES.items()], coerce=Age, required=False)
    owner = forms.ChoiceField(label="Assigned to", choices=[("", "Anyone"), (MINE, "Assigned to me")], required=False)
    q = forms.CharField(required=False)
    after = forms.UUIDField(required=False)

    def clean_field(self) -> str:
        return str(self.cleaned_data["field"])[:MAX_COLUMN_LENGTH]

    def clean_q(self) -> str:
        return str(self.cleaned_data["q"])[:MAX_SEARCH_LENGTH]


@dataclass(frozen=True)
class QueueParams:
    """One list of the queue, as its address names it."""

    tab: Tab = Tab.WAITING
    order: Order = Order.OLDEST
    criteria: Criteria = NO_CRITERIA
    after: uuid.UUID | None = None

    @cached_property
    def values(self) -> dict[str, str]:
        """Return the parameters that differ from the default list, without `after`."""
        criteria = self.criteria
        found = {
            "tab": "" if self.tab is Tab.WAITING else self.tab.value,
            "order": "" if self.order is default_order(self.tab) else self.order.value,
            "field": criteria.column,
            "kind": criteria.kind.value if criteria.kind else "",
            "editor": str(criteria.editor or ""),
            "age": criteria.age.value if criteria.age else "",
            "owner": MINE if criteria.owner else "",
            "q": criteria.search,
        }
        return {name: value for name, value in found.items() if value}

    @property
    def query(self) -> str:
        """Return the query string: '' or beginning with a question mark."""
        values = self.values | ({"after": str(self.after)} if self.after else {})
        return f"?{urlencode(values)}" if values else ""

    @property
    def first_page(self) -> QueueParams:
        return replace(self, after=None)

    @property
    def unfiltered(self) -> QueueParams:
        return QueueParams(self.tab, self.order)

    def with_tab(self, tab: Tab) -> QueueParams:
        order = default_order(tab) if self.order is default_order(self.tab) else self.order
        return replace(self, tab=tab, order=order, after=None)

    def with_order(self, order: Order) -> QueueParams:
        return replace(self, order=order, after=None)

    def starting_after(self, record_id: uuid.UUID) -> QueueParams:
        return replace(self, after=record_id)


def default_order(tab: Tab) -> Order:
    """Return the default order of a tab: for decided edits the newest first, for others the oldest first."""
    return Order.NEWEST if tab is Tab.DECIDED else Order.OLDEST


def read_params(query: Mapping[str, str], person: Person) -> QueueParams:
    """Parse a query string; `owner=me` means `person`."""
    form = QueueForm(query)
    form.is_valid()  # fills cleaned_data with valid values only
    given = form.cleaned_data
    criteria = Criteria(
        search=given.get("q", ""),
        column=given.get("field", ""),
        kind=given.get("kind") or None,
        editor=given.get("editor"),
        age=given.get("age") or None,
        owner=person.pk if given.get("owner") == MINE else None,
    )
    tab = given.get("tab") or Tab.WAITING
    return QueueParams(tab, given.get("order") or default_order(tab), criteria, given.get("after"))
