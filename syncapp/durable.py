"""Claim, settle, sweep: the one implementation for all durable work.

A claim is a compare-and-set update whose row count decides, correct on both databases. It commits before any network
call. Every later write names the fence of its claim, so a worker that outlived its lease changes nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from syncapp.models.durable_work import (
    HELD_STATES,
    WAITING_STATES,
    DurableQuerySet,
    DurableWork,
    WorkState,
    database_now,
)

BELL_SECONDS = 15.0


class LostLease(Exception):
    """Somebody else holds the work by now: stop, and write nothing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one row, for as long as its fence is the newest."""

    model: type[DurableWork]
    pk: Any
    fence: int
    outcome_unknown: bool
    attempts: int

    def row(self) -> DurableQuerySet:
        """The claimed row, if this claim still holds it."""
        held: DurableQuerySet = self.model.objects.held_by(self.pk, self.fence)
        return held


def claim(model: type[DurableWork], pk: Any) -> Claim | None:
    """Take one due row under a lease, or None where somebody was first or nothing is due."""
    taken = model.objects.filter(pk=pk).due()
    lease = {"state": WorkState.LEASED, "lease_until": database_now(plus=settings.LEASE)}
    if taken.update(fence=F("fence") + 1, attempts=F("attempts") + 1, rung_at=None, **lease) != 1:
        return None
    row = model.objects.get(pk=pk)
    return Claim(model, pk, row.fence, row.outcome_unknown, row.attempts)


@transaction.atomic
def claim_some(rows: DurableQuerySet, *, most: int) -> list[Claim]:
    """Take the first of these rows that are due, each under a lease and a fence of its own; four statements for all.

    Two workers that look at once would otherwise wait for each other's rows; SQLite has one writer anyway.
    """
    model: type[DurableWork] = rows.model
    pks = list(rows.due().select_for_update(skip_locked=True).values_list("pk", flat=True)[:most])
    taken = model.objects.filter(pk__in=pks)
    lease = {"state": WorkState.LEASED, "lease_until": database_now(plus=settings.LEASE)}
    if not pks or not taken.update(fence=F("fence") + 1, attempts=F("attempts") + 1, rung_at=None, **lease):
        return []
    return [Claim(model, *row) for row in taken.values_list("pk", "fence", "outcome_unknown", "attempts")]


def still_held(claims: Sequence[Claim]) -> list[Claim]:
    """Those of these claims, all of one model, that still hold their row; locked for the caller's transaction."""
    if not claims:
        return []
    rows = claims[0].model.objects.filter(pk__in=[each.pk for each in claims], state__in=HELD_STATES)
    fences = dict(rows.select_for_update().order_by("pk").values_list("pk", "fence"))
    return [each for each in claims if fences.get(each.pk) == each.fence]


@transaction.atomic
def mark_all_sent(claims: Sequence[Claim]) -> list[Claim]:
    """`mark_sent` for all of these that still hold their row; which they are."""
    held = still_held(claims)
    _change_all(held, state=WorkState.SENT, outcome_unknown=True, lease_until=database_now(plus=settings.LEASE))
    return held


def settle_all(claims: Sequence[Claim], **columns: Any) -> None:
    """`settle` for claims that `still_held` has locked, with further columns of the row."""
    settled = {"state": WorkState.DONE, "lease_until": None, "settled_at": Now()}
    _change_all(claims, **settled, outcome_unknown=False, last_error="", **columns)


def _change_all(claims: Sequence[Claim], **columns: Any) -> None:
    if claims:
        claims[0].model.objects.filter(pk__in=[each.pk for each in claims]).update(**columns)


def mark_sent(held: Claim) -> None:
    """Say, before the request leaves, that it may have had an effect. Raises LostLease."""
    _change(held, state=WorkState.SENT, outcome_unknown=True, lease_until=database_now(plus=settings.LEASE))


def lock(held: Claim) -> None:
    """Take the row's lock inside a transaction and prove that the claim still holds. Raises LostLease."""
    if not held.row().select_for_update().values_list("pk", flat=True).first():
        raise LostLease(str(held.pk))


