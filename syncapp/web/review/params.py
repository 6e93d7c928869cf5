"""What the queue's address asks for: tab, order, narrowing, where to go on; and back into an address."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import TypeVar
from urllib.parse import urlencode

from syncapp.models import Person
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.review.queue.criteria import NO_CRITERIA, Age, Criteria, Tab
from syncapp.review.queue.reads import Order
from syncapp.text.ids import parse_uuid

LONGEST_SEARCH = 200
LONGEST_COLUMN = 128
MINE = "me"
Member = TypeVar("Member", bound=Enum)


@dataclass(frozen=True)
class Asked:
    """One list of the queue, as an address names it. What makes no sense in an address is left out."""

    tab: Tab = Tab.WAITING
    order: Order = Order.OLDEST
    by: Criteria = NO_CRITERIA
    after: uuid.UUID | None = None

    @cached_property
    def parameters(self) -> dict[str, str]:
        """What an address has to say; nothing for the list that everybody sees first. `after` is not among it."""
        said = {
            "tab": "" if self.tab is Tab.WAITING else self.tab.value,
            "order": "" if self.order is usual_order(self.tab) else self.order.value,
            "field": self.by.column,
            "kind": self.by.kind.value if self.by.kind else "",
            "editor": str(self.by.editor or ""),
            "age": self.by.age.value if self.by.age else "",
            "owner": MINE if self.by.owner else "",
            "q": self.by.search,
        }
        return {name: value for name, value in said.items() if value}

    @property
    def query(self) -> str:
        """The address's part after the path, '' or beginning with a question mark."""
        said = self.parameters | ({"after": str(self.after)} if self.after else {})
        return f"?{urlencode(said)}" if said else ""

    @property
    def first_page(self) -> Asked:
        return replace(self, after=None)

    @property
    def everything(self) -> Asked:
        """The same tab and order, nothing left out."""
        return Asked(self.tab, self.order)

    def with_tab(self, tab: Tab) -> Asked:
        order = usual_order(tab) if self.order is usual_order(self.tab) else self.order
        return replace(self, tab=tab, order=order, after=None)

    def with_order(self, order: Order) -> Asked:
        return replace(self, order=order, after=None)

    def following(self, after: uuid.UUID) -> Asked:
        return replace(self, after=after)


def usual_order(tab: Tab) -> Order:
    """What waits longest comes first; of what is decided, people look for the latest."""
    return Order.NEWEST if tab is Tab.DECIDED else Order.OLDEST


def read(parameters: Mapping[str, str], person: Person) -> Asked:
    """The list that these parameters ask for; `owner=me` is the person's own."""
    by = Criteria(
        search=parameters.get("q", "").strip()[:LONGEST_SEARCH],
        column=parameters.get("field", "").strip()[:LONGEST_COLUMN],
        kind=_member(ChangeKind, parameters.get("kind"), None),
        editor=parse_uuid(parameters.get("editor", "")),
        age=_member(Age, parameters.get("age"), None),
        owner=person.pk if parameters.get("owner") == MINE else None,
    )
    tab = _member(Tab, parameters.get("tab"), Tab.WAITING) or Tab.WAITING
    order = _member(Order, parameters.get("order"), None) or usual_order(tab)
    return Asked(tab, order, by, parse_uuid(parameters.get("after", "")))


def _member(words: type[Member], text: str | None, otherwise: Member | None) -> Member | None:
    try:
        return words(text or "")
    except ValueError:
        return otherwise
