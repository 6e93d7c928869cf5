"""The place where a run is started, confirmed, paused, resumed, cancelled and ended; each a guarded transition.

Items are due while their run runs and due never otherwise, so that nothing has to ask twice whether it may work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Now

from syncapp import audit
from syncapp.models import FilterRun, FilterRunItem, Person
from syncapp.models.jobs.job import OPEN_STATES, WAITING_STATES, JobState
from syncapp.models.sync_filters.run import FAILURES, NEVER, OPEN_RUNS, WRITTEN, Outcome, Plan, RunState
from syncapp.sync_filters import second_person
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import notification_rules

# Fewer results than this say nothing about a rate.
FEWEST_TO_JUDGE = 20


def start(run: FilterRun, *, by: Person, channel: str = "screen", asked: Person | None = None) -> FilterRun:
    """Start a frozen list, or have it wait for a second person: `asked`, or anybody who may confirm.

    It waits where this person would switch more users alone within a day than one person may (second_person.py).

    Raises NotPossible.
    """
    if run.person_id != by.pk:
        raise NotPossible("Only the person who froze this list starts it.")
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=by.pk)  # two runs started at once would not see each other's users
        users = run.items.unsettled().count()
        waits = second_person.waits(run)
        _move(run, [RunState.PLANNED], RunState.WAITING if waits else RunState.RUNNING)
        _note(run, "run.asked" if waits else "run.started", by=by, channel=channel, users=users)
        if waits:
            notification_rules.waits(run, asked=asked)
        else:
            _begin(run)
            if run.undoes_id is not None:
                notification_rules.undone(run, by=by)
    run.refresh_from_db()
    return run


def ask_others(run: FilterRun, *, by: Person, channel: str = "screen") -> None:
    """Ask those who may confirm a waiting run and were not told of it. Raises NotPossible."""
    with transaction.atomic():
        _move(run, [RunState.WAITING], RunState.WAITING)
        if not notification_rules.ask_others(run):
            raise NotPossible("Everyone who can confirm this run and get mail has been told.")
        _note(run, "run.asked", by=by, channel=channel, users=unsettled_items(run))


def confirm(run: FilterRun, *, by: Person, channel: str = "screen") -> FilterRun:
    """A second person agrees to exactly this frozen list. Raises NotPossible."""
    if run.person_id == by.pk:
        raise NotPossible("Somebody else than the person who froze this list confirms it.")
    with transaction.atomic():
        _move(run, [RunState.WAITING], RunState.RUNNING, confirmed_by=by)
        _note(run, "run.confirmed", by=by, channel=channel)
        _begin(run)
    run.refresh_from_db()
    return run


def _begin(run: FilterRun) -> None:
    FilterRun.objects.filter(pk=run.pk).update(started_at=Now())
    held = run.items.filter(plan=Plan.HELD, outcome=Outcome.OPEN)
    held.update(outcome=Outcome.HELD, state=JobState.DONE, finished_at=Now())
    _make_due(run)
    finish(run)


def _make_due(run: FilterRun) -> None:
    waiting = run.items.unsettled().filter(state__in=WAITING_STATES, due_at=NEVER)
    if run.pilot:
        pilots = waiting.order_by("position").values_list("pk", flat=True)[: run.pilot]
        waiting = waiting.filter(pk__in=list(pilots))
    waiting.update(due_at=run.starts_at or Now(), dispatched_at=None)
    FilterRun.objects.filter(pk=run.pk).update(dispatched_at=None)  # a bell of a moment ago rang for something else


def pause(run: FilterRun, *, by: Person | None, because: str = "", channel: str = "screen") -> None:
    """Begin no further user; those under way are brought to their end. Raises NotPossible."""
    with transaction.atomic():
        _move(run, [RunState.RUNNING], RunState.PAUSED, paused_because=because)
        _items_wait(run)
        _note(run, "run.paused", by=by, channel=channel if by else "system", because=because)
        if by is None:
            notification_rules.paused(run)


def resume(run: FilterRun, *, by: Person, channel: str = "screen") -> None:
    """Go on; after a pilot that means everybody else. Raises NotPossible."""
    with transaction.atomic():
        _move(run, [RunState.PAUSED], RunState.RUNNING, paused_because="", pilot=0, starts_at=None)
        run.refresh_from_db()
        _make_due(run)
        _note(run, "run.resumed", by=by, channel=channel)


def cancel(run: FilterRun, *, by: Person, channel: str = "screen") -> None:
    """End it here: who was not begun is left alone, what was done stays until it is undone. Raises NotPossible."""
    with transaction.atomic():
        _move(run, OPEN_RUNS, RunState.CANCELLED, finished_at=Now())
        begun = run.items.exclude(state=JobState.READY, outcome_unknown=False)
        rest = run.items.filter(outcome=Outcome.OPEN).exclude(pk__in=begun.filter(plan=Plan.CHANGE).values("pk"))
        rest.update(outcome=Outcome.CANCELLED, state=JobState.DONE, finished_at=Now(), due_at=Now())
        run.items.filter(state=JobState.VERIFY).update(due_at=Now(), dispatched_at=None)
        _note(run, "run.cancelled", by=by, channel=channel)


def _items_wait(run: FilterRun) -> None:
    run.items.unsettled().filter(state=JobState.READY).update(due_at=NEVER)


def settle_state(run: FilterRun) -> None:
    """After some users: end the run, or pause it where its pilot is done or too much failed."""
    run.refresh_from_db()
    if run.state == RunState.PAUSED:
        # What was handed back since the pause is not due either.
        run.items.unsettled().filter(state__in=WAITING_STATES).update(due_at=NEVER)
    if run.state != RunState.RUNNING or finish(run):
        return
    because = "failures" if _has_failures(run) and fails_too_often(run) else "pilot" if _pilot_is_done(run) else ""
    if because:
        pause_quietly(run, because=because)


def pause_quietly(run: FilterRun, *, because: str) -> None:
    """Pause it by the portal's own judgement, unless somebody was first."""
    try:
        pause(run, by=None, because=because)
    except NotPossible:
        return