def settle(held: Claim) -> None:
    """The work is done. Raises LostLease."""
    _change(held, state=WorkState.DONE, lease_until=None, settled_at=Now(), outcome_unknown=False, last_error="")


def give_up(held: Claim, *, error: str) -> None:
    """The attempts are used up; the row stays to be seen and retried. Raises LostLease."""
    _change(held, state=WorkState.FAILED, lease_until=None, settled_at=Now(), last_error=error[:100])


def hand_back(held: Claim, *, due_in: float, error: str = "", unknown: bool = False, free: bool = False) -> None:
    """Let it be claimed again in `due_in` seconds.

    `unknown`: an answer was lost, so the next holder reads before it writes. `free`: costs no attempt.
    Raises LostLease.
    """
    state = WorkState.VERIFY if unknown else WorkState.READY
    spent = {"attempts": F("attempts") - 1} if free else {}
    due = database_now(plus=due_in)
    _change(
        held,
        state=state,
        lease_until=None,
        due_at=due,
        outcome_unknown=unknown,
        last_error=error[:100],
        **spent,
    )


def start_over(held: Claim, *, due_at: Any) -> None:
    """This round is done and more of the same row is due at `due_at`: attempts count anew. Raises LostLease."""
    fresh = {"attempts": 0, "outcome_unknown": False, "last_error": ""}
    _change(held, state=WorkState.READY, lease_until=None, due_at=due_at, **fresh)


def _change(held: Claim, **columns: Any) -> None:
    if held.row().update(**columns) != 1:
        raise LostLease(str(held.pk))


def sweep(model: type[DurableWork]) -> int:
    """Free what its holder left: unsent work is ready again, sent work must be verified. Safe to run twice."""
    over = model.objects.lease_over()
    if not over.exists():  # every second, and mostly so: a look takes no lock from those who write
        return 0
    unknown = over.filter(Q(state=WorkState.SENT) | Q(outcome_unknown=True))
    freed = unknown.update(state=WorkState.VERIFY, lease_until=None, rung_at=None, outcome_unknown=True)
    return freed + model.objects.lease_over().update(state=WorkState.READY, lease_until=None, rung_at=None)


def due_bells(model: type[DurableWork], *, limit: int = 200) -> Sequence[Any]:
    """Ids to ring now, each at most once in BELL_SECONDS however many ticks run."""
    with transaction.atomic():
        ids = list(model.objects.unrung(seconds=BELL_SECONDS).order_by("due_at").values_list("pk", flat=True)[:limit])
        # In one order, since two schedulers that ring the same rows would otherwise wait for each other.
        won = [
            pk for pk in sorted(ids) if model.objects.filter(pk=pk).unrung(seconds=BELL_SECONDS).update(rung_at=Now())
        ]
    return won


def in_hand(model: type[DurableWork]) -> int:
    """How many rows somebody works on, or is about to: their bell rang and has not been answered yet."""
    rung = model.objects.all().due().filter(rung_at__gt=database_now(plus=-BELL_SECONDS)).count()
    return rung + model.objects.filter(lease_until__isnull=False).count()  # asked apart, each walks an index


def ring_again(model: type[DurableWork], pks: Sequence[Any]) -> None:
    """The bell did not sound (the broker is away): forget that it rang."""
    for pk in pks:
        model.objects.filter(pk=pk, state__in=WAITING_STATES).update(rung_at=None)


def renew(held: Claim) -> None:
    """Ask for a fresh lease while the work lasts. Raises LostLease."""
    _change(held, lease_until=database_now(plus=settings.LEASE))


def failpoint(name: str) -> None:
    """Kill the own process, as a power cut would, where a test has armed `name`. Does nothing otherwise."""
    if not settings.FAILPOINTS:
        return
    armed = Path(settings.FAILPOINTS) / name
    try:
        armed.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


__all__ = [
    "Claim",
    "LostLease",
    "claim",
    "claim_some",
    "due_bells",
    "failpoint",
    "give_up",
    "hand_back",
    "lock",
    "mark_all_sent",
    "mark_sent",
    "renew",
    "ring_again",
    "settle",
    "settle_all",
    "start_over",
    "still_held",
    "sweep",
]
