"""Heartbeats of the scheduler and the workers: rows dated by the database's clock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import Error, close_old_connections, connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.mirror import uses
from syncapp.mirror.uses import Period, Use
from syncapp.models import Heartbeat
from syncapp.models.jobs.job import database_now

log = logging.getLogger(__name__)

WORKER = "worker"  # asked by the tick, answered by a worker through Redis
BEAT = "beat"  # answered_at: the scheduler last went through its schedule, whether or not Redis took the message
PUBLISHED = "published"  # from asked_at to answered_at, Redis has answered the scheduler without a gap
PULSE_EVERY = 10.0  # seconds
GAP_SECONDS = 30.0
RECORD_EVERY = 5.0  # seconds; the scheduler goes through its schedule each second


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """The latest heartbeat of each part of the portal; None before the first."""

    worker_answered_at: datetime | None
    beat_at: datetime | None
    published_since: datetime | None
    uses: Mapping[Use, Period]  # by use of the portal
    now: datetime  # by the database's clock, like the others


def read() -> Heartbeats:
    """Read all heartbeats in one query."""
    rows = Heartbeat.objects.filter(name__in=(WORKER, BEAT, PUBLISHED, *Use)).annotate(now=Now())
    found = {row.name: row for row in rows}
    worker, beat, published = found.get(WORKER), found.get(BEAT), found.get(PUBLISHED)
    return Heartbeats(
        worker_answered_at=worker.answered_at if worker else None,
        beat_at=beat.answered_at if beat else None,
        published_since=published.asked_at if published else None,
        uses=uses.periods_of(found.values()),
        now=next((row.now for row in found.values()), timezone.now()),
    )


def claim_pulse() -> bool:
    """Return whether the caller has to ask a worker for a heartbeat now: one caller every PULSE_EVERY seconds."""
    Heartbeat.objects.get_or_create(name=WORKER)
    is_due = Q(asked_at__isnull=True) | Q(asked_at__lte=database_now(plus=-PULSE_EVERY))
    return bool(Heartbeat.objects.filter(is_due, name=WORKER).update(asked_at=Now()))


class _Recorder:
    """A function that records a heartbeat of the scheduler at most every RECORD_EVERY seconds, and never raises."""

    def __init__(self, write: Callable[[], object]) -> None:
        self._write = write
        self._next = 0.0

    def __call__(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + RECORD_EVERY
        close_old_connections()
        try:
            self._write()
        except Error as error:
            connection.close()
            log.warning("the scheduler’s heartbeat could not be recorded: %s", type(error).__name__)


def _write_published() -> None:
    Heartbeat.objects.get_or_create(name=PUBLISHED, defaults={"asked_at": Now()})
    row = Heartbeat.objects.filter(name=PUBLISHED)
    # After a gap, the uninterrupted time starts again.
    row.filter(answered_at__lt=database_now(plus=-GAP_SECONDS)).update(asked_at=Now())
    row.update(answered_at=Now())


record_beat = _Recorder(lambda: Heartbeat.objects.update_or_create(name=BEAT, defaults={"answered_at": Now()}))
record_published = _Recorder(_write_published)
