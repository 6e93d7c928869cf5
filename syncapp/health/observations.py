"""Measurements of the portal's state: each fact once, and only where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Min, Subquery

from syncapp.health import probes, pulses
from syncapp.health.pulses import Pulses
from syncapp.jobs import breakers, runner
from syncapp.jobs.runner import JobType
from syncapp.mirror.edits import pull
from syncapp.models import Breaker, Connection, MirrorCursor, Pulse, UnreadableRow

SILENT_SECONDS = 45.0  # a worker is asked every 10 seconds
MISSED_SECONDS = 15.0  # one answer is missing: time to ask Redis itself


@dataclass(frozen=True, slots=True)
class OverdueJobs:
    """A kind of job whose oldest due one is older than it may be; `age` in seconds."""

    job_type: type[JobType]
    age: float


class Look:
    """One look at all parts. `asks_redis`: ask Redis in any case, not only where a worker is late with its answer."""

    def __init__(self, *, asks_redis: bool = False) -> None:
        self._asks_redis = asks_redis

    @cached_property
    def pulses(self) -> Pulses:
        return pulses.read()

    @property
    def at(self) -> datetime:
        """The time of the look, by the database's clock: whose clock set what is compared with it."""
        return self.pulses.now

    @cached_property
    def redis_answers(self) -> bool:
        """Return whether Redis answers; a page asks it only where something points to it."""
        if self._asks_redis:
            return probes.BROKER.answers()
        return not self.is_older(self.pulses.worker_answered_at, MISSED_SECONDS) or probes.BROKER.answered_lately()

    @cached_property
    def cursors(self) -> list[MirrorCursor]:
        """Return how far both tables of edits have been read."""
        return list(MirrorCursor.objects.filter(table__in=[pull.FIELDS, pull.RECORDS]))

    @cached_property
    def pulled_at(self) -> datetime | None:
        """Return when both tables had last been read to their end; None: not yet."""
        dates = [cursor.pulled_at for cursor in self.cursors if cursor.pulled_at is not None]
        return min(dates) if len(dates) == len((pull.FIELDS, pull.RECORDS)) else None

    @cached_property
    def open_breakers(self) -> list[Breaker]:
        return breakers.all_open()

    @cached_property
    def connection(self) -> Connection | None:
        return Connection.objects.first()

    @cached_property
    def due_ages(self) -> dict[str, float]:
        """Return for how many seconds the oldest due job of each kind has waited; in one statement, for every page."""
        # Any table with a row that is always there; before the first tick nothing can be due.
        row = Pulse.objects.filter(name=pulses.WORKER).values(
            **{
                job_type.name: Subquery(job_type.model.objects.due().order_by("due_at").values("due_at")[:1])
                for job_type in runner.job_types()
            }
        )
        dates: Mapping[str, Any] = row.first() or {}
        return {name: self.age(due_at) or 0.0 for name, due_at in dates.items() if due_at is not None}

    @cached_property
    def overdue_jobs(self) -> Sequence[OverdueJobs]:
        """Return the kinds whose jobs wait for too long, but for those that a breaker or a person holds back."""
        late = [
            OverdueJobs(job_type, self.due_ages[job_type.name])
            for job_type in runner.job_types()
            if self.due_ages.get(job_type.name, 0.0) > job_type.overdue_after
        ]
        return [each for each in late if self._is_let_through(each.job_type)]

    def _is_let_through(self, job_type: type[JobType]) -> bool:
        is_enabled = not job_type.needs_writes or getattr(self.connection, job_type.needs_writes, False)
        return is_enabled and not {breaker.name for breaker in self.open_breakers}.intersection(job_type.breakers)

    def age(self, moment: datetime | None) -> float | None:
        """Return the seconds since then; None: never."""
        return None if moment is None else max(0.0, (self.at - moment).total_seconds())

    def is_older(self, moment: datetime | None, seconds: float) -> bool:
        """Return whether it was longer ago, or never."""
        return moment is None or self.at - moment > timedelta(seconds=seconds)


def stalled_after() -> float:
    """The age in seconds from which the mirror counts as stalled."""
    return float(max(30.0, 6 * settings.PULL_SECONDS))


def worker_answered_at() -> datetime | None:
    """Return when a worker last answered through the broker."""
    return pulses.read().worker_answered_at


def pulled_at() -> datetime | None:
    """Return when both tables had last been read to their end."""
    return Look().pulled_at


def unreadable_rows() -> int:
    """Return how many rows of the CRM could not be read at their last reading."""
    return UnreadableRow.objects.count()


def unreadable_since() -> datetime | None:
    """Return when the first of them was found."""
    since: datetime | None = UnreadableRow.objects.aggregate(first=Min("first_seen_at"))["first"]
    return since
