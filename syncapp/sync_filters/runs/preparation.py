"""Preparation jobs, which make a run's list: short ones immediately, long ones in workers while a page shows progress.

    requested ─▶ [items written, a part per transaction] ─▶ preview; an undo starts with its last part

A worker that continues after a crash begins where the last complete part ended, so no user is listed twice or left out.
A user's plan is made from what was last read, and every write carries the version read.
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
from syncapp.models.sync_filters.run_preparation import pack_ids
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import items, meetings, transitions, undo_items
from syncapp.text.localization import number

PART_SIZE = 500  # users listed in one transaction; a list of at most one part is made before the page answers


@dataclass(frozen=True, slots=True)
class PreparationProgress:
    """The number of users listed so far. `failed`: the preparation failed, and a person has to retry it."""

    listed: int
    users: int
    failed: bool

    @property
    def words(self) -> str:
        """Return the progress in words: "8,400 of 20,000"."""
        return f"{number(self.listed)} of {number(self.users)}"


def prepare(run: FilterRun, user_ids: Sequence[uuid.UUID], *, channel: str) -> None:
    """Request the run's list of these users, in this order; a short list is ready on return."""
    with transaction.atomic():
        RunPreparation.objects.create(run=run, user_ids=pack_ids(user_ids), channel=channel, due_at=Now())
        if len(user_ids) <= PART_SIZE:
            work(run.pk)
    run.refresh_from_db()


def work(run_id: uuid.UUID, *, seconds: float | None = None) -> None:
    """List users until all are listed or the time is up. Safe to call twice, and after a crash at any point."""
    runner.run(PreparationJob(seconds), run_id)


@runner.register
class PreparationJob(JobType):
    """The job that makes a run's list part by part; a failure is shown on the run's page, with "Try again"."""

    name = "preparation"
    title = "Preparing filter runs"
    failures_at = "the run’s page"
    model = RunPreparation
    overdue_after = 120.0

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds

    def process(self, lease: Lease, permit: Permit) -> None:
        """List the next parts until the time is up; then make the job due again immediately. Raises LostLease."""
        until = None if self._seconds is None else time.monotonic() + self._seconds
        while _list_part(lease):
            queue.failpoint("run.part_listed")
            if until is not None and time.monotonic() > until:
                queue.reschedule(lease, due_in=0, costs_attempt=False)
                return


@transaction.atomic
def _list_part(lease: Lease) -> bool:
    """Write one part of the list; return False when the list is complete or the run was canceled. Raises LostLease.

    A complete list becomes a preview; an undo is started instead.
    """
    queue.extend_lease(lease)
    preparation: RunPreparation = RunPreparation.objects.get(pk=lease.pk)
    run = FilterRun.objects.select_for_update().get(pk=lease.pk)
    users = preparation.next_users(PART_SIZE) if run.state == RunState.PREPARING else []
    if users:
        write_items = items.write_items if run.undoes_id is None else undo_items.write_items
        write_items(run, users, preparation.listed)
        lease.row().update(listed=preparation.listed + len(users))
        queue.failpoint("run.part_written")
        return True
    lease.row().update(user_ids=b"")
    queue.finish(lease)
    if run.state != RunState.PREPARING:
        return False
    channel, run.users = preparation.channel, run.items.count()
    FilterRun.objects.filter(pk=run.pk).update(users=run.users, state=RunState.PLANNED)
    if run.undoes_id is not None:
        transitions.start(run, by=run.person, channel=channel)
        return False
    if run.items.filter(needs_count=True).exists():
        meetings.request_count(run)
    details: dict[str, Any] = {"run": run.number, "users": run.users}
    details |= {"method": run.wanted_method} if run.sets_mailbox_method else {"on": run.wanted_on, "tables": run.tables}
    audit.record("run.frozen", by=run.person, channel=channel, group=run.pk, details=details, reason=run.reason)
    return False


def retry(run: FilterRun, *, by: Person, channel: str = "screen") -> None:
    """Continue a failed preparation. Raises NotPossible."""
    reset_columns = {
        "state": JobState.READY,
        "attempts": 0,
        "last_error": "",
        "finished_at": None,
        "dispatched_at": None,
    }
    with transaction.atomic():
        failed = RunPreparation.objects.filter(run=run, run__state=RunState.PREPARING, state=JobState.FAILED)
        if not failed.update(due_at=Now(), **reset_columns):
            raise NotPossible(f"The list of run {run.number} has not failed. Reload the page.")
        audit.record("run.prepared_again", by=by, channel=channel, group=run.pk, details={"run": run.number})


def progress(run: FilterRun) -> PreparationProgress:
    """Return how much of the run's list has been prepared."""
    row = RunPreparation.objects.filter(run=run).values_list("listed", "state").first()
    listed, state = row or (0, "")
    return PreparationProgress(listed, run.users, state == JobState.FAILED)
