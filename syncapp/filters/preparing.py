"""Making a run's list, as durable work: a few users at once, many by workers while the run's page says how far it is.

    asked for ─▶ [listed, a part of the users in each transaction] ─▶ preview; an undo starts at its last part

Whoever goes on after a crash begins where the last whole part ended, so nobody is listed twice and nobody left out.
What a list says of a user is what was read of him when his part was made; every write carries that version.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from syncapp import audit, durable
from syncapp.durable import Claim, LostLease
from syncapp.filters import backwards, listing, run_states
from syncapp.filters.errors import NotPossible
from syncapp.models import FilterRun, Person, RunPreparation
from syncapp.models.durable_work import WorkState
from syncapp.models.filter_run import RunState
from syncapp.models.run_preparation import packed

log = logging.getLogger(__name__)

AT_ONCE = 500  # users that are listed in one transaction: so many before the page answers


@dataclass(frozen=True, slots=True)
class Progress:
    """Of how many of the chosen users the list has been made; `failed`: it was given up and waits for a person."""

    listed: int
    users: int
    failed: bool

    @property
    def words(self) -> str:
        """ "8,400 of 20,000"."""
        return f"{self.listed:,} of {self.users:,}"


def begin(run: FilterRun, user_ids: Sequence[uuid.UUID], *, channel: str) -> None:
    """Ask for the run's list of these users, in this order; a short one is ready when this returns."""
    asked = {"user_ids": packed(user_ids), "channel": channel, "due_at": Now()}
    with transaction.atomic():
        RunPreparation.objects.create(run=run, **asked)
        if len(user_ids) <= AT_ONCE:
            work(run.pk)
    run.refresh_from_db()


def work(run_id: uuid.UUID, *, seconds: float | None = None) -> None:
    """List users until all are listed or the time is up. Safe twice, and after a crash at any step."""
    held = durable.claim(RunPreparation, run_id)
    if held is None:
        return
    until = None if seconds is None else time.monotonic() + seconds
    try:
        if held.attempts > settings.ATTEMPTS:
            durable.give_up(held, error=f"The work was interrupted {settings.ATTEMPTS} times.")
            return
        while _next_part(held):
            durable.failpoint("run.part_listed")
            if until is not None and time.monotonic() > until:
                durable.hand_back(held, due_in=0, free=True)
                return
    except LostLease:
        log.warning("run %s: the lease of its preparation is lost", run_id)


@transaction.atomic
def _next_part(held: Claim) -> bool:
    """One part of the list; False where it is complete, or nobody wants it any more. Raises LostLease."""
    durable.renew(held)
    preparation: RunPreparation = RunPreparation.objects.get(pk=held.pk)
    run = FilterRun.objects.select_for_update().get(pk=held.pk)
    users = preparation.next_users(AT_ONCE) if run.state == RunState.PREPARING else []
    if users:
        write = listing.write if run.undoes_id is None else backwards.write
        write(run, users, preparation.listed)
        held.row().update(listed=preparation.listed + len(users))
        durable.failpoint("run.part_written")
        return True
    held.row().update(user_ids=b"")
    durable.settle(held)
    if run.state == RunState.PREPARING:
        _complete(run, preparation.channel)
    return False


def _complete(run: FilterRun, channel: str) -> None:
    """The list is whole: it becomes a preview, or where it undoes a run, begins."""
    run.users = run.items.count()
    counts = run.undoes_id is None and run.items.filter(needs_count=True).exists()
    state = RunState.COUNTING if counts else RunState.PLANNED
    FilterRun.objects.filter(pk=run.pk).update(users=run.users, state=state, rung_at=None)
    if run.undoes_id is not None:
        run_states.start(run, by=run.person, channel=channel)
        return
    audit.record("run.frozen", by=run.person, channel=channel, group=run.pk, details=_said(run), reason=run.reason)


def _said(run: FilterRun) -> dict[str, Any]:
    said: dict[str, Any] = {"run": run.number, "users": run.users}
    if run.moves_mailboxes:
        return said | {"method": run.wanted_method}
    return said | {"on": run.wanted_on, "tables": run.tables}


def again(run: FilterRun, *, by: Person, channel: str = "screen") -> None:
    """Go on with a list whose making was given up. Raises NotPossible."""
    fresh = {"state": WorkState.READY, "attempts": 0, "last_error": "", "settled_at": None, "rung_at": None}
    with transaction.atomic():
        failed = RunPreparation.objects.filter(run=run, run__state=RunState.PREPARING, state=WorkState.FAILED)
        if not failed.update(due_at=Now(), **fresh):
            raise NotPossible(f"The list of run {run.number} is not waiting to be tried again.")
        audit.record("run.prepared_again", by=by, channel=channel, group=run.pk, details={"run": run.number})


def progress(run: FilterRun) -> Progress:
    """How far its list is."""
    found = RunPreparation.objects.filter(run=run).values_list("listed", "state").first()
    listed, state = found or (0, "")
    return Progress(listed, run.users, state == WorkState.FAILED)
