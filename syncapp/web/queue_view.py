"""The queue's left side: which tab, order and search the address asks for, and the rows as they are shown."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from syncapp.crm.records import Column
from syncapp.mirror import columns
from syncapp.models import MirrorCursor, SyncField, SyncRecord
from syncapp.models.sync_field import FieldDecision, FieldDelivery
from syncapp.review import queue
from syncapp.review.queue import Order, Page, Tab
from syncapp.web.page import Surroundings

WORDS = {
    Tab.WAITING: "Waiting",
    Tab.ATTENTION: "Needs attention",
    Tab.WRITING: "Being written",
    Tab.DECIDED: "Decided",
}
ORDERS = {Order.OLDEST: "Oldest", Order.NEWEST: "Newest", Order.NAME: "Name"}
MOST_LABELS = 3
LONGEST_SEARCH = 200
Member = TypeVar("Member", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in one word, with its picture."""

    icon: str
    tone: str
    word: str


@dataclass(frozen=True, slots=True)
class Row:
    """One edit in the list."""

    record: SyncRecord
    labels: tuple[str, ...]
    count: int
    badge: Badge | None
    is_current: bool

    @property
    def more(self) -> int:
        """Fields that the row does not name."""
        return self.count - len(self.labels)


class QueueView:
    """The list of one request. Everything is read when the template asks for it, and once."""

    size = queue.PAGE

    def __init__(self, asked: QueryDict, around: Surroundings, *, current: SyncRecord | None = None) -> None:
        self.tab = _member(Tab, asked.get("tab"), Tab.WAITING)
        self.order = _member(Order, asked.get("order"), Order.OLDEST)
        self.search = asked.get("q", "").strip()[:LONGEST_SEARCH]
        self.after = _uuid(asked.get("after", ""))
        self.current = current
        self.around = around
        self._columns: dict[str, Mapping[str, Column]] = {}

    @cached_property
    def page(self) -> Page:
        after = SyncRecord.objects.filter(pk=self.after).first() if self.after else None
        return queue.page(self.tab, order=self.order, search=self.search, after=after)

    @cached_property
    def rows(self) -> list[Row]:
        return self._rows_of(self.page.records)

    @cached_property
    def row(self) -> Row | None:
        """The open edit's row, to be swapped beside its page."""
        return self._rows_of([self.current])[0] if self.current else None

    @property
    def next_after(self) -> uuid.UUID | None:
        """The row that the next page follows."""
        return self.page.records[-1].pk if self.page.has_more else None

    @cached_property
    def next(self) -> uuid.UUID | None:
        """The edit that comes after the open one, whether that one is still in this list or not."""
        if self.current is None:
            return None
        place = self._place
        if place is not None and place + 1 < len(self.page.records):
            return self.page.records[place + 1].pk
        found = queue.page(self.tab, order=self.order, search=self.search, after=self.current, size=1)
        return found.records[0].pk if found.records else None

    @cached_property
    def previous(self) -> uuid.UUID | None:
        """The edit before the open one on this page of the list."""
        return self.page.records[self._place - 1].pk if self._place else None

    @property
    def _place(self) -> int | None:
        """Where the open edit stands on this page of the list."""
        records = enumerate(self.page.records)
        return next((place for place, record in records if self.current and record.pk == self.current.pk), None)

    @cached_property
    def tabs(self) -> list[tuple[Tab, str, int | None]]:
        counts: Mapping[Tab, int] = {
            Tab.WAITING: self.around.waiting,
            Tab.ATTENTION: self.around.attention,
            Tab.WRITING: self.around.writing,
        }
        return [(tab, word, counts.get(tab)) for tab, word in WORDS.items()]

    @property
    def orders(self) -> list[tuple[Order, str]]:
        return list(ORDERS.items())

    @property
    def title(self) -> str:
        """The list's heading."""
        return f"Search in {WORDS[self.tab]}" if self.search else WORDS[self.tab]

    @property
    def query(self) -> str:
        """The list's part of an address, '' for the list that everybody sees first."""
        asked = {
            "tab": "" if self.tab is Tab.WAITING else self.tab,
            "order": "" if self.order is Order.OLDEST else self.order,
            "q": self.search,
            "after": self.after or "",
        }
        said = {name: str(value) for name, value in asked.items() if value}
        return f"?{urlencode(said)}" if said else ""

    def columns_of(self, table: str) -> Mapping[str, Column]:
        """The descriptions of a table's columns, read once for the list and the open edit."""
        if table not in self._columns:
            self._columns[table] = columns.of_table(table)
        return self._columns[table]

    def _rows_of(self, records: Sequence[SyncRecord]) -> list[Row]:
        """The rows of these edits, in one query however many they are."""
        fields: dict[uuid.UUID, list[SyncField]] = defaultdict(list)
        wanted = ("id", "record_id", "column_name", "decision", "delivery")
        for field in SyncField.objects.filter(record__in=records).only(*wanted):
            fields[field.record_id].append(field)
        known = [self.columns_of(record.target_table) for record in records]
        pairs = zip(records, known, strict=True)
        return [_row(record, fields[record.pk], columns_of, self.current) for record, columns_of in pairs]

    @cached_property
    def newest(self) -> datetime | None:
        found: datetime | None = queue.newest_edit()
        return found

    @cached_property
    def pulled(self) -> datetime | None:
        """When the CRM was last read to its end."""
        read = MirrorCursor.objects.order_by("pulled_at").values_list("pulled_at", flat=True)
        return next((moment for moment in read if moment is not None), None)


def _row(record: SyncRecord, fields: list[SyncField], known: Mapping[str, Column], current: SyncRecord | None) -> Row:
    names = [field.column_name for field in fields]
    words = sorted((known[name].label if name in known else name for name in names), key=str.casefold)
    return Row(
        record=record,
        labels=tuple(words[:MOST_LABELS]),
        count=len(fields),
        badge=_badge(fields),
        is_current=current is not None and current.pk == record.pk,
    )


def _badge(fields: list[SyncField]) -> Badge | None:
    """The gravest state of its fields; none while all of them simply wait."""
    deliveries = {field.delivery for field in fields}
    for delivery, badge in _BADGES.items():
        if delivery in deliveries:
            return badge
    if not fields or any(field.decision == FieldDecision.PENDING for field in fields):
        return None
    return _FINAL.get(frozenset(FieldDecision(field.decision) for field in fields), Badge("check", "", "Decided"))


_BADGES = {
    FieldDelivery.CONFLICT: Badge("split", "warn", "Conflict"),
    FieldDelivery.FAILED: Badge("stop-sign", "bad", "Not written"),
    FieldDelivery.SENT: Badge("clock", "accent", "Being written"),
    FieldDelivery.WAITING: Badge("clock", "accent", "Being written"),
}
_FINAL = {
    frozenset({FieldDecision.APPROVED}): Badge("check", "good", "Written"),
    frozenset({FieldDecision.REJECTED}): Badge("cross", "", "Rejected"),
    frozenset({FieldDecision.SUPERSEDED}): Badge("newer", "", "Superseded"),
    frozenset({FieldDecision.WITHDRAWN}): Badge("gone", "", "Withdrawn"),
}


def _member(words: type[Member], text: str | None, otherwise: Member) -> Member:
    try:
        return words(text or "")
    except ValueError:
        return otherwise


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
