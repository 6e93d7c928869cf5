"""Guarded transitions of a run: start, confirm, pause, resume, cancel and end.

Items are due only while their run is running, so a worker never has to ask whether it may process one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Now
from django.utils import timezone

from syncapp import audit
from syncapp.models import FilterRun, FilterRunItem, Person
from syncapp.models.jobs.job import OPEN_STATES, WAITING_STATES, JobState
from syncapp.models.sync_filters.run import FAILURES, NEVER, OPEN_RUNS, WRITTEN, Outcome, Plan, RunState
from syncapp.sync_filters import second_person
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import notification_rules

# Fewer users tried give no reliable failure rate.
MIN_TRIED = 20
NOT_YOURS = "Only the person who created this run can change it, and only before it starts."


@dataclass(frozen=True, slots=True)
class StartOptions:
    """Reason and change number for the record, the number of users to run first, and the start time."""

    reason: str = ""
    change_number: str = ""
    pilot: int = 0
    starts_at: datetime | None = None


def set_start_options(run: FilterRun, options: StartOptions, *, by: Person) -> None:
    """Store how a planned run is to be started. Raises NotPossible."""
    columns = asdict(options) | {"reason": options.reason[:500], "change_number": options.change_number[:60]}
    if FilterRun.objects.filter(pk=run.pk, state=RunState.PLANNED, person=by).update(**columns) != 1:
        raise NotPossible(NOT_YOURS)
    run.refresh_from_db()


def start(run: FilterRun, *, by: Person, channel: str = "screen", confirmer: Person | None = None) -> FilterRun:
    """Start a planned run, or let it wait for a second person: `confirmer`, or anyone who may confirm.

    The run waits if this person would switch more users alone within a day than allowed (second_person.py).

    Raises NotPossible.
    """
    if run.person_id != by.pk:
        raise NotPossible("Only the person who created this run can start it.")
    with transaction.atomic():
        # Users released at the same moment are counted, too.
        FilterRun.objects.select_for_update().get(pk=run.pk)
        # Otherwise two runs started together would not count each other's users.
        Person.objects.select_for_update().get(pk=by.pk)
        users = run.items.unfinished().count()
        waits = second_person.needs_confirmation(run)
        if waits and run.policy_id is None and not run.reason.strip():
            raise NotPossible("Give a reason: the person who confirms this run has to know why.")
        _move(run, [RunState.PLANNED], RunState.WAITING if waits else RunState.RUNNING)
        _record(run, "run.asked" if waits else "run.started", by=by, channel=channel, users=users)
        if waits:
            notification_rules.notify_waiting(run, confirmer=confirmer)
        else:
            _begin(run)
            if run.undoes_id is not None:
                notification_rules.notify_undone(run, by=by)
    run.refresh_from_db()
    return run


def ask_others(run: FilterRun, *, by: Person, channel: str = "screen") -> None:
    """Ask the people who may confirm a waiting run and have not been asked yet. Raises NotPossible."""
    with transaction.atomic():
        _move(run, [RunState.WAITING], RunState.WAITING)
        if not notification_rules.notify_other_confirmers(run):
            raise NotPossible("Everyone who can confirm this run and get mail has been asked.")
        _record(run, "run.asked", by=by, channel=channel, users=count_unfinished(run))


def confirm(run: FilterRun, *, by: Person, channel: str = "screen") -> FilterRun:
    """Confirm exactly this list as the second person, and start the run. Raises NotPossible."""
    if run.person_id == by.pk:
        raise NotPossible("Someone other than the person who created this run has to confirm it.")
    with transaction.atomic():
        _move(run, [RunState.WAITING], RunState.RUNNING, confirmed_by=by)
        _record(run, "run.confirmed", by=by, channel=channel)
        _begin(run)
    run.refresh_from_db()
    return run


def _begin(run: FilterRun) -> None:
    FilterRun.objects.filter(pk=run.pk).update(started_at=Now())
    held = run.items.filter(plan=Plan.HELD, outcome=Outcome.OPEN)
    held.update(outcome=Outcome.HELD, state=JobState.DONE, finished_at=Now())
    _make_due(run)
    end_if_finished(run)


def _make_due(run: FilterRun) -> None:
    waiting = run.items.unfinished().filter(state__in=WAITING_STATES, due_at=NEVER)
    if run.pilot:
        pilots = waiting.order_by("position").values_list("pk", flat=True)[: run.pilot]
        waiting = waiting.filter(pk__in=list(pilots))
    waiting.update(due_at=run.starts_at or Now(), dispatched_at=None)
    FilterRun.objects.filter(pk=run.pk).update(dispatched_at=None)  # tasks published just now were for other items


def move_start(run: FilterRun, starts_at: datetime | None, *, by: Person, channel: str = "screen") -> None:
    """Move the start of a scheduled run; if `starts_at` is None, start it now. Raises NotPossible."""
    with transaction.atomic():
        row = FilterRun.objects.select_for_update().get(pk=run.pk)
        if not row.is_scheduled:
            raise NotPossible(f"Run {row.number} has already started or ended.")
        waiting = row.items.unfinished().filter(state=JobState.READY, due_at=row.starts_at)
        waiting.update(due_at=starts_at or Now(), dispatched_at=None)
        FilterRun.objects.filter(pk=row.pk).update(starts_at=starts_at, dispatched_at=None)
        start_time = (starts_at or timezone.now()).isoformat(timespec="minutes")
        _record(row, "run.moved", by=by, channel=channel, starts_at=start_time)
    run.refresh_from_db()


def pause(run: FilterRun, *, by: Person | None, because: str = "", channel: str = "screen") -> None:
    """Pause the run: no further users start, and users in progress are finished. Raises NotPossible."""
    with transaction.atomic():
        _move(run, [RunState.RUNNING], RunState.PAUSED, paused_because=because)
        run.items.unfinished().filter(state=JobState.READY).update(due_at=NEVER)
        _record(run, "run.paused", by=by, channel=channel if by else "system", because=because)
        if by is None:
            notification_rules.notify_paused(run)


def pause_automatically(run: FilterRun, *, because: str) -> None:
    """Pause the run for a reason that the portal itself found, unless the run has stopped running."""
    try:
        pause(run, by=None, because=because)
    except NotPossible:
        return


def resume(run: FilterRun, *, by: Person, channel: str = "screen") -> None:
    """Resume a paused run; after a pilot, with all remaining users. Raises NotPossible."""
    with transaction.atomic():
        _move(run, [RunState.PAUSED], RunState.RUNNING, paused_because="", pilot=0, starts_at=None)
        run.refresh_from_db()
        _make_due(run)
        _record(run, "run.resumed", by=by, channel=channel)


def cancel(run: FilterRun, *, by: Person, channel: str = "screen") -> None:
    """Cancel the run: users not started are left alone, and written changes stay until undone. Raises NotPossible."""
    with transaction.atomic():
        _move(run, OPEN_RUNS, RunState.CANCELLED, finished_at=Now())
        started_items = run.items.exclude(state=JobState.READY, outcome_unknown=False)
        items_to_cancel = run.items.filter(outcome=Outcome.OPEN).exclude(
            pk__in=started_items.filter(plan=Plan.CHANGE).values("pk")
        )
        items_to_cancel.update(outcome=Outcome.CANCELLED, state=JobState.DONE, finished_at=Now(), due_at=Now())
        run.items.filter(state=JobState.VERIFY).update(due_at=Now(), dispatched_at=None)
        _record(run, "run.cancelled", by=by, channel=channel)


def update_state(run: FilterRun) -> None:
    """After a batch, end the run if it is finished; pause it if its pilot is done or too many users failed."""
    run.refresh_from_db()
    if run.state == RunState.PAUSED:
        # Items that were rescheduled after the pause must not be due either.
        run.items.unfinished().filter(state__in=WAITING_STATES).update(due_at=NEVER)
    if run.state != RunState.RUNNING or end_if_finished(run):
        return
    # Look for any failure first: counting all users after every batch would slow down long runs.
    if run.items.filter(outcome__in=FAILURES).exists() and fails_too_often(run):
        pause_automatically(run, because="failures")
    elif run.pilot and not run.items.unfinished().exclude(state=JobState.READY, due_at=NEVER).exists():
        pause_automatically(run, because="pilot")


def end_if_finished(run: FilterRun) -> bool:
    """End a run without unfinished users; return whether it has none."""
    if run.items.unfinished().exists() or run.items.filter(state__in=OPEN_STATES, outcome=Outcome.OPEN).exists():
        return False
    with transaction.atomic():
        ended = FilterRun.objects.filter(pk=run.pk, state=RunState.RUNNING)
        if ended.update(state=RunState.DONE, finished_at=Now()):
            counted = {key or "open": users for key, users in count_by_outcome(run).items()}
            _record(run, "run.done", by=None, channel="system", **counted)
            notification_rules.notify_done(run)
    return True


def fails_too_often(run: FilterRun) -> bool:
    """Return whether enough users were tried and their failure rate is above the run's limit."""
    counted = count_by_outcome(run)
    failed = sum(counted.get(outcome.value, 0) for outcome in FAILURES)
    tried = failed + sum(counted.get(outcome.value, 0) for outcome in WRITTEN)
    return tried >= MIN_TRIED and failed * 100 > tried * run.stop_above_percent


def count_by_outcome(run: FilterRun) -> dict[str, int]:
    """Count the run's users by outcome; the key '' counts those without an outcome."""
    return dict(run.items.order_by().values_list("outcome").annotate(users=Count("pk")))


def count_unfinished(run: FilterRun) -> int:
    """Count the users that the run still has to process."""
    return FilterRunItem.objects.filter(run=run).unfinished().count()


def _move(run: FilterRun, expected: Sequence[str], state: str, **columns: Any) -> None:
    if FilterRun.objects.filter(pk=run.pk, state__in=expected).update(state=state, **columns) != 1:
        current = FilterRun.objects.get(pk=run.pk)
        raise NotPossible(f"Run {current.number} is: {current.state_label}.")


def _record(run: FilterRun, action: str, *, by: Person | None, channel: str, **details: Any) -> None:
    audit.record(action, by=by, channel=channel, group=run.pk, details={"run": run.number, **details})
