"""Signs of life of the scheduler and the workers: rows by the database's clock, written where the work is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Now
from django.utils import timezone

from syncapp.models import Pulse
from syncapp.models.jobs.job import database_now

WORKER = "worker"  # asked by the tick, answered by a worker through Redis
BEAT = "beat"  # answered: the scheduler last went through its schedule, whether or not Redis took the message
PUBLISHED = "published"  # answered: Redis last answered the scheduler; asked: since when without a gap
GAP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Pulses:
    """The last sign of life of each; None: never."""

    worker_answered_at: datetime | None
    beat_at: datetime | None
    published_since: datetime | None
    now: datetime  # by the database's clock, as the others


def read() -> Pulses:
    """Return all of them, in one query."""
    rows = Pulse.objects.filter(name__in=(WORKER, BEAT, PUBLISHED)).annotate(now=Now())
    found = {pulse.name: pulse for pulse in rows}
    worker, beat, published = found.get(WORKER), found.get(BEAT), found.get(PUBLISHED)
    return Pulses(
        worker_answered_at=worker.answered_at if worker else None,
        beat_at=beat.answered_at if beat else None,
        published_since=published.asked_at if published else None,
        now=next((pulse.now for pulse in found.values()), timezone.now()),
    )


def note_beat() -> None:
    """Keep that the scheduler goes through its schedule."""
    Pulse.objects.update_or_create(name=BEAT, defaults={"answered_at": Now()})


def note_published() -> None:
    """Keep that Redis answers the scheduler; after a gap this counts as beginning anew."""
    Pulse.objects.get_or_create(name=PUBLISHED, defaults={"asked_at": Now()})
    row = Pulse.objects.filter(name=PUBLISHED)
    row.filter(answered_at__lt=database_now(plus=-GAP_SECONDS)).update(asked_at=Now())
    row.update(answered_at=Now())
