"""The queue's left side: the list that the address asks for, its rows, and what it can be narrowed to."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from django.utils import timezone

from syncapp import preferences
from syncapp.crm.staging.records import Column
from syncapp.mirror import columns
from syncapp.mirror.edits import pull
from syncapp.models import MirrorCursor, SavedView, SyncRecord
from syncapp.models.folding import search_key
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.person import Role
from syncapp.review.queue import reads, saved_views
from syncapp.review.queue.criteria import Age, Tab
from syncapp.review.queue.reads import Order, Page
from syncapp.text.localization import number
from syncapp.web.base.page import PageContext
from syncapp.web.review.list_rows import Row, rows_of
from syncapp.web.review.params import MINE, Asked

WORDS = {
    Tab.WAITING: "Waiting",
    Tab.ATTENTION: "Needs attention",
    Tab.WRITING: "In progress",
    Tab.DECIDED: "Decided",
    Tab.PARKED: "Parked",
}
ORDERS = {Order.OLDEST: "Oldest", Order.NEWEST: "Newest", Order.NAME: "Name"}
AGES = {
    Age.FRESH: "Last 24 hours",
    Age.DAY: "Over 1 day",
    Age.OVERDUE: "Overdue",
    Age.WEEK: "Over 7 days",
    Age.MONTH: "Over 30 days",
}

_SELECTABLE = (Tab.WAITING, Tab.ATTENTION, Tab.PARKED)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a filter: what the address says, and what a person reads."""

    value: str
    word: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A question of the filter bar, its answers, and the one that is given ('' for any)."""

    name: str
    label: str
    any_word: str
    choices: tuple[Choice, ...]
    given: str


class QueueView:
    """The list of one request. Everything is read when the template asks for it, and once."""

    size = reads.PAGE_SIZE

    def __init__(
        self,
        asked: Asked,
        around: PageContext,
        *,
        current: SyncRecord | None = None,
        left: SyncRecord | None = None,
    ) -> None:
        self.asked = asked
        self.tab = asked.tab
        self.order = asked.order
        self.search = asked.by.search
        self.after = asked.after
        self.current = current
        self.left = left or current
        self.around = around
        self._columns: dict[str, Mapping[str, Column]] = {}

    @property
    def is_through(self) -> bool:
        """Whether nothing of the open edit is left to decide."""
        return self.current is not None and not (self.current.waiting_count or self.current.attention_count)

    def moved_on(self) -> QueueView | None:
        """The same list with its next edit open, and news of the one that was; None after the last."""
        ahead = reads.page(self.tab, order=self.order, criteria=self.asked.by, after=self.current, size=2).records
        if not ahead:
            return None
        view = QueueView(self.asked, self.around, current=ahead[0], left=self.current)
        view.next = ahead[1].pk if len(ahead) > 1 else None  # one statement found both
        return view

    @cached_property
    def page(self) -> Page:
        after = SyncRecord.objects.filter(pk=self.after).first() if self.after else None
        return reads.page(self.tab, order=self.order, criteria=self.asked.by, after=after)

    @cached_property
    def rows(self) -> list[Row]:
        return rows_of(self.page.records, self.columns_of, current=self.current, person=self.around.person)

    @cached_property
    def row(self) -> Row | None:
        """The row of the edit that a step was taken on, to be swapped beside the page: the open one, or one left."""
        if self.left is None:
            return None
        return rows_of([self.left], self.columns_of, current=self.current, person=self.around.person)[0]

    @property
    def next_page(self) -> str:
        """The address of the rows that follow, '' after the last."""
        return self.asked.following(self.page.records[-1].pk).query if self.page.has_more else ""

    @cached_property
    def next(self) -> uuid.UUID | None:
        """The edit that comes after the open one, whether that one is still in this list or not."""
        place = self._place
        if place is not None and place + 1 < len(self.page.records):
            return self.page.records[place + 1].pk
        return self._neighbour(is_backwards=False)

    @cached_property
    def previous(self) -> uuid.UUID | None:
        """The edit before the open one, on this page of the list or in front of it."""
        if self._place == 0 and not self.after:
            return None
        return self.page.records[self._place - 1].pk if self._place else self._neighbour(is_backwards=True)

    def _neighbour(self, *, is_backwards: bool) -> uuid.UUID | None:
        if self.current is None:
            return None
        return reads.neighbor(
            self.current, self.tab, order=self.order, criteria=self.asked.by, is_backwards=is_backwards
        )

    @property
    def _place(self) -> int | None:
        """Where the open edit stands on this page of the list; None where the list is not shown beside it."""
        if self.current is None or "page" not in self.__dict__:
            return None
        records = enumerate(self.page.records)
        return next((place for place, record in records if record.pk == self.current.pk), None)

    @cached_property
    def tabs(self) -> list[tuple[Tab, str, str, int | None]]:
        """Each with its word, its address and how many edits it has without any filter."""
        counts = self.around.counts
        return [(tab, word, self.asked.with_tab(tab).query, counts.get(tab)) for tab, word in WORDS.items()]

    @property
    def selectable(self) -> bool:
        """Whether rows can be ticked: the reader decides, and the tab has something to decide."""
        person = self.around.person
        return person is not None and person.has_role(Role.REVIEWER) and self.tab in _SELECTABLE

    @property
    def newest_stamp(self) -> str:
        """The moment after which an edit is new to this page."""
        return (reads.newest_edit_in(self.tab) or timezone.now()).isoformat()

    @cached_property
    def backlog(self) -> str:
        """How many edits came in with the first reading, while they are worked off; '' otherwise."""
        if not preferences.read().backlog or self.tab is not Tab.WAITING or self.asked.by:
            return ""
        first = MirrorCursor.objects.filter(table=pull.RECORDS).values_list("found_first", flat=True).first()
        if first:
            return f"{number(first)} edit{'' if first == 1 else 's'} came in with the first reading."
        return "The edits that wait are a backlog."

    @property
    def orders(self) -> list[tuple[Order, str, str]]:
        return [(order, word, self.asked.with_order(order).query) for order, word in ORDERS.items()]

    @cached_property
    def found(self) -> int:
        """How many edits are in the list, on all of its pages; at most MOST_COUNTED + 1."""
        if not self.asked.by:
            known = next(count for tab, _, _, count in self.tabs if tab is self.tab)
        else:
            known = len(self.page.records) if self._is_whole else None
        return reads.count(self.tab, self.asked.by) if known is None else known

    @property
    def _is_whole(self) -> bool:
        """Return whether the page that was read is the whole list; beside a single edit no page is read."""
        return "page" in self.__dict__ and not self.after and not self.page.has_more

    @property
    def attention(self) -> int:
        """Return how many edits need attention, whatever the list is narrowed to."""
        return self.around.counts[Tab.ATTENTION]

    @property
    def title(self) -> str:
        """The list's heading: how many are in it, where that is not the tab's own number."""
        if not self.asked.by:
            return WORDS[self.tab]
        found = self.found
        if not found:
            return "No match"
        many = f"{number(reads.MAX_COUNTED)}+" if found > reads.MAX_COUNTED else number(found)
        return f"{many} match" if found != 1 else "1 matches"

    @property
    def query(self) -> str:
        """The list's part of an address, '' for the list that everybody sees first."""
        return self.asked.query

    @cached_property
    def filters(self) -> list[Filter]:
        """The questions of the filter bar, each with the answers that there are."""
        said = self.asked.parameters
        questions = (
            ("field", "Field", "Any field", self._fields()),
            ("kind", "Kind of change", "Any change", [Choice(kind.value, str(kind.label)) for kind in ChangeKind]),
            ("editor", "Edited by", "Edited by anyone", self._editors()),
            ("age", "Age", "Any age", [Choice(age.value, word) for age, word in AGES.items()]),
            ("owner", "Assigned to", "Anyone’s", [Choice(MINE, "Mine")]),
        )
        return [Filter(name, label, word, tuple(of), said.get(name, "")) for name, label, word, of in questions]

    @property
    def given(self) -> list[tuple[Filter, str, str]]:
        """The filters in use, each with its answer in words and the address without it."""
        found = []
        for one in self.filters:
            word = next((choice.word for choice in one.choices if choice.value == one.given), "")
            if word and one.given:
                rest = {name: value for name, value in self.asked.parameters.items() if name != one.name}
                found.append((one, word, f"?{urlencode(rest)}"))
        return found

    def _fields(self) -> list[Choice]:
        names = {*filter(None, reads.changed_columns(self.tab)), *filter(None, [self.asked.by.column])}
        labels = columns.labels("contact")
        return sorted((Choice(name, labels.get(name, name)) for name in names), key=lambda one: search_key(one.word))

    def _editors(self) -> list[Choice]:
        found = [Choice(str(editor.pk), editor.name) for editor in reads.editors()]
        wanted = str(self.asked.by.editor or "")
        known = not wanted or any(choice.value == wanted for choice in found)
        return found if known else [*found, Choice(wanted, "One person")]

    @cached_property
    def saved(self) -> list[SavedView]:
        """The reader's own views."""
        return saved_views.list_for(self.around.person) if self.around.person else []

    def columns_of(self, table: str) -> Mapping[str, Column]:
        """The descriptions of a table's columns, read once for the list and the open edit."""
        if table not in self._columns:
            self._columns[table] = columns.of_table(table)
        return self._columns[table]

    @cached_property
    def newest(self) -> datetime | None:
        """When the last edit was made that arrived."""
        return reads.newest_edit()

    @cached_property
    def pulled(self) -> datetime | None:
        """When the CRM was last read to its end."""
        read = (
            MirrorCursor.objects.filter(table__in=[pull.FIELDS, pull.RECORDS])
            .order_by("pulled_at")
            .values_list("pulled_at", flat=True)
        )
        return next((moment for moment in read if moment is not None), None)