def finish(run: FilterRun) -> bool:
    """End a run in which nobody is left; True where it has ended."""
    if run.items.unsettled().exists() or run.items.filter(state__in=OPEN_STATES, outcome=Outcome.OPEN).exists():
        return False
    with transaction.atomic():
        ended = FilterRun.objects.filter(pk=run.pk, state=RunState.RUNNING)
        if ended.update(state=RunState.DONE, finished_at=Now()):
            _note(run, "run.done", by=None, channel="system", **{key or "open": n for key, n in outcomes(run).items()})
            notification_rules.done(run)
    return True


def fails_too_often(run: FilterRun) -> bool:
    """Whether the share of failures among those who were begun is above the run's limit."""
    counted = outcomes(run)
    failed = sum(counted.get(outcome.value, 0) for outcome in FAILURES)
    tried = failed + sum(counted.get(outcome.value, 0) for outcome in WRITTEN)
    return tried >= FEWEST_TO_JUDGE and failed * 100 > tried * run.stop_above_percent


def _has_failures(run: FilterRun) -> bool:
    """Asked after every round, where counting everybody would cost more with every user of the run."""
    return run.items.filter(outcome__in=FAILURES).exists()


def _pilot_is_done(run: FilterRun) -> bool:
    return bool(run.pilot) and not run.items.unsettled().exclude(state=JobState.READY, due_at=NEVER).exists()


def outcomes(run: FilterRun) -> dict[str, int]:
    """How many users ended in which way; '' counts those who did not yet."""
    counted = run.items.order_by().values_list("outcome").annotate(users=Count("pk"))
    return dict(counted)


def plans(run: FilterRun) -> dict[str, int]:
    """How many users the frozen list expects what of."""
    return dict(run.items.order_by().values_list("plan").annotate(users=Count("pk")))


def _move(run: FilterRun, expected: Sequence[str], state: str, **columns: Any) -> None:
    if FilterRun.objects.filter(pk=run.pk, state__in=expected).update(state=state, **columns) != 1:
        now = FilterRun.objects.get(pk=run.pk)
        raise NotPossible(f"Run {now.number} is: {now.get_state_display()}.")


def _note(run: FilterRun, action: str, *, by: Person | None, channel: str, **details: Any) -> None:
    audit.record(action, by=by, channel=channel, group=run.pk, details={"run": run.number, **details})


def unsettled_items(run: FilterRun) -> int:
    """How many users are still to come."""
    return FilterRunItem.objects.filter(run=run).unsettled().count()
