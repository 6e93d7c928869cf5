"""The queue of jobs: claim, lease, fencing token, dispatch, sweep.

A claim is a compare-and-set update whose row count decides, correct on both databases. It commits before any network
call. Every later write names the fencing token of its lease, so a worker that outlived its lease changes nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from syncapp.models import locking
from syncapp.models.compiled_select import select_row
from syncapp.models.jobs.job import HELD_STATES, WAITING_STATES, Job, JobQuerySet, JobState, database_now
from syncapp.models.locking import retried

REDISPATCH_AFTER = 15.0  # seconds
STALLED_AFTER = 5.0  # seconds; an older lease may belong to a process that has ended
MAX_BACKOFF = 60.0  # seconds
PROCESS_ENDED = "process ended"  # `last_error` of a job whose lease expired


class LostLease(Exception):
    """The lease no longer holds its row: stop and write nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The exclusive right to process one job while its fencing token is the newest."""

    model: type[Job]
    pk: Any
    fencing_token: int
    outcome_unknown: bool
    attempts: int

    def row(self) -> JobQuerySet:
        """Return a queryset of the leased row, empty once the lease is lost."""
        held: JobQuerySet = self.model.objects.held_by(self.pk, self.fencing_token)
        return held


def claim(model: type[Job], pk: Any) -> Lease | None:
    """Lease one due job, or return None if another worker was first or the job is not due."""
    if _lease_all(model.objects.filter(pk=pk).due()) != 1:
        return None
    row = model.objects.get(pk=pk)
    return Lease(model, pk, row.fencing_token, row.outcome_unknown, row.attempts)


@retried
def claim_batch(rows: JobQuerySet, *, limit: int) -> list[Lease]:
    """Lease the first due jobs of `rows`, at most `limit`, each with its own fencing token, in four statements.

    A job whose last process died is claimed alone, so that it cannot take others down again.
    """
    model: type[Job] = rows.model
    # Without skip_locked two workers would wait for each other's rows; SQLite has one writer anyway.
    due = list(rows.due().select_for_update(skip_locked=True).values_list("pk", "last_error")[:limit])
    safe = [pk for pk, last_error in due if last_error != PROCESS_ENDED]
    pks = safe or [pk for pk, _ in due[:1]]
    taken = model.objects.filter(pk__in=pks)
    if not pks or not _lease_all(taken):
        return []
    return [Lease(model, *row) for row in taken.values_list("pk", "fencing_token", "outcome_unknown", "attempts")]


def _lease_all(rows: JobQuerySet) -> int:
    lease = {"state": JobState.LEASED, "lease_until": database_now(plus=settings.LEASE)}
    return rows.update(fencing_token=F("fencing_token") + 1, attempts=F("attempts") + 1, dispatched_at=None, **lease)


def lock_held(leases: Sequence[Lease]) -> list[Lease]:
    """Return the leases (of one model) that still hold their row, and lock those rows for the transaction."""
    if not leases:
        return []
    rows = leases[0].model.objects.filter(pk__in=[each.pk for each in leases], state__in=HELD_STATES)
    tokens = {row.pk: row.fencing_token for row in locking.locked(rows).only("fencing_token")}
    return [each for each in leases if tokens.get(each.pk) == each.fencing_token]


@retried
def mark_all_sent(leases: Sequence[Lease]) -> list[Lease]:
    """Do the same as `mark_sent` for all leases that still hold their row, and return those leases."""
    held = lock_held(leases)
    _change_all(held, state=JobState.SENT, outcome_unknown=True, lease_until=database_now(plus=settings.LEASE))
    return held


def finish_all(leases: Sequence[Lease], **columns: Any) -> None:
    """Close the jobs of leases that `lock_held` has locked; `columns` are set in the same statement."""
    closed = {"state": JobState.DONE, "lease_until": None, "finished_at": Now(), "last_error": ""}
    _change_all(leases, **closed | {"outcome_unknown": False} | columns)


def _change_all(leases: Sequence[Lease], **columns: Any) -> None:
    if leases:
        leases[0].model.objects.filter(pk__in=[each.pk for each in leases]).update(**columns)


def mark_sent(lease: Lease) -> None:
    """Record, before the request is sent, that it may take effect. Raises LostLease."""
    _change(lease, state=JobState.SENT, outcome_unknown=True, lease_until=database_now(plus=settings.LEASE))


def lock(lease: Lease) -> None:
    """Lock the row for the transaction and check that the lease still holds it. Raises LostLease."""
    if not locking.locked(lease.row()).only("pk").first():
        raise LostLease(str(lease.pk))


def finish(lease: Lease) -> None:
    """Close the job as done. Raises LostLease."""
    _change(lease, state=JobState.DONE, lease_until=None, finished_at=Now(), outcome_unknown=False, last_error="")


def mark_failed(lease: Lease, *, error: str) -> None:
    """Close the job as failed; its row stays, to be shown and retried. Raises LostLease."""
    _change(lease, state=JobState.FAILED, lease_until=None, finished_at=Now(), last_error=error[:100])


def reschedule(
    lease: Lease, *, due_in: float, error: str = "", outcome_unknown: bool = False, costs_attempt: bool = True
) -> None:
    """Make the job due again in `due_in` seconds.

    `outcome_unknown`: an answer was lost, so the next holder reads before writing. Raises LostLease.
    """
    spent = {} if costs_attempt else {"attempts": F("attempts") - 1}
    _change(
        lease,
        state=JobState.VERIFY if outcome_unknown else JobState.READY,
        lease_until=None,
        due_at=database_now(plus=due_in),
        outcome_unknown=outcome_unknown,
        last_error=error[:100],
        **spent,
    )


def reset(lease: Lease, *, due_at: Any) -> None:
    """Make a recurring job due again at `due_at`, with no attempts used. Raises LostLease."""
    fresh = {"attempts": 0, "outcome_unknown": False, "last_error": ""}
    _change(lease, state=JobState.READY, lease_until=None, due_at=due_at, **fresh)


def _change(lease: Lease, **columns: Any) -> None:
    if lease.row().update(**columns) != 1:
        raise LostLease(str(lease.pk))


def backoff_seconds(attempts: int) -> float:
    """Return the seconds to wait after this many attempts: doubled each time, up to MAX_BACKOFF."""
    return min(MAX_BACKOFF, 2.0 ** max(0, attempts - 1))


def models_with_undispatched(models: Sequence[type[Job]]) -> frozenset[type[Job]]:
    """Return the models that have jobs to dispatch, in one statement, since most ticks find none."""
    return _models_with(tuple(models), _undispatched)


def _models_with(models: tuple[type[Job], ...], rows: Callable[[type[Job]], JobQuerySet]) -> frozenset[type[Job]]:
    return frozenset(compress(models, select_row("EXISTS ({})", _any_row, models, rows)))


def _any_row(models: tuple[type[Job], ...], rows: Callable[[type[Job]], JobQuerySet]) -> list[QuerySet[Job, Any]]:
    return [rows(model).values("pk")[:1] for model in models]


def _expired(model: type[Job]) -> JobQuerySet:
    found: JobQuerySet = model.objects.lease_expired()
    return found


def _undispatched(model: type[Job]) -> JobQuerySet:
    found: JobQuerySet = model.objects.undispatched(seconds=REDISPATCH_AFTER)
    return found


def sweep_all(models: Sequence[type[Job]]) -> None:
    """Sweep the models with expired leases, which are found with one statement."""
    for model in _models_with(tuple(models), _expired):
        sweep(model)


def sweep(model: type[Job]) -> int:
    """Requeue jobs whose lease has expired and return how many; jobs already sent go to VERIFY. Safe to run twice.

    The more attempts a job has used, the longer it waits, so that a job that kills its process does not hold up the
    others.
    """
    if not model.objects.lease_expired().exists():  # usually none, and reading takes no lock
        return 0
    return _requeue_expired(model)


@retried
def _requeue_expired(model: type[Job]) -> int:
    expired = model.objects.lease_expired()
    locking.lock(expired)
    swept = 0
    for attempts in set(expired.values_list("attempts", flat=True)):
        requeued = {
            "lease_until": None,
            "dispatched_at": None,
            "last_error": PROCESS_ENDED,
            "due_at": database_now(plus=backoff_seconds(attempts) if attempts > 1 else 0),
        }
        unknown = expired.filter(Q(state=JobState.SENT) | Q(outcome_unknown=True), attempts=attempts)
        swept += unknown.update(state=JobState.VERIFY, outcome_unknown=True, **requeued)
        swept += expired.filter(attempts=attempts).update(state=JobState.READY, **requeued)
    return swept


@retried
def claim_for_dispatch(model: type[Job], *, limit: int = 200) -> Sequence[Any]:
    """Mark due jobs as dispatched and return their ids.

    All schedulers together dispatch a job at most once per REDISPATCH_AFTER.
    """
    due = _undispatched(model).order_by("due_at").values_list("pk", flat=True)[:limit]
    # The order is fixed; otherwise two schedulers that claim the same rows would wait for each other.
    return [
        pk
        for pk in sorted(due)
        if model.objects.filter(pk=pk).undispatched(seconds=REDISPATCH_AFTER).update(dispatched_at=Now())
    ]


def undo_dispatch(model: type[Job], pks: Sequence[Any]) -> None:
    """Clear `dispatched_at` of jobs that could not be published, so that the next tick retries."""
    for pk in pks:
        model.objects.filter(pk=pk, state__in=WAITING_STATES).update(dispatched_at=None)


def room_for(model: type[Job], *, limit: int) -> int:
    """Return how many more jobs of a kind may be dispatched if `limit` are processed at a time.

    A lease older than STALLED_AFTER makes room for one more job: its process may have died, and must not hold up the
    others until the lease expires. Only one such lease counts, so that a slow service cannot take every worker.
    """
    dispatched = model.objects.all().due().filter(dispatched_at__gt=database_now(plus=-REDISPATCH_AFTER)).count()
    leased = model.objects.filter(lease_until__isnull=False)  # two queries, because each then uses an index
    has_stalled = leased.filter(lease_until__lt=database_now(plus=settings.LEASE - STALLED_AFTER)).exists()
    return limit + has_stalled - dispatched - leased.count()


def extend_lease(lease: Lease) -> None:
    """Extend the lease (heartbeat). Raises LostLease."""
    _change(lease, lease_until=database_now(plus=settings.LEASE))


def failpoint(name: str) -> None:
    """Kill this process, as a power cut would, if a test has armed `name`."""
    if not settings.FAILPOINTS:
        return
    armed = Path(settings.FAILPOINTS) / name
    try:
        armed.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
