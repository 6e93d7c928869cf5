"""Periodic tasks: at most one round of each is in progress, recorded in a row by the database's clock.

    claim ─▶ message in the broker ─▶ start ─▶ finish
      ▲  lost_after: no worker started it, and the broker does not hold it
      └─ stalled_after: a worker started it, and did not finish it

A message carries the number of its round and does nothing once that round is over or was replaced. So a message that
arrives twice, or an hour late, adds no work, and no message has to expire by a host's clock.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from syncapp.models import PeriodicTask
from syncapp.models.jobs.job import database_now

# A round may be claimed after this share of its interval: several schedulers share the rows, and their pauses vary.
MIN_INTERVAL_SHARE = 0.9


def lost_after() -> float:
    """Return the seconds after which a message that no worker has started counts as lost."""
    return 10 * settings.TICK


def claim(name: str, *, every: float, stalled_after: float, is_waiting: Callable[[], bool]) -> int | None:
    """Claim the next round and return its number, or None while one is in progress or it is too early.

    `is_waiting` returns whether the broker still holds the message; it is called only if the message may be lost.
    """
    PeriodicTask.objects.get_or_create(name=name)
    is_over = Q(finished_at__isnull=False) & _older("published_at", every * MIN_INTERVAL_SHARE)
    has_stalled = Q(finished_at__isnull=True) & _older("started_at", stalled_after)
    is_unstarted = Q(finished_at__isnull=True, started_at__isnull=True) & _older("published_at", lost_after())
    is_claimed = _claim(name, Q(published_at__isnull=True) | is_over | has_stalled)
    if not is_claimed and PeriodicTask.objects.filter(is_unstarted, name=name).exists() and not is_waiting():
        is_claimed = _claim(name, is_unstarted)
    return PeriodicTask.objects.values_list("number", flat=True).get(name=name) if is_claimed else None


def _older(column: str, seconds: float) -> Q:
    """Match times longer ago than `seconds`, and future ones, because the database's clock may have been set back."""
    return Q(**{f"{column}__lte": database_now(plus=-seconds)}) | Q(**{f"{column}__gt": Now()})


def _claim(name: str, is_free: Q) -> bool:
    rows = PeriodicTask.objects.filter(is_free, name=name)
    fresh = {"published_at": Now(), "started_at": None, "finished_at": None}
    # Usually there is nothing to claim, and reading takes no lock.
    return rows.exists() and rows.update(number=F("number") + 1, **fresh) == 1


def start(name: str, number: int) -> bool:
    """Record that a worker has started this round; return False if the round is over or was replaced.

    A round can start twice: the broker delivers the message of a dead process again.
    """
    return _under_way(name, number).update(started_at=Now()) == 1


def finish(name: str, number: int) -> None:
    """Record that this round is over, so that the next may be published."""
    _under_way(name, number).update(finished_at=Now())


def _under_way(name: str, number: int) -> QuerySet[PeriodicTask]:
    return PeriodicTask.objects.filter(name=name, number=number, finished_at__isnull=True)
