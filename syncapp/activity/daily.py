"""Daily counts of events: the last days are counted every minute, all days after each full read of the CRM.

Each count of a day replaces the previous one, so counting twice or after a crash is harmless. Days are UTC days. An
edit belongs to the day on which it was made in Outlook, a decision to the day on which it was taken. Undone
decisions are not counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from syncapp.models import AuditEntry, DailyCount, Decision, Heartbeat, MirrorCursor, SyncField, SyncRecord
from syncapp.models.activity import Measure, Part
from syncapp.models.jobs.job import database_now
from syncapp.models.review.decision import DecisionState, Kind, Outcome

COUNTED, BACKFILL = "numbers", "numbers_rest"
LAST_DAYS = 3
HISTORY = timedelta(days=400)  # the page shows up to a year
# Ages are counted in steps, each a fifth longer than the one before, so a median is accurate to within a tenth.
FIRST_STEP, STEP = 60.0, 1.2

_MEASURES = {
    "field.review.approved": Measure.APPROVED,
    "field.review.rejected": Measure.REJECTED,
    "field.put_back.rejected": Measure.PUT_BACK,
    "field.after_all.approved": Measure.AFTER_ALL,
    "field.delivery.conflict": Measure.CONFLICT,
    "field.delivery.failed": Measure.FAILED,
    "field.superseded": Measure.SUPERSEDED,
    "field.withdrawn": Measure.WITHDRAWN,
}
_REVIEWED = ("field.review.approved", "field.review.rejected")
# Decisions from before a restore: their audit entries date from the day on which they were recognized.
_RECOGNIZED = {
    (Kind.REVIEW, Outcome.APPROVED): Measure.APPROVED,
    (Kind.REVIEW, Outcome.REJECTED): Measure.REJECTED,
    (Kind.PUT_BACK, Outcome.REJECTED): Measure.PUT_BACK,
    (Kind.AFTER_ALL, Outcome.APPROVED): Measure.AFTER_ALL,
    (Kind.SUPERSEDE, Outcome.SUPERSEDED): Measure.SUPERSEDED,
}
# Each edit is in exactly one of these states. Each state has an index by the time of the edit; no index covers all.
_STATES = (
    Q(record__waiting_count__gt=0),
    Q(record__attention_count__gt=0, record__waiting_count=0),
    Q(record__writing_count__gt=0, record__attention_count=0, record__waiting_count=0),
    Q(record__writing_count=0, record__attention_count=0, record__waiting_count=0),
)
Counted = Counter[tuple[Measure, Part, str]]


def update_counts(*, seconds: float = 20.0) -> int:
    """Count the days that may have changed; return how many. Return 0 if another process has just counted them.

    Counting all days stops after about `seconds`; the next call continues.
    """
    Heartbeat.objects.get_or_create(name=COUNTED)
    counted_before = database_now(plus=-settings.NUMBERS_SECONDS / 2)
    due = Heartbeat.objects.filter(Q(answered_at__isnull=True) | Q(answered_at__lte=counted_before), name=COUNTED)
    if due.update(answered_at=Now()) != 1:
        return 0
    until = monotonic() + seconds
    last_full_count = Heartbeat.objects.filter(name=COUNTED).values_list("asked_at", flat=True).first()
    # A full read of the CRM, or decisions from before a restore that were found in it, may add events to any day.
    if (
        last_full_count is None
        or MirrorCursor.objects.filter(full_read_at__gte=last_full_count).exists()
        or Decision.objects.filter(recognized_at__gte=last_full_count).exists()
    ):
        Heartbeat.objects.filter(name=COUNTED).update(asked_at=Now())
        _set_backfill_day(_today() - timedelta(days=LAST_DAYS))
    days = [_today() - timedelta(days=days_back) for days_back in range(LAST_DAYS)]
    for day in days:
        count_day(day)
    counted = len(days) + _backfill(until=until)
    Heartbeat.objects.filter(name=COUNTED).update(answered_at=Now())
    return counted


def _backfill(*, until: float) -> int:
    """Count older days that remain, newest first, until the time is up; return how many."""
    remaining = Heartbeat.objects.filter(name=BACKFILL).values_list("asked_at", flat=True).first()
    if remaining is None:
        return 0
    first_edit = SyncRecord.objects.filter(is_stub=False).aggregate(first=Min("edited_on"))["first"]
    first_entry = AuditEntry.objects.aggregate(first=Min("at"))["first"]
    first_days = [moment.astimezone(UTC).date() for moment in (first_edit, first_entry) if moment]
    first = max(min(first_days, default=_today()), _today() - HISTORY)
    day, counted = remaining.astimezone(UTC).date(), 0
    while day >= first and monotonic() < until:
        count_day(day)
        day, counted = day - timedelta(days=1), counted + 1
    _set_backfill_day(day if day >= first else None)
    return counted


def _set_backfill_day(day: date | None) -> None:
    """Store the newest day that remains to be counted; None means that all are counted."""
    moment = datetime.combine(day, time(), tzinfo=UTC) if day else None
    Heartbeat.objects.update_or_create(name=BACKFILL, defaults={"asked_at": moment})


def counted_at() -> datetime | None:
    """Return when the days were last counted."""
    return Heartbeat.objects.filter(name=COUNTED).values_list("answered_at", flat=True).first()


def count_day(day: date) -> None:
    """Count one day and replace its previous counts."""
    counted = _count_ages(day)
    for state in _STATES:
        fields = SyncField.objects.filter(
            state, record__is_stub=False, **_within_day(day, "record__edited_on")
        ).order_by()
        received = fields.values_list("column_name", "record__editor_id").annotate(Count("pk"))
        counted += _count_by_part((Measure.RECEIVED, *row) for row in received)
    entries = _entries_not_undone(day, tuple(_MEASURES)).annotate(editor=_edit_column("editor_id"))
    audited = entries.values_list("action", "column_name", "editor").annotate(Count("pk"))
    counted += _count_by_part((_MEASURES[action], *row) for action, *row in audited)
    columns = ("kind", "outcome", "field__column_name", "field__record__editor_id")
    recognized = _recognized_on(day).values_list(*columns).annotate(Count("pk"))
    counted += _count_by_part((_RECOGNIZED[Kind(kind), Outcome(outcome)], *row) for kind, outcome, *row in recognized)
    rows = [
        DailyCount(day=day, measure=measure, part=part, key=key, number=number)
        for (measure, part, key), number in counted.items()
    ]
    with transaction.atomic():
        DailyCount.objects.filter(day=day).delete()
        DailyCount.objects.bulk_create(rows)


def step_of(seconds: float) -> int:
    """Return the step that an age in seconds belongs to."""
    return max(0, math.floor(math.log(max(seconds, FIRST_STEP) / FIRST_STEP, STEP)))


def seconds_of(step: int) -> float:
    """Return the age in seconds in the middle of a step."""
    return FIRST_STEP * math.pow(STEP, step + 0.5)


def _today() -> date:
    return datetime.now(UTC).date()


def _within_day(day: date, column: str) -> dict[str, datetime]:
    start = datetime.combine(day, time(), tzinfo=UTC)
    return {f"{column}__gte": start, f"{column}__lt": start + timedelta(days=1)}


def _recognized_on(day: date) -> QuerySet[Decision]:
    """Return the day's decisions that were recognized in the CRM after a restore."""
    recognized = Decision.objects.filter(recognized_at__isnull=False, state=DecisionState.WRITTEN)
    return recognized.filter(**_within_day(day, "decided_at")).order_by()


