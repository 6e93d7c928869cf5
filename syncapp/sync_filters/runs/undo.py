"""Undo: a run that restores exactly the states that another run found, except those that have changed since."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from syncapp import audit
from syncapp.models import FilterRun, FilterRunChange, FilterRunItem, FilterUser, Person
from syncapp.models.sync_filters.run import ItemQuerySet, Outcome, Plan, RunState
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import creation, items, meetings, method_plans, preparation, transitions, undo_items

# Outcomes of an undo's items that restored nothing, so another undo may restore them.
_NOT_RESTORED = [Outcome.FAILED, Outcome.DENIED, Outcome.CANCELLED, Outcome.HELD]
_WRITTEN_CHANGES = FilterRunChange.objects.filter(item=OuterRef("pk"), written=True)
_WAS_WRITTEN = Q(mailbox_written=True) | Q(Exists(_WRITTEN_CHANGES))


def undo(run: FilterRun, *, by: Person, channel: str = "screen") -> FilterRun:
    """Cancel what is left of this run, and start a run that restores the states it found. Raises NotPossible.

    An undo never waits for a second person, and begins with the users whose meetings are at risk, because a mailbox is
    synchronized within minutes. A long undo starts automatically once its list is made.
    """
    if run.undoes_id is not None:
        raise NotPossible("This run is itself an undo. Plan a new run to switch the users again.")
    if run.state in (RunState.RUNNING, RunState.PAUSED):
        transitions.cancel(run, by=by, channel=channel)
    with transaction.atomic():
        FilterRun.objects.select_for_update().get(pk=run.pk)
        users = [] if _is_being_prepared(run) else list(_undoable_items(run).values_list("user_id", flat=True))
        if not users:
            raise NotPossible("This run has nothing left to undo.")
        reverse = _create_reverse(run, by, f"Undo of run {run.number}", users=len(users))
        details = {"run": run.number, "users": len(users)}
        audit.record("run.undone", by=by, channel=channel, group=run.pk, details=details)
        preparation.prepare(reverse, users, channel=channel)
    return reverse


def count_undoable(run: FilterRun) -> int:
    """Count the run's users for whom the run wrote something that no undo has reverted or is reverting."""
    return 0 if run.undoes_id is not None or _is_being_prepared(run) else _undoable_items(run).count()


def _is_being_prepared(run: FilterRun) -> bool:
    return FilterRun.objects.filter(undoes=run, state=RunState.PREPARING).exists()


def restorable_items(user: FilterUser) -> ItemQuerySet:
    """Return this user's run items that wrote something and that no undo has reverted or is reverting."""
    undoing = FilterRunItem.objects.filter(run__undoes=OuterRef("run"), user=user).exclude(outcome__in=_NOT_RESTORED)
    written = FilterRunItem.objects.filter(_WAS_WRITTEN, user=user, run__undoes__isnull=True)
    return written.filter(~Exists(undoing))


def restore(item: FilterRunItem, *, by: Person, channel: str = "screen") -> FilterRun:
    """Plan a run that restores the states that an earlier run found for one user.

    Unlike an undo, it is not started: it has a preview, and meetings that it may cancel are counted first.

    Raises NotPossible.
    """
    if not restorable_items(item.user).filter(pk=item.pk).exists():
        raise NotPossible("This run has nothing left to restore for this user.")
    with transaction.atomic():
        run = item.run
        reverse = _create_reverse(run, by, f"What run {run.number} found for {item.user.name}", users=1)
        undo_items.write_items(reverse, [item.user_id], 0)
        FilterRun.objects.filter(pk=reverse.pk).update(state=RunState.PLANNED)
        # The user is held back, or their meetings are counted, as in any other run.
        changing = reverse.items.filter(plan=Plan.CHANGE)
        if reverse.sets_mailbox_method:
            for planned in changing:
                why = method_plans.risk_of(item.user, planned.wanted_method)
                changing.update(plan=Plan.HELD if why else Plan.CHANGE, why=why)
        elif items.endangers_meetings(item.user, reverse) and changing.update(needs_count=True):
            meetings.request_count(reverse)
        details = {"restores": run.number, "run": reverse.number, "users": 1, "on": reverse.wanted_on}
        audit.record("run.frozen", by=by, channel=channel, group=reverse.pk, details=details)
    reverse.refresh_from_db()
    return reverse


def _undoable_items(run: FilterRun) -> ItemQuerySet:
    undone = FilterRunItem.objects.filter(run__undoes=run).exclude(outcome__in=_NOT_RESTORED)
    written = FilterRunItem.objects.filter(_WAS_WRITTEN, run=run).exclude(user__in=undone.values("user"))
    return written.order_by(F("meetings").desc(nulls_last=True), "position")


def _create_reverse(run: FilterRun, by: Person, words: str, *, users: int) -> FilterRun:
    return creation.create_numbered(
        tables=run.tables,
        wanted_on=not run.wanted_on,
        operation=run.operation,
        words=words[:300],
        users=users,
        person=by,
        undoes=run,
        stop_above_percent=100,
        keeps_deletes_apart=run.keeps_deletes_apart,
    )
