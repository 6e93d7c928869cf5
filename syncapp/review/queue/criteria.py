"""Criteria of the list: words of names, a field, a kind of change, an editor, an age, the owner.

Each filter starts from an index in the order of the list, or from one that quickly narrows to few rows.
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

MAX_PARKED_IDS = 1000
MAX_RARE_FIELDS = 3000  # up to this many fields, reading them all is as fast as walking a long list
BEFORE_ALL_EDITS = datetime(1970, 1, 1, tzinfo=UTC)


class Tab(StrEnum):
    """The tabs of the queue."""

    WAITING = "waiting"
    ATTENTION = "attention"
    WRITING = "writing"
    DECIDED = "decided"
    PARKED = "parked"


class Age(StrEnum):
    """The minimum age of an edit; for `FRESH` the maximum."""

    FRESH = "fresh"
    DAY = "day"
    OVERDUE = "overdue"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Criteria:
    """The filters of a list besides its tab and order; empty values filter nothing."""

    search: str = ""
    column: str = ""
    kind: ChangeKind | None = None
    editor: uuid.UUID | None = None
    age: Age | None = None
    owner: uuid.UUID | None = None

    def __bool__(self) -> bool:
        return self != NO_CRITERIA

    @property
    def has_only_field_criteria(self) -> bool:
        """Return whether only a column or a kind of change is given."""
        return self.has_field_criteria and self == Criteria(column=self.column, kind=self.kind)

    @property
    def has_field_criteria(self) -> bool:
        """Return whether the criteria may match only some of an edit's fields."""
        return bool(self.column or self.kind)


NO_CRITERIA = Criteria()


def filter_records(rows: SyncRecordQuerySet, tab: Tab, criteria: Criteria) -> SyncRecordQuerySet:
    """Return the rows of `tab` that match the criteria; the caller sorts them."""
    for name in ("editor", "age", "owner"):
        if getattr(criteria, name):
            rows = rows.filter(_CONDITIONS[name](getattr(criteria, name)))
    if criteria.search:
        rows = word_search.filter_records(rows, criteria.search)
    if not criteria.has_field_criteria:
        return rows
    fields = matching_fields(tab, criteria)
    is_found_by_index = tab in _INDEXED and (criteria.column or tab is not Tab.DECIDED)
    if is_found_by_index and not fields.order_by()[MAX_RARE_FIELDS : MAX_RARE_FIELDS + 1].exists():
        # The limit only changes the query plan: with it both databases start with these few fields.
        return rows.filter(pk__in=fields.order_by().values("record_id")[:MAX_RARE_FIELDS])
    return rows.filter(Exists(fields.filter(record=OuterRef("pk"))))  # checks each row in the list's order


def matching_fields(tab: Tab, criteria: Criteria) -> SyncFieldQuerySet:
    """Return the fields that make a list show their edits."""
    fields = SyncField.objects.filter(**{"column_name": criteria.column} if criteria.column else {})
    if criteria.kind:
        fields = fields.filter(change_kind=criteria.kind)
    return fields.filter(_STATES[tab])


def overdue_before() -> datetime | None:
    """Return the cutoff: waiting edits made before it are overdue. None in backlog mode."""
    current = preferences.read()
    return None if current.backlog else timezone.now() - timedelta(hours=current.overdue_hours)


def age_condition(age: Age) -> Q:
    """Return the condition for edits of this age; OVERDUE matches none in backlog mode."""
    if age is Age.FRESH:
        return Q(edited_on__gt=timezone.now() - timedelta(days=1))
    before = overdue_before() if age is Age.OVERDUE else timezone.now() - timedelta(days=_DAYS[age])
    return Q(edited_on__lt=before or BEFORE_ALL_EDITS)


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
# The tabs whose fields an index finds by column and kind; the other tabs never have many rows.
_INDEXED = (Tab.WAITING, Tab.DECIDED)
