"""Making a run's list, as a job: a few users at once, many by workers while the run's page says how far it is.

    asked for ─▶ [listed, a part of the users in each transaction] ─▶ preview; an undo starts at its last part

Whoever goes on after a crash begins where the last whole part ended, so nobody is listed twice and nobody left out.
What a list says of a user is what was read of him when his part was made; every write carries that version.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from syncapp import audit
from syncapp.jobs import queue, runner
from syncapp.jobs.breakers import Permit
from syncapp.jobs.queue import Lease
from syncapp.jobs.runner import JobType
from syncapp.models import FilterRun, Person, RunPreparation
from syncapp.models.jobs.job import JobState
from syncapp.models.sync_filters.run import RunState
from syncapp.models.sync_filters.run_preparation import packed
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import items, meetings, transitions, undo_items
from syncapp.text.localization import number

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
        return f"{number(self.listed)} of {number(self.users)}"


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
    runner.run(PreparationJob(seconds), run_id)


@runner.register
class PreparationJob(JobType):
    """Make a run's list part by part; a failure is shown on the run's page, with "Try again"."""

    name = "preparation"
    title = "Preparing filter runs"
    failures_at = "the page of the run"
    model = RunPreparation
    overdue_after = 120.0

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds

    def process(self, lease: Lease, permit: Permit) -> None:
        """List the next parts; what does not fit into the time is due again at once. Raises LostLease."""
        until = None if self._seconds is None else time.monotonic() + self._seconds
        while _next_part(lease):
            queue.failpoint("run.part_listed")
            if until is not None and time.monotonic() > until:
                queue.reschedule(lease, due_in=0, costs_attempt=False)
                return


@transaction.atomic
def _next_part(lease: Lease) -> bool:
    """One part of the list; False where it is complete, or nobody wants it any more. Raises LostLease."""
    queue.extend_lease(lease)
    preparation: RunPreparation = RunPreparation.objects.get(pk=lease.pk)
    run = FilterRun.objects.select_for_update().get(pk=lease.pk)
    users = preparation.next_users(AT_ONCE) if run.state == RunState.PREPARING else []
    if users:
        write = items.write if run.undoes_id is None else undo_items.write
        write(run, users, preparation.listed)
        lease.row().update(listed=preparation.listed + len(users))
        queue.failpoint("run.part_written")
        return True
    lease.row().update(user_ids=b"")
    queue.finish(lease)
    if run.state == RunState.PREPARING:
        _complete(run, preparation.channel)
    return False


def _complete(run: FilterRun, channel: str) -> None:
    """The list is whole: it becomes a preview, or where it undoes a run, begins."""
    run.users = run.items.count()
    counts = run.undoes_id is None and run.items.filter(needs_count=True).exists()
    FilterRun.objects.filter(pk=run.pk).update(users=run.users, state=RunState.PLANNED)
    if counts:
        meetings.begin(run)
    if run.undoes_id is not None:
        transitions.start(run, by=run.person, channel=channel)
        return
    audit.record("run.frozen", by=run.person, channel=channel, group=run.pk, details=_said(run), reason=run.reason)


def _said(run: FilterRun) -> dict[str, Any]:
    said: dict[str, Any] = {"run": run.number, "users": run.users}
    if run.moves_mailboxes:
        return said | {"method": run.wanted_method}
    return said | {"on": run.wanted_on, "tables": run.tables}


def again(run: FilterRun, *, by: Person, channel: str = "screen") -> None:
    """Go on with a list whose making was given up. Raises NotPossible."""
    fresh = {"state": JobState.READY, "attempts": 0, "last_error": "", "finished_at": None, "dispatched_at": None}
    with transaction.atomic():
        failed = RunPreparation.objects.filter(run=run, run__state=RunState.PREPARING, state=JobState.FAILED)
        if not failed.update(due_at=Now(), **fresh):
            raise NotPossible(f"The list of run {run.number} is not waiting to be tried again.")
        audit.record("run.prepared_again", by=by, channel=channel, group=run.pk, details={"run": run.number})


def progress(run: FilterRun) -> Progress:
    """How far its list is."""
    found = RunPreparation.objects.filter(run=run).values_list("listed", "state").first()
    listed, state = found or (0, "")
    return Progress(listed, run.users, state == JobState.FAILED)
