"""Reads for the capture page: who changed contacts, the results, and how long Outlook's values were in the CRM.

Counts of past days are stored (counts.py), so the cost of a read does not depend on the number of changes.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, Sum

from syncapp.capture import counts
from syncapp.models import CaptureDay, CaptureIdentity, CaptureValue, FilterUser, Restore, SyncRecord
from syncapp.models.capture.day import ChangeResult
from syncapp.models.capture.entry import Source
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.jobs.job import database_now

# Up to this many changes, each page view counts today again; beyond that, the last stored count is shown.
MAX_COUNTED_NOW = 5000
ORDER = (Source.OUTLOOK, Source.PROGRAM, Source.UNKNOWN, Source.FORM)
# Upper ends of the ranges in which a value's time in the CRM is counted, in seconds.
LIVE_RANGE_ENDS = (10, 30, 60, 300)


@dataclass(frozen=True, slots=True)
class Writer:
    """A source of changes; `program_id` is the CRM user that a program writes as, or None for other sources."""

    source: Source
    program_id: UUID | None = None


@dataclass(slots=True)
class ColumnChanges:
    """One writer's changes to one column in 30 and in 7 days; `results` and `by_original` count those of 7 days.

    `by_original` counts changes that the original rule would have restored. `example` is the newest with a known value.
    """

    column: str
    month: int = 0
    week: int = 0
    results: Counter[ChangeResult] = field(default_factory=Counter)
    by_original: int = 0
    example_id: int | None = None
    example: CaptureValue | None = None

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a counted row."""
        week = row["week"] or 0
        self.month += row["month"]
        self.week += week
        self.results[ChangeResult(row["result"])] += week
        self.by_original += week if row["is_restored_by_original"] else 0
        self.example_id = max(filter(None, (self.example_id, row["latest"])), default=None)


@dataclass(frozen=True)
class WriterChanges:
    """The changes by one writer, the most frequent column first."""

    writer: Writer
    columns: Sequence[ColumnChanges]

    @cached_property
    def month(self) -> int:
        return sum(each.month for each in self.columns)

    @cached_property
    def week(self) -> int:
        return sum(each.week for each in self.columns)

    @cached_property
    def by_original(self) -> int:
        return sum(each.by_original for each in self.columns)

    @cached_property
    def results(self) -> Counter[ChangeResult]:
        return sum((each.results for each in self.columns), Counter())


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes by all writers. `counted_at` is the time of today's stored count, None if it was counted just now."""

    writers: Sequence[WriterChanges]
    counted_at: datetime | None

    def by_source(self, source: Source) -> list[WriterChanges]:
        """Return the changes by the writers of a source."""
        return [each for each in self.writers if each.writer.source == source]

    def with_sources(self, *sources: Source) -> list[WriterChanges]:
        """Return the changes by all writers, with an empty entry for each of `sources` that made none."""
        missing = [WriterChanges(Writer(source), ()) for source in sources if not self.by_source(source)]
        return sorted([*self.writers, *missing], key=_sort_key)


def changes() -> Changes:
    """Return the changes of the last 30 days, with an example for each column; the busiest programs come first."""
    today = counts.today()
    stored = CaptureDay.objects.filter(day=today).aggregate(number=Sum("number"))["number"] or 0
    is_stored = stored > MAX_COUNTED_NOW
    found: dict[Writer, dict[str, ColumnChanges]] = defaultdict(dict)
    for row in [*_stored_counts(today, with_today=is_stored), *([] if is_stored else _count_today(today))]:
        columns = found[Writer(Source(row["source"]), row["program_id"])]
        columns.setdefault(row["column_name"], ColumnChanges(row["column_name"])).add(row)
    writers = [
        WriterChanges(writer, sorted(columns.values(), key=lambda each: (-each.week, -each.month, each.column)))
        for writer, columns in found.items()
    ]
    with_example = [column for each in writers for column in each.columns if column.example_id is not None]
    values = CaptureValue.objects.select_related("entry").in_bulk([column.example_id for column in with_example])
    for column in with_example:
        column.example = values.get(column.example_id)
    return Changes(sorted(writers, key=_sort_key), counts.counted_at() if is_stored else None)


