"""Criteria of the list: words of names, a field, a kind of change, an editor, an age, the reader's own edits.

Each narrowing starts from an index whose order is the list's, or from one that finds few rows at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from syncapp import preferences
from syncapp.models import SyncField
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery, SyncFieldQuerySet
from syncapp.models.mirror.sync_record import SyncRecordQuerySet
from syncapp.review.queue import word_search

FEW = 1000
RARE = 3000  # of so many fields one finds a page as soon by reading them all as by walking a long list
NOBODY_EDITED_YET = datetime(1970, 1, 1, tzinfo=UTC)


class Tab(StrEnum):
    """The views of the queue."""

    WAITING = "waiting"
    ATTENTION = "attention"
    WRITING = "writing"
    DECIDED = "decided"
    PARKED = "parked"


class Age(StrEnum):
    """How old an edit is at least; `FRESH`: at most."""

    FRESH = "fresh"
    DAY = "day"
    OVERDUE = "overdue"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Criteria:
    """Everything that a list may be asked for besides its tab and its order; the defaults ask for nothing."""

    search: str = ""
    column: str = ""
    kind: ChangeKind | None = None
    editor: uuid.UUID | None = None
    age: Age | None = None
    owner: uuid.UUID | None = None

    def __bool__(self) -> bool:
        return self != NO_CRITERIA

    @property
    def is_of_fields_only(self) -> bool:
        """Whether nothing but their fields tells the edits."""
        return self.names_fields and self == Criteria(column=self.column, kind=self.kind)

    @property
    def names_fields(self) -> bool:
        """Whether only some of an edit's fields are meant."""
        return bool(self.column or self.kind)


NO_CRITERIA = Criteria()


def filter_records(rows: SyncRecordQuerySet, tab: Tab, by: Criteria) -> SyncRecordQuerySet:
    """Return the rows of `tab` that match; the caller puts them in order."""
    for name in ("editor", "age", "owner"):
        if getattr(by, name):
            rows = rows.filter(_CONDITIONS[name](getattr(by, name)))
    if by.search:
        rows = word_search.filter_records(rows, by.search)
    return _with_fields(rows, tab, by) if by.names_fields else rows


def matching_fields(tab: Tab, by: Criteria) -> SyncFieldQuerySet:
    """The fields that a list shows its rows for."""
    fields = SyncField.objects.filter(**{"column_name": by.column} if by.column else {})
    if by.kind:
        fields = fields.filter(change_kind=by.kind)
    return fields.filter(_STATES[tab])


def _with_fields(rows: SyncRecordQuerySet, tab: Tab, by: Criteria) -> SyncRecordQuerySet:
    """Where few fields match, their rows; else rows in the list's order, each asked for such a field."""
    fields = matching_fields(tab, by)
    is_found_by_index = tab in _INDEXED and (by.column or tab is not Tab.DECIDED)
    if is_found_by_index and not fields.order_by()[RARE : RARE + 1].exists():
        # The limit changes nothing but the plan: with it both databases find these fields first.
        return rows.filter(pk__in=fields.order_by().values("record_id")[:RARE])
    return rows.filter(Exists(fields.filter(record=OuterRef("pk"))))


def overdue_before() -> datetime | None:
    """The moment before which a waiting edit is overdue; None while a backlog is worked off."""
    rules = preferences.read()
    return None if rules.backlog else timezone.now() - timedelta(hours=rules.overdue_hours)


def age_condition(age: Age) -> Q:
    """Edits of this age; nobody's where it means nothing now."""
    if age is Age.FRESH:
        return Q(edited_on__gt=timezone.now() - timedelta(days=1))
    before = overdue_before() if age is Age.OVERDUE else timezone.now() - timedelta(days=_DAYS[age])
    return Q(edited_on__lt=before or NOBODY_EDITED_YET)


_DAYS = {Age.DAY: 1, Age.WEEK: 7, Age.MONTH: 30}
_CONDITIONS: Mapping[str, Any] = {
    "editor": lambda pk: Q(editor_id=pk),
    "age": age_condition,
    "owner": lambda pk: Q(assigned_to_id=pk),
}
_UNDECIDED = Q(decision=FieldDecision.PENDING, delivery=FieldDelivery.NONE, unreadable="")
_UNREADABLE = Q(decision=FieldDecision.PENDING) & (Q(unreadable__gt="") | Q(record__unreadable__gt=""))
_STATES = {
    Tab.WAITING: _UNDECIDED,
    Tab.PARKED: _UNDECIDED,
    Tab.ATTENTION: Q(delivery__in=[FieldDelivery.CONFLICT, FieldDelivery.FAILED]) | _UNREADABLE,
    Tab.WRITING: Q(delivery__in=[FieldDelivery.WAITING, FieldDelivery.SENT]),
    Tab.DECIDED: ~Q(decision=FieldDecision.PENDING),
}
# The tabs whose fields an index finds by column and kind; in the others there are never many rows.
_INDEXED = (Tab.WAITING, Tab.DECIDED)
