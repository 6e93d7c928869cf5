"""How fast a run goes, when it ends at that, and how near it is to stopping itself. All counted, nothing promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from syncapp.models import FilterRun
from syncapp.models.sync_filters.run import FAILURES, WRITTEN, Outcome, Plan
from syncapp.sync_filters.runs import transitions

MINUTE = timedelta(minutes=1)
# Fewer users than this say nothing about a speed.
FEWEST = 5
# A speed that was measured over a minute is no better than this.
_SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class Pace:
    """`a_minute` is how many came to their end in the last minute; `ends` the earliest and the latest guess."""

    a_minute: int
    left: int
    ends: tuple[datetime, datetime] | None


@dataclass(frozen=True, slots=True)
class Failures:
    """How many failed of those tried, and above which share the run stops itself; judged from `needed` tried on."""

    failed: int
    tried: int
    limit: int
    needed: int = transitions.FEWEST_TO_JUDGE

    @property
    def percent(self) -> float:
        """The share of failures, 0 where none was tried."""
        return 100 * self.failed / self.tried if self.tried else 0.0

    @property
    def is_judged(self) -> bool:
        """Whether enough were tried for the limit to count."""
        return self.tried >= self.needed


def pace(run: FilterRun, *, now: datetime | None = None) -> Pace:
    """The run's speed over the last minute, or since its first user where that is less."""
    now = now or timezone.now()
    left = run.items.unsettled().count()
    ended = run.items.filter(plan=Plan.CHANGE, finished_at__gt=now - MINUTE).exclude(outcome=Outcome.OPEN)
    recent = ended.count()
    if recent < FEWEST or not left:
        return Pace(recent, left, None)
    first = ended.order_by("finished_at").values_list("finished_at", flat=True)[0]
    rate = recent / max(1.0, (now - first).total_seconds())
    fast, slow = left / (rate * (1 + _SPREAD)), left / (rate * (1 - _SPREAD))
    return Pace(recent, left, (now + timedelta(seconds=fast), now + timedelta(seconds=slow)))


def failures(run: FilterRun, outcomes: Mapping[str, int]) -> Failures:
    """How near it is to stopping itself, from how many ended in which way."""
    failed = sum(outcomes.get(each.value, 0) for each in FAILURES)
    written = sum(outcomes.get(each.value, 0) for each in WRITTEN)
    return Failures(failed, failed + written, run.stop_above_percent)