def _sort_key(changes: WriterChanges) -> tuple[int, int, int]:
    return ORDER.index(changes.writer.source), -changes.week, -changes.month


_KEYS = ("source", "program_id", "column_name", "result", "is_restored_by_original")


def _stored_counts(today: date, *, with_today: bool) -> list[dict[str, Any]]:
    rows = CaptureDay.objects.filter(day__gt=today - timedelta(days=counts.MONTH)).order_by()
    if not with_today:
        rows = rows.exclude(day=today)
    in_week = Q(day__gt=today - timedelta(days=counts.WEEK))
    sums = {"month": Sum("number"), "week": Sum("number", filter=in_week), "latest": Max("latest_value_id")}
    return list(rows.values(*_KEYS).annotate(**sums))


def _count_today(today: date) -> list[dict[str, Any]]:
    return [
        {key: getattr(row, key) for key in _KEYS}
        | {"month": row.number, "week": row.number, "latest": row.latest_value_id}
        for row in counts.count(today)
    ]


@dataclass(frozen=True, slots=True)
class TimesInCrm:
    """The times of restored values in the CRM, in seconds; `buckets` has the number of values in each range."""

    number: int
    median: float | None
    worst: Restore | None
    buckets: Sequence[int]


def times_in_crm(*, since: datetime) -> TimesInCrm:
    """Return how long the values restored after `since` had been in the CRM."""
    restored = Restore.objects.filter(done_at__gte=since, live_seconds__isnull=False).order_by("live_seconds")
    steps = [0.0, *LIVE_RANGE_ENDS, math.inf]
    buckets = {
        f"bucket_{number}": Count("pk", filter=Q(live_seconds__gte=low, live_seconds__lt=high))
        for number, (low, high) in enumerate(pairwise(steps))
    }
    counted = restored.order_by().aggregate(**buckets)
    numbers = [counted[name] for name in buckets]
    total = sum(numbers)
    seconds = restored.values_list("live_seconds", flat=True)
    middle = [each or 0.0 for each in seconds[(total - 1) // 2 : total // 2 + 1]] if total else []
    return TimesInCrm(total, statistics.median(middle) if middle else None, restored.last() if total else None, numbers)


def max_restores_of_column() -> int:
    """Return the highest number of restores of one column of one contact in 24 hours."""
    recent = Restore.objects.filter(done_at__gt=database_now(plus=-86_400)).exclude(result=RestoreResult.NOT_RESTORED)
    counted = recent.values("contact_id", "column_name").annotate(number=Count("done_at", distinct=True))
    return counted.aggregate(most=Max("number"))["most"] or 0


def program_names(ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the known names of programs' users."""
    known = {pk: name for pk, name in CaptureIdentity.objects.filter(pk__in=ids).values_list("pk", "name") if name}
    return known | dict(FilterUser.objects.filter(pk__in=ids).exclude(name="").values_list("pk", "name"))


@dataclass(frozen=True, slots=True)
class KnownContacts:
    """Names of contacts, and the edits on the review page by the id of their audit entry."""

    names: Mapping[UUID, str]
    edits: Mapping[str, UUID]


def known_contacts(ids: Collection[UUID]) -> KnownContacts:
    """Return what the review queue knows of these contacts; most contacts are not in it."""
    rows = SyncRecord.objects.visible().filter(target_id__in=ids).order_by("edited_on")
    names: dict[UUID, str] = {}
    edits: dict[str, UUID] = {}
    for pk, contact_id, name, operation_id in rows.values_list("pk", "target_id", "name", "operation_id"):
        if contact_id is not None and name:
            names[contact_id] = name
        edits[operation_id] = pk
    return KnownContacts(names, edits)
