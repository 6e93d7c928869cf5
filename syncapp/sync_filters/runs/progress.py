"""Throughput, expected end and failure rate of a run, all from counted rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from syncapp.jobs import breakers
from syncapp.models import FilterRun
from syncapp.models.sync_filters.run import FAILURES, WRITTEN, Outcome, Plan, RunState
from syncapp.sync_filters.runs import job, transitions

MINUTE = timedelta(minutes=1)
MIN_FINISHED = 5  # fewer finished users give no reliable speed
_TOLERANCE = 0.25  # uncertainty of a speed measured over one minute


def is_on_hold(run: FilterRun) -> bool:
    """Return whether an open breaker or a person's stop keeps a running run from switching anyone."""
    return run.state == RunState.RUNNING and not breakers.all_closed(job.BREAKERS)


@dataclass(frozen=True, slots=True)
class Throughput:
    """The speed of a run.

    `per_minute` is the number of users finished in the last minute, `left` the number still to process. `ends` is the
    earliest and the latest expected end; None if there are too few users to tell.
    """

    per_minute: int
    left: int
    ends: tuple[datetime, datetime] | None


@dataclass(frozen=True, slots=True)
class FailureRate:
    """The failed users among those tried. Above `limit` percent, the run pauses once `needed` users were tried."""

    failed: int
    tried: int
    limit: int
    needed: int = transitions.MIN_TRIED

    @property
    def percent(self) -> float:
        """Return the failure rate as a percentage; 0 if no user was tried."""
        return 100 * self.failed / self.tried if self.tried else 0.0

    @property
    def limit_applies(self) -> bool:
        """Return whether enough users were tried for the limit to apply."""
        return self.tried >= self.needed


def throughput(run: FilterRun, *, now: datetime | None = None) -> Throughput:
    """Measure the run's speed since the first user finished within the last minute, and estimate its end from it."""
    now = now or timezone.now()
    left = run.items.unfinished().count()
    ended = run.items.filter(plan=Plan.CHANGE, finished_at__gt=now - MINUTE).exclude(outcome=Outcome.OPEN)
    recent = ended.count()
    if recent < MIN_FINISHED or not left:
        return Throughput(recent, left, None)
    first = ended.order_by("finished_at").values_list("finished_at", flat=True)[0]
    rate = recent / max(1.0, (now - first).total_seconds())
    fast, slow = left / (rate * (1 + _TOLERANCE)), left / (rate * (1 - _TOLERANCE))
    return Throughput(recent, left, (now + timedelta(seconds=fast), now + timedelta(seconds=slow)))


def failure_rate(run: FilterRun, outcomes: Mapping[str, int]) -> FailureRate:
    """Return the failure rate of a run, given its number of users by outcome."""
    failed = sum(outcomes.get(each.value, 0) for each in FAILURES)
    written = sum(outcomes.get(each.value, 0) for each in WRITTEN)
    return FailureRate(failed, failed + written, run.stop_above_percent)