def _count_by_part(rows: Iterable[tuple[Measure, str, Any, int]]) -> Counted:
    """Count by column and by editor from the same rows, since queries make up most of the cost of a quiet day."""
    counted: Counted = Counter()
    for measure, column, editor, number in rows:
        counted[measure, Part.COLUMN, column] += number
        counted[measure, Part.EDITOR, str(editor or "")] += number
    return counted


def _entries_not_undone(day: date, actions: tuple[str, ...]) -> QuerySet[AuditEntry]:
    """Return the day's entries of these actions, except decisions that were undone."""
    undone = Decision.objects.filter(pk=OuterRef("decision_id"), state=DecisionState.UNDONE)
    return AuditEntry.objects.filter(~Exists(undone), action__in=actions, **_within_day(day, "at")).order_by()


def _edit_column(column: str) -> Subquery:
    return Subquery(SyncRecord.objects.filter(pk=OuterRef("record_id")).values(column))


def _count_ages(day: date) -> Counted:
    """Count by step the ages at which edits were decided, and find the greatest age."""
    counted: Counted = Counter()
    decided = (
        _entries_not_undone(day, _REVIEWED)
        .annotate(edited_on=_edit_column("edited_on"))
        .filter(edited_on__isnull=False)
    )
    recognized = _recognized_on(day).filter(kind=Kind.REVIEW, field__record__edited_on__isnull=False)
    times = chain(
        decided.values_list("at", "edited_on").iterator(),
        recognized.values_list("decided_at", "field__record__edited_on").iterator(),
    )
    for at, edited_on in times:
        seconds = max((at - edited_on).total_seconds(), 0.0)
        counted[Measure.AGE, Part.STEP, str(step_of(seconds))] += 1
        oldest = (Measure.OLDEST, Part.STEP, "")
        counted[oldest] = max(counted[oldest], round(seconds))
    return counted
