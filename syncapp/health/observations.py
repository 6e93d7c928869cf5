"""Observations of the portal's state, each of which is read only when needed, and only once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Min, Q, QuerySet
from django.db.models.functions import Now

from syncapp.capture import failures, rhythm
from syncapp.capture.rounds import CURSOR
from syncapp.health import heartbeats, probes
from syncapp.health.heartbeats import Heartbeats
from syncapp.jobs import breakers, runner
from syncapp.jobs.runner import JobType
from syncapp.mirror import uses
from syncapp.mirror.edits import pull
from syncapp.mirror.filters import schedule
from syncapp.mirror.uses import Period, Use
from syncapp.models import Breaker, Capture, CaptureGap, Connection, MirrorCursor, UnreadableRow
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.compiled_select import select_row
from syncapp.models.jobs.job import Job

SILENT_SECONDS = 45.0  # workers get a heartbeat task every 10 seconds
GAPS_SHOWN_FOR = timedelta(days=7)  # after the end of a gap
MISSED_SECONDS = 15.0  # after one missing heartbeat, Redis itself is pinged


@dataclass(frozen=True, slots=True)
class OverdueJobs:
    """A job type whose oldest due job is too old; `age` in seconds."""

    job_type: type[JobType]
    age: float


@dataclass(frozen=True, slots=True)
class AuditLogState:
    """The state of capture, the last complete round of reading, why reading failed, and recent gaps.

    `failed` is the number of edits that could not be staged.
    """

    capture: Capture
    read_at: datetime | None
    problem: str
    gaps: Sequence[CaptureGap]
    failed: int


class Observations:
    """The state of all parts at one moment. With `always_ping_redis`, Redis is pinged even if workers answer."""

    def __init__(self, *, always_ping_redis: bool = False) -> None:
        self._always_ping_redis = always_ping_redis

    @cached_property
    def heartbeats(self) -> Heartbeats:
        return heartbeats.read()

    @property
    def now(self) -> datetime:
        """Return the time of the observations by the database's clock, which also dates what they compare."""
        return self.heartbeats.now

    @cached_property
    def redis_answers(self) -> bool:
        """Return whether Redis answers; a page pings it only if a worker's heartbeat is late."""
        if self._always_ping_redis:
            return probes.BROKER.answers()
        return not self.is_older(self.heartbeats.worker_answered_at, MISSED_SECONDS) or probes.BROKER.answered_lately()

    @cached_property
    def cursors(self) -> list[MirrorCursor]:
        """Return the reading positions of both tables of edits."""
        return [cursor for cursor in self._all_cursors if cursor.table != schedule.CURSOR]

    @property
    def inventory_problem(self) -> str:
        """Return why the inventory could not be read; '' if it could."""
        return next((cursor.trouble for cursor in self._all_cursors if cursor.table == schedule.CURSOR), "")

    @cached_property
    def _all_cursors(self) -> list[MirrorCursor]:
        return list(MirrorCursor.objects.filter(table__in=[pull.FIELDS, pull.RECORDS, schedule.CURSOR]))

    @cached_property
    def pulled_at(self) -> datetime | None:
        """Return when both tables were last read to the end; None before the first time."""
        dates = [cursor.pulled_at for cursor in self.cursors if cursor.pulled_at is not None]
        return min(dates) if len(dates) == len((pull.FIELDS, pull.RECORDS)) else None

    @property
    def stalled_after(self) -> float:
        """Return the age in seconds beyond which the mirror counts as stalled: the current interval and a tolerance."""
        tolerance = max(30.0, 6 * settings.PULL_SECONDS) - settings.PULL_SECONDS
        return uses.pull_interval(self._lasting_uses(Use.QUEUE, seconds=tolerance)) + tolerance

    @property
    def capture_stalled_after(self) -> float:
        """Return the age in seconds beyond which reading the audit log counts as stalled; a round may take a minute."""
        tolerance = max(60.0, 12 * settings.PULL_SECONDS)
        lasting = self._lasting_uses(Use.QUEUE, Use.ARRIVALS, seconds=tolerance)
        return rhythm.interval(lasting) + tolerance

    def _lasting_uses(self, *recent: Use, seconds: float) -> Mapping[Use, Period]:
        """Return the uses, except those of `recent` that began within `seconds`, too late for the current interval."""
        found = self.heartbeats.uses
        return {
            use: period for use, period in found.items() if use not in recent or self.is_older(period.since, seconds)
        }

    @cached_property
    def audit_log(self) -> AuditLogState | None:
        """Return the state of reading the audit log; None if capture is off."""
        capture = Capture.objects.first() if settings.CAPTURE == rhythm.AUDIT else None
        if capture is None or capture.mode == CaptureMode.OFF:
            return None
        cursor = MirrorCursor.objects.filter(table=CURSOR).first() or MirrorCursor()
        since = self.now - GAPS_SHOWN_FOR
        recent_gaps = CaptureGap.objects.filter(Q(ends_at=None) | Q(ends_at__gt=since)).order_by("begins_at")
        return AuditLogState(
            capture, cursor.pulled_at, cursor.trouble, list(recent_gaps), failures.failed_entries().count()
        )

    @cached_property
    def open_breakers(self) -> list[Breaker]:
        return breakers.all_open()

    @cached_property
    def connection(self) -> Connection | None:
        return Connection.objects.first()

    @cached_property
    def due_ages(self) -> dict[str, float]:
        """Return the age in seconds of the oldest due job per job type, in one statement, as every page needs it."""
        dates: Sequence[Any] = select_row("({})", _oldest_due, tuple(each.model for each in runner.job_types()))
        for convert in connection.ops.get_db_converters(Now()):
            dates = [convert(date, Now(), connection) for date in dates]
        found = zip(runner.job_types(), dates, strict=True)
        return {job_type.name: self.age(due_at) or 0.0 for job_type, due_at in found if due_at is not None}

    @cached_property
    def overdue_jobs(self) -> Sequence[OverdueJobs]:
        """Return the job types whose jobs have waited too long, except those held back by a breaker or a person."""
        return [
            OverdueJobs(job_type, age)
            for job_type in runner.job_types()
            if (age := self.due_ages.get(job_type.name, 0.0)) > job_type.overdue_after
            and (not job_type.needs_writes or getattr(self.connection, job_type.needs_writes, False))
            and not {breaker.name for breaker in self.open_breakers}.intersection(job_type.breakers)
        ]

    def age(self, moment: datetime | None) -> float | None:
        """Return the seconds since `moment`; None if it never happened."""
        return None if moment is None else max(0.0, (self.now - moment).total_seconds())

    def is_older(self, moment: datetime | None, seconds: float) -> bool:
        """Return whether `moment` is more than `seconds` ago, or never happened."""
        return moment is None or self.now - moment > timedelta(seconds=seconds)


def _oldest_due(models: Iterable[type[Job]]) -> list[QuerySet[Job, Any]]:
    return [model.objects.due().order_by("due_at").values("due_at")[:1] for model in models]


def worker_answered_at() -> datetime | None:
    """Return when a worker last answered through the broker; None before the first time."""
    return heartbeats.read().worker_answered_at


def pulled_at() -> datetime | None:
    """Return when both tables of edits were last read to the end; None before the first time."""
    return Observations().pulled_at


def count_unreadable_rows() -> int:
    """Return the number of CRM rows that could not be read."""
    return UnreadableRow.objects.count()


def unreadable_since() -> datetime | None:
    """Return when the first unreadable row was found; None if there is none."""
    since: datetime | None = UnreadableRow.objects.aggregate(first=Min("first_seen_at"))["first"]
    return since
