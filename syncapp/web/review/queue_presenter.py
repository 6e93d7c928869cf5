"""The left side of the queue: one list with its rows, tabs and filters."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from typing import cast
from urllib.parse import urlencode

from django.forms import BoundField, Select
from django.utils import timezone

from syncapp import preferences
from syncapp.accounts import saved_views
from syncapp.crm.staging.records import Column
from syncapp.mirror import columns
from syncapp.mirror.edits import pull
from syncapp.models import MirrorCursor, Person, SavedView, SyncRecord
from syncapp.models.folding import by_name, search_key
from syncapp.models.person import Role
from syncapp.review import decisions
from syncapp.review.errors import ReviewError
from syncapp.review.queue import reads
from syncapp.review.queue.criteria import Tab
from syncapp.review.queue.reads import Order, Page
from syncapp.text.localization import number
from syncapp.web.base.page import PageContext
from syncapp.web.review.comments_presenter import park_days
from syncapp.web.review.params import QueueForm, QueueParams
from syncapp.web.review.row_presenter import RowPresenter, present_rows

TABS = {
    Tab.WAITING: "Waiting",
    Tab.ATTENTION: "Needs attention",
    Tab.WRITING: "In progress",
    Tab.DECIDED: "Decided",
    Tab.PARKED: "Parked",
}
ORDERS = {Order.OLDEST: "Oldest", Order.NEWEST: "Newest", Order.NAME: "Name"}
_SELECTABLE = (Tab.WAITING, Tab.ATTENTION, Tab.PARKED)
_FILTERS = ("field", "kind", "editor", "age", "owner")


class QueuePresenter:
    """Lazily computed values of one list: the template decides which of them cost a query."""

    page_size = reads.PAGE_SIZE

    def __init__(
        self,
        params: QueueParams,
        page_context: PageContext,
        *,
        current: SyncRecord | None = None,
        updated: SyncRecord | None = None,
    ) -> None:
        """Prepare the list. `current` is the open edit; after the page moved on, `updated` is the one just acted on."""
        self.params = params
        self.tab = params.tab
        self.order = params.order
        self.search = params.criteria.search
        self.after = params.after
        self.current = current
        self.updated = updated or current
        self.page_context = page_context
        self._columns: dict[str, Mapping[str, Column]] = {}

    @property
    def is_current_decided(self) -> bool:
        return self.current is not None and not (self.current.waiting_count or self.current.attention_count)

    def with_next_open(self) -> QueuePresenter | None:
        """Return the same list with its next edit open, None after the last."""
        ahead = reads.page(
            self.tab, order=self.order, criteria=self.params.criteria, after=self.current, size=2
        ).records
        if not ahead:
            return None
        advanced = QueuePresenter(self.params, self.page_context, current=ahead[0], updated=self.current)
        advanced.next = ahead[1].pk if len(ahead) > 1 else None  # the same query found both
        return advanced

    @cached_property
    def page(self) -> Page:
        after = SyncRecord.objects.filter(pk=self.after).first() if self.after else None
        return reads.page(self.tab, order=self.order, criteria=self.params.criteria, after=after)

    @cached_property
    def rows(self) -> list[RowPresenter]:
        return present_rows(self.page.records, self.columns_of, current=self.current, person=self.page_context.person)

    @property
    def is_empty(self) -> bool:
        """Return whether the list has no rows; new edits then appear at once, since they move nothing."""
        return not self.rows

    @cached_property
    def updated_row(self) -> RowPresenter | None:
        """Return the row of the edit just acted on, which htmx swaps in the list."""
        if self.updated is None:
            return None
        return present_rows([self.updated], self.columns_of, current=self.current, person=self.page_context.person)[0]

    @property
    def next_page(self) -> str:
        """Return the query string of the following rows, '' after the last."""
        return self.params.starting_after(self.page.records[-1].pk).query if self.page.has_more else ""

    @cached_property
    def next(self) -> uuid.UUID | None:
        """Return the edit after the open one, even if the open one is no longer in this list."""
        position = self._position
        if position is not None and position + 1 < len(self.page.records):
            return self.page.records[position + 1].pk
        return self._neighbor(is_backwards=False)

    @cached_property
    def previous(self) -> uuid.UUID | None:
        if self._position == 0 and not self.after:
            return None
        if self._position:
            return self.page.records[self._position - 1].pk
        if self._up_to_current:
            return next(iter(self._up_to_current[1:]), None)
        return self._neighbor(is_backwards=True)

    @cached_property
    def _up_to_current(self) -> list[uuid.UUID]:
        """Return the open edit and those before it, nearest first; none if it is not in this list."""
        if self.current is None:
            return []
        return reads.ids_up_to(self.current, self.tab, order=self.order, criteria=self.params.criteria)

    def _neighbor(self, *, is_backwards: bool) -> uuid.UUID | None:
        if self.current is None:
            return None
        criteria = self.params.criteria
        return reads.neighbor(self.current, self.tab, order=self.order, criteria=criteria, is_backwards=is_backwards)

    @property
    def _position(self) -> int | None:
        """Return the index of the open edit on this page; None if the list is not shown next to it."""
        if self.current is None or "page" not in self.__dict__:
            return None
        records = enumerate(self.page.records)
        return next((index for index, record in records if record.pk == self.current.pk), None)

    @cached_property
    def place(self) -> str:
        """Return the position of the open edit, such as "3 of 148"; '' if it is not in this list."""
        is_counted_by_page = self._position is not None and not self.after
        place = (self._position or 0) + 1 if is_counted_by_page else len(self._up_to_current)
        return f"{number(place)} of {capped(self.count)}" if 0 < place <= reads.MAX_COUNTED else ""

    @cached_property
    def tabs(self) -> list[tuple[Tab, str, str, int | None]]:
        """Return each tab with its label, query string and unfiltered count."""
        counts = self.page_context.counts
        return [(tab, label, self.params.with_tab(tab).query, counts.get(tab)) for tab, label in TABS.items()]

    @cached_property
    def is_selectable(self) -> bool:
        """Return whether rows have a checkbox: the reader can decide, and the tab is for undecided edits."""
        person = self.page_context.person
        return person is not None and person.has_role(Role.REVIEWER) and self.tab in _SELECTABLE

    @cached_property
    def reviewers(self) -> list[Person]:
        """Return the people to whom edits can be assigned: the reader first, then other reviewers, sorted by name."""
        person = self.page_context.person
        found = by_name(Person.objects.filter(is_reviewer=True, is_active=True))
        return sorted(found, key=lambda each: each != person)

    @property
    def park_days(self) -> list[tuple[date, str]]:
        """Return the days offered for parking, with their labels."""
        return park_days()

    @property
    def newest_arrival(self) -> str:
        """Return the ISO time after which an edit is new to this page."""
        return (reads.newest_edit_at_in(self.tab) or timezone.now()).isoformat()

    @cached_property
    def backlog(self) -> str:
        """Return the size of the backlog in words while backlog mode is on, else ''."""
        if not preferences.read().backlog or self.tab is not Tab.WAITING or self.params.criteria:
            return ""
        first = MirrorCursor.objects.filter(table=pull.RECORDS).values_list("found_first", flat=True).first()
        if first:
            return f"Backlog mode is on: {number(first)} edit{'' if first == 1 else 's'} came with the first reading."
        return "Backlog mode is on."

    @property
    def orders(self) -> list[tuple[Order, str, str]]:
        return [(order, label, self.params.with_order(order).query) for order, label in ORDERS.items()]

    @cached_property
    def count(self) -> int:
        """Return how many edits the list has on all pages, at most MAX_COUNTED + 1."""
        known = None
        if not self.params.criteria:
            known = next(count for tab, _, _, count in self.tabs if tab is self.tab)
        elif "page" in self.__dict__ and not self.after and not self.page.has_more:
            known = len(self.page.records)  # the page holds the whole list; next to a single edit it is not read
        return reads.count(self.tab, self.params.criteria) if known is None else known

    @property
    def undoable(self) -> SyncRecord | None:
        """Return the edit of the reader's last submit if it can still be undone; used by pages without an open edit."""
        person = self.page_context.person
        if person is None or not person.has_role(Role.REVIEWER):
            return None
        try:
            return decisions.last_submit(person)[0].field.record
        except ReviewError:
            return None

    @property
    def attention_count(self) -> int:
        """Return how many edits need attention, without any filter."""
        return self.page_context.counts[Tab.ATTENTION]

    @property
    def title(self) -> str:
        """Return the list's heading: the number of matching edits, or the numbers of waiting edits and fields."""
        count = self.count
        if self.params.criteria:
            return f"{capped(count)} match{'' if count == 1 else 'es'}" if count else "No matches"
        if not count or self.tab not in (Tab.WAITING, Tab.PARKED):
            return TABS[self.tab]
        edits = f"{capped(count)} edit{'' if count == 1 else 's'}"
        if count > reads.MAX_COUNTED:
            return edits
        fields = reads.count_fields(self.tab)
        return f"{edits}, {number(fields)} field{'' if fields == 1 else 's'}"

    @cached_property
    def query(self) -> str:
        """Return the list's query string, '' for the default list."""
        return self.params.query

    @cached_property
    def filters(self) -> list[BoundField]:
        """Return the selects of the filter bar with their choices."""
        form = QueueForm(self.params.values, auto_id="filter-%s")
        names = {*reads.changed_columns(self.tab), self.params.criteria.column} - {"", None}
        labels = columns.labels("contact")
        by_label = sorted(((name, labels.get(name, name)) for name in names), key=lambda choice: search_key(choice[1]))
        form.fields["field"].widget = Select(choices=[("", "Any field"), *by_label])
        editors = {str(editor.pk): editor.name for editor in reads.editors()}
        if wanted := self.params.criteria.editor:
            editors.setdefault(str(wanted), "Unknown person")
        form.fields["editor"].widget = Select(choices=[("", "Anyone"), *editors.items()])
        return [form[name] for name in _FILTERS]

    @property
    def active_filters(self) -> list[tuple[BoundField, str, str]]:
        """Return each filter in use with its label and the query string without it."""
        found = []
        for bound in self.filters:
            label = dict(cast(Select, bound.field.widget).choices).get(bound.value())
            if bound.value() and label:
                rest = {name: value for name, value in self.params.values.items() if name != bound.name}
                found.append((bound, label, f"?{urlencode(rest)}"))
        return found

    @cached_property
    def saved_views(self) -> list[SavedView]:
        return saved_views.list_for(SavedView, self.page_context.person) if self.page_context.person else []

    def columns_of(self, table: str) -> Mapping[str, Column]:
        """Return a table's columns, read once for the list and the open edit."""
        if table not in self._columns:
            self._columns[table] = columns.of_table(table)
        return self._columns[table]

    @cached_property
    def newest_edit_at(self) -> datetime | None:
        return reads.newest_edit_at()

    @cached_property
    def crm_read_at(self) -> datetime | None:
        """Return when the CRM was last read to the end."""
        read = (
            MirrorCursor.objects.filter(table__in=[pull.FIELDS, pull.RECORDS])
            .order_by("pulled_at")
            .values_list("pulled_at", flat=True)
        )
        return next((moment for moment in read if moment is not None), None)


def capped(count: int) -> str:
    """Return a count as text; "1,000+" if counting stopped there."""
    return f"{number(reads.MAX_COUNTED)}+" if count > reads.MAX_COUNTED else number(count)
