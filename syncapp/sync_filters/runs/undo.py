"""Undo: a run that restores exactly what another one found, as far as nobody changed it since."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from syncapp import audit
from syncapp.models import FilterRun, FilterRunChange, FilterRunItem, FilterUser, Person
from syncapp.models.sync_filters.run import ItemQuerySet, Outcome, Plan, RunState
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import freezing, meetings, method_plans, preparation, transitions, undo_items
from syncapp.sync_filters.runs import items as listing

# An undo's part that ended so restored nothing, so that another one may.
_LEFT_AS_IT_WAS = [Outcome.FAILED, Outcome.DENIED, Outcome.CANCELLED, Outcome.HELD]
_OF_IT = FilterRunChange.objects.filter(item=OuterRef("pk"), written=True)
_WAS_WRITTEN = Q(mailbox_written=True) | Q(Exists(_OF_IT))


def undo(run: FilterRun, *, by: Person, channel: str = "screen") -> FilterRun:
    """Start restoring what this run found; what is left of it is cancelled first. Raises NotPossible.

    It waits for no second person, and begins with those whose meetings are at risk: a mailbox is synchronized within
    minutes. A long one begins by itself once its list is made.
    """
    if run.undoes_id is not None:
        raise NotPossible("This run is an undo itself. A new run switches them again.")
    if run.state in (RunState.RUNNING, RunState.PAUSED):
        transitions.cancel(run, by=by, channel=channel)
    with transaction.atomic():
        FilterRun.objects.select_for_update().get(pk=run.pk)
        users = [] if _is_being_prepared(run) else list(_written(run).values_list("user_id", flat=True))
        if not users:
            raise NotPossible("Nothing of this run is left to be undone.")
        reverse = _reverse_run(run, by, f"Undo of run {run.number}", users=len(users))
        said = {"run": run.number, "users": len(users)}
        audit.record("run.undone", by=by, channel=channel, group=run.pk, details=said)
        preparation.begin(reverse, users, channel=channel)
    return reverse


def may_be_undone(run: FilterRun) -> int:
    """How many users of this run have filters that it wrote and no undo has restored, or is about to."""
    return 0 if run.undoes_id is not None or _is_being_prepared(run) else _written(run).count()


def _is_being_prepared(run: FilterRun) -> bool:
    return FilterRun.objects.filter(undoes=run, state=RunState.PREPARING).exists()


def restorable(user: FilterUser) -> ItemQuerySet:
    """This user's parts of runs whose writes nothing has restored, or is about to."""
    undoing = FilterRunItem.objects.filter(run__undoes=OuterRef("run"), user=user).exclude(outcome__in=_LEFT_AS_IT_WAS)
    written = FilterRunItem.objects.filter(_WAS_WRITTEN, user=user, run__undoes__isnull=True)
    return written.filter(~Exists(undoing))


def restore(item: FilterRunItem, *, by: Person, channel: str = "screen") -> FilterRun:
    """Freeze a run that puts back what this user's part of a run found; its preview is seen before it starts.

    Unlike `undo` it is a plan like any other: meetings that it may cost are counted first. Raises NotPossible.
    """
    if not restorable(item.user).filter(pk=item.pk).exists():
        raise NotPossible("Nothing that this run wrote for this user is left to be restored.")
    with transaction.atomic():
        run = item.run
        reverse = _reverse_run(run, by, f"What run {run.number} found for {item.user.name}", users=1)
        undo_items.write(reverse, [item.user_id], 0)
        FilterRun.objects.filter(pk=reverse.pk).update(state=RunState.PLANNED)
        _guard(reverse, item.user)
        details = {"run": reverse.number, "restores": run.number, "users": 1, "on": reverse.wanted_on}
        audit.record("run.frozen", by=by, channel=channel, group=reverse.pk, details=details)
    reverse.refresh_from_db()
    return reverse


def _guard(reverse: FilterRun, user: FilterUser) -> None:
    """What a run from the matrix would hold back, this one holds back too."""
    back = reverse.items.filter(plan=Plan.CHANGE).first()
    if back is None:
        return
    if reverse.moves_mailboxes:
        why = method_plans.danger(user, back.wanted_method)
        reverse.items.filter(pk=back.pk).update(plan=Plan.HELD if why else Plan.CHANGE, why=why)
    elif listing.endangers_meetings(user, reverse):
        reverse.items.filter(pk=back.pk).update(needs_count=True)
        meetings.begin(reverse)


def _written(run: FilterRun) -> ItemQuerySet:
    undone = FilterRunItem.objects.filter(run__undoes=run).exclude(outcome__in=_LEFT_AS_IT_WAS)
    items = FilterRunItem.objects.filter(_WAS_WRITTEN, run=run).exclude(user__in=undone.values("user"))
    return items.order_by(F("meetings").desc(nulls_last=True), "position")


def _reverse_run(run: FilterRun, by: Person, words: str, *, users: int) -> FilterRun:
    return freezing.numbered(
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
