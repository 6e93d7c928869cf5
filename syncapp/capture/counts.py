"""Daily counts of captured changes: recent and unfinished days are counted every minute, all days every hour.

Each count of a day replaces the previous one. Days are UTC days, and a change belongs to the day on which it was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Count, F, Max, Min, OuterRef, Q, Subquery, UUIDField, Value, When
from django.db.models.functions import Coalesce, Now, TruncDate

from syncapp.capture.policy import Reason
from syncapp.crm.audits.records import Action
from syncapp.models import (
    CaptureContactDay,
    CaptureDay,
    CaptureEntry,
    CaptureIdentity,
    FilterUser,
    Heartbeat,
    Restore,
)
from syncapp.models.capture.day import ChangeResult
from syncapp.models.capture.entry import OPEN_ENTRIES, CaptureEntryQuerySet, EntryState, Source
from syncapp.models.jobs.job import database_now
from syncapp.models.locking import retried

MONTH, WEEK = 30, 7  # days, today included
FULL_COUNT_INTERVAL = 3600.0  # seconds
# `answered_at` is the time of the last count, `asked_at` that of the last count of all days.
_HEARTBEAT = "capture_counts"
# Outlook edits under the original rule; the signed rule lets them through because they are unsigned.
_UNSIGNED = Q(
    source__in=[Source.PROGRAM, Source.UNKNOWN],
    reason__in=[Reason.NOT_OUTLOOK, Reason.VALUES_NOT_READ],
    lacks_revision=True,
)


def today() -> date:
    """Return today's date (UTC)."""
    return datetime.now(UTC).date()


def shown_days() -> list[date]:
    """Return the days that pages show, newest first."""
    return [today() - timedelta(days=back) for back in range(MONTH)]


def counted_at() -> datetime | None:
    """Return when the days were last counted."""
    return Heartbeat.objects.filter(name=_HEARTBEAT).values_list("answered_at", flat=True).first()


def update() -> int:
    """Update the counts of the days that may have changed; return how many days."""
    oldest = CaptureEntry.objects.aggregate(first=Min("happened_at"))["first"]
    if oldest is None:
        return 0
    Heartbeat.objects.get_or_create(name=_HEARTBEAT)
    is_full_count_recent = Heartbeat.objects.filter(
        name=_HEARTBEAT, asked_at__gt=database_now(plus=-FULL_COUNT_INTERVAL)
    ).exists()
    shown = shown_days()
    days = {*shown[:2], *_unfinished_days()} & set(shown) if is_full_count_recent else set(shown)
    days = {day for day in days if day >= oldest.astimezone(UTC).date()}
    for day in days:
        _replace(day, count(day), _contact_counts(day))
    CaptureDay.objects.filter(day__lt=shown[-1]).delete()
    CaptureContactDay.objects.filter(day__lt=shown[-1]).delete()
    times = {"answered_at": Now()} if is_full_count_recent else {"answered_at": Now(), "asked_at": Now()}
    Heartbeat.objects.filter(name=_HEARTBEAT).update(**times)
    return len(days)


def _unfinished_days() -> set[date]:
    """Return the days with waiting changes, and those that had some when they were last counted."""
    waiting = CaptureEntry.objects.open().annotate(day=TruncDate("happened_at", tzinfo=UTC))
    counted = CaptureDay.objects.filter(result=ChangeResult.WAITING)
    return {*waiting.values_list("day", flat=True).distinct(), *counted.values_list("day", flat=True).distinct()}


@retried
def _replace(day: date, rows: Sequence[CaptureDay], contacts: Sequence[CaptureContactDay]) -> None:
    CaptureDay.objects.filter(day=day).delete()
    CaptureDay.objects.bulk_create(rows)
    CaptureContactDay.objects.filter(day=day).delete()
    CaptureContactDay.objects.bulk_create(contacts)


def _updates(day: date) -> CaptureEntryQuerySet:
    start = datetime.combine(day, time(), tzinfo=UTC)
    entries = CaptureEntry.objects.filter(happened_at__gte=start, happened_at__lt=start + timedelta(days=1))
    return entries.filter(action=Action.UPDATE).exclude(source=Source.OURS)


def _contact_counts(day: date) -> list[CaptureContactDay]:
    """Return unsaved counts, by source, of the contacts changed on a day in ways that may count as Outlook edits."""
    may_count = _updates(day).filter(Q(source=Source.OUTLOOK) | Q(lacks_revision=True))
    found = may_count.values_list("source").annotate(Count("contact_id", distinct=True)).order_by()
    return [CaptureContactDay(day=day, source=source, contacts=number) for source, number in found]


def count(day: date) -> list[CaptureDay]:
    """Return the counts of one day without storing them."""
    changes = _updates(day).exclude(reason=Reason.NO_TRACKED_COLUMN)
    listed = CaptureIdentity.objects.filter(kind=CaptureIdentity.Kind.PROGRAM).values_list("user_id", flat=True)
    programs = {*listed, *FilterUser.objects.filter(is_application=True).values_list("pk", flat=True)}
    by_original = _UNSIGNED & ~Q(user_id__in=listed) & ~Q(calling_user_id__isnull=False, calling_user_id__in=listed)
    groups = changes.annotate(
        program=_program_expression(programs),
        column=Coalesce(F("values__column_name"), Value("")),
        result=_result_expression(),
        by_original=Case(When(by_original, then=Value(1)), default=Value(0)),
    ).values("source", "program", "column", "result", "by_original")
    counted = groups.annotate(number=Count("pk"), latest=Max("values__pk", filter=Q(values__new_known=True))).order_by()
    return [_row(day, found) for found in counted]


def _row(day: date, group: Mapping[str, Any]) -> CaptureDay:
    return CaptureDay(
        day=day,
        source=group["source"],
        program_id=group["program"],
        column_name=group["column"],
        result=group["result"],
        is_restored_by_original=bool(group["by_original"]),
        number=group["number"],
        latest_value_id=group["latest"],
    )


def _program_expression(programs: set[UUID]) -> Case:
    """Return an expression for the program's user: the entry's user if known as a program, else its calling user."""
    is_program = Q(source=Source.PROGRAM)
    return Case(
        When(is_program & Q(user_id__in=programs), then=F("user_id")),
        When(is_program, then=Coalesce(F("calling_user_id"), F("user_id"))),
        default=Value(None),
        output_field=UUIDField(),
    )


def _result_expression() -> Case:
    """Return an expression for the result; a column of a staged edit that has no `Restore` row was let through."""
    restore = Restore.objects.filter(audit_id=OuterRef("pk"), column_name=OuterRef("values__column_name"))
    staged_result = Coalesce(Subquery(restore.values("result")[:1]), Value(ChangeResult.LET_THROUGH.value))
    return Case(
        When(state=EntryState.STAGED, then=staged_result),
        When(state__in=OPEN_ENTRIES, then=Value(ChangeResult.WAITING.value)),
        default=F("state"),
        output_field=CharField(),
    )
