"""The current uses of the portal, and how often the CRM is read for them.

A use is a `Heartbeat` row: `answered_at` is the last sign of it, `asked_at` the beginning of its current uninterrupted
time. Pages and pulls note a use with at most one write per process in NOTE_SECONDS, so web requests need no
broker.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from syncapp.models import Heartbeat
from syncapp.models.jobs.job import database_now

NOTE_SECONDS = 15.0
# An open page reports every 15 seconds; after a longer gap it counts as newly opened.
GAP_SECONDS = 45.0
# The interval is the time since the last use, divided by this: it grows after 50 seconds, to 120 after 20 minutes.
SLOWDOWN = 10
# With this interval and the queue open all day, reads of the audit log still fit a small daily allowance.
QUEUE_CAPTURE_SECONDS = 15.0


class Use(StrEnum):
    """A use of the portal; the value is the name of its row."""

    QUEUE = "queue_open"
    FILTERS = "filters_open"
    ARRIVALS = "edits_arrive"
    CONTACTS = "contacts_change"


@dataclass(frozen=True, slots=True)
class Period:
    """The latest uninterrupted time of a use, by the database's clock; `age` is the seconds since its end."""

    since: datetime
    age: float


_NAMES = frozenset(Use)
_noted: dict[Use, float] = {}  # when this process last noted a use, by the monotonic clock


def note(use: Use) -> None:
    """Record that the portal is used in this way now. Cheap to call often. Raises DatabaseError."""
    if not _intervals_vary() or time.monotonic() < _noted.get(use, 0.0):
        return
    _noted[use] = time.monotonic() + NOTE_SECONDS
    row = Heartbeat.objects.filter(name=use)
    beginning = {"asked_at": Now(), "answered_at": Now()}
    if row.filter(answered_at__lt=database_now(plus=-GAP_SECONDS)).update(**beginning):
        return
    if not row.filter(answered_at__lt=database_now(plus=-NOTE_SECONDS)).update(answered_at=Now()):
        Heartbeat.objects.get_or_create(name=use, defaults=beginning)


def reset_throttle() -> None:
    """Forget when this process last noted each use, so that the next call of `note` writes again."""
    _noted.clear()


def read() -> dict[Use, Period]:
    """Return the latest period of each use that was ever noted."""
    return periods_of(Heartbeat.objects.filter(name__in=list(Use)).annotate(now=Now()))


def periods_of(rows: Iterable[Any]) -> dict[Use, Period]:
    """Return the periods of the heartbeats that record uses; each row has the database's time as `now`."""
    found = [row for row in rows if row.name in _NAMES and row.answered_at is not None]
    return {
        Use(row.name): Period(row.asked_at or row.answered_at, max(0.0, (row.now - row.answered_at).total_seconds()))
        for row in found
    }


def pull_interval(periods: Mapping[Use, Period] | None = None) -> float:
    """Return the seconds between two pulls now: PULL_SECONDS in use, growing to PULL_IDLE_SECONDS when idle."""
    return _interval((Use.QUEUE, Use.ARRIVALS), periods, max_seconds=settings.PULL_IDLE_SECONDS)


def capture_interval(periods: Mapping[Use, Period] | None = None) -> float:
    """Return the seconds between two reads of the audit log now: fewer while contacts change or edits arrive.

    An open queue alone makes it QUEUE_CAPTURE_SECONDS. While nothing happens the log is read less often than staged
    edits, so that both stay within what an idle day may cost.
    """
    periods = read() if periods is None else periods
    max_seconds = max_capture_interval()
    queue_interval = _interval((Use.QUEUE,), periods, max_seconds=max_seconds)
    if _intervals_vary():
        queue_interval = max(queue_interval, QUEUE_CAPTURE_SECONDS)
    return min(_interval((Use.CONTACTS, Use.ARRIVALS), periods, max_seconds=max_seconds), queue_interval)


def max_capture_interval() -> float:
    """Return the seconds between two reads of the audit log while nothing happens."""
    return 2.5 * settings.PULL_IDLE_SECONDS


def _interval(uses: Iterable[Use], periods: Mapping[Use, Period] | None, *, max_seconds: float) -> float:
    if not _intervals_vary():
        return float(settings.PULL_SECONDS)
    periods = read() if periods is None else periods
    ages = [periods[use].age for use in uses if use in periods]
    max_seconds = max(settings.PULL_SECONDS, max_seconds)
    return float(min(max(settings.PULL_SECONDS, min(ages) / SLOWDOWN), max_seconds) if ages else max_seconds)


def _intervals_vary() -> bool:
    """Return whether an idle portal reads less often than one in use; in the demo it does not."""
    return bool(
        settings.PULL_IDLE_SECONDS > settings.PULL_SECONDS
        or settings.INVENTORY_IDLE_SECONDS > settings.INVENTORY_SECONDS
    )
