"""Undo: a run that restores exactly what another one found, as far as nobody changed it since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from syncapp import audit
from syncapp.filters import filter_lever, method_lever, method_plans, plans, run_states
from syncapp.filters.errors import NotPossible
from syncapp.filters.planned import Planned
from syncapp.models import FilterRow, FilterRun, FilterRunChange, FilterRunItem, FilterUser, Person
from syncapp.models.filter_run import ItemQuerySet, Outcome, Plan, RunState

# An undo's part that ended so restored nothing, so that another one may.
_LEFT_AS_IT_WAS = [Outcome.FAILED, Outcome.DENIED, Outcome.CANCELLED, Outcome.HELD]
_CHUNK = 250
_OF_IT = FilterRunChange.objects.filter(item=OuterRef("pk"), written=True)
_WAS_WRITTEN = Q(mailbox_written=True) | Q(Exists(_OF_IT))


def undo(run: FilterRun, *, by: Person, channel: str = "screen") -> FilterRun:
    """Start restoring what this run found; what is left of it is cancelled first. Raises NotPossible.

    It waits for no second person, and begins with those whose meetings are at risk: a mailbox is synchronized within
    minutes.
    """
    if run.undoes_id is not None:
        raise NotPossible("This run is an undo itself. A new run switches them again.")
    if run.state in (RunState.RUNNING, RunState.PAUSED):
        run_states.cancel(run, by=by, channel=channel)
    with transaction.atomic():
        reverse = _frozen(run, by, channel)
        return run_states.start(reverse, by=by, channel=channel)


def may_be_undone(run: FilterRun) -> int:
    """How many users of this run have filters that it wrote and no undo has restored."""
    return 0 if run.undoes_id is not None else _written(run).count()


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
        _reverse(reverse, 0, [item])
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
    elif plans.endangers_meetings(user, reverse):
        reverse.items.filter(pk=back.pk).update(needs_count=True)
        FilterRun.objects.filter(pk=reverse.pk).update(state=RunState.COUNTING)


def _written(run: FilterRun) -> ItemQuerySet:
    undone = FilterRunItem.objects.filter(run__undoes=run).exclude(outcome__in=_LEFT_AS_IT_WAS)
    items = FilterRunItem.objects.filter(_WAS_WRITTEN, run=run).exclude(user__in=undone.values("user"))
    return items.order_by(F("meetings").desc(nulls_last=True), "position")


def _frozen(run: FilterRun, by: Person, channel: str) -> FilterRun:
    items = list(_written(run).select_related("user").prefetch_related("changes"))
    if not items:
        raise NotPossible("Nothing of this run is left to be undone.")
    reverse = _reverse_run(run, by, f"Undo of run {run.number}", users=len(items))
    for start in range(0, len(items), _CHUNK):
        _reverse(reverse, start, items[start : start + _CHUNK])
    audit.record("run.undone", by=by, channel=channel, group=run.pk, details={"run": run.number, "users": len(items)})
    return reverse


def _reverse_run(run: FilterRun, by: Person, words: str, *, users: int) -> FilterRun:
    return FilterRun.objects.create(
        number=plans.next_number(),
        state=RunState.PLANNED,
        tables=run.tables,
        wanted_on=not run.wanted_on,
        lever=run.lever,
        words=words[:300],
        users=users,
        person=by,
        undoes=run,
        stop_above_percent=100,
        keeps_deletes_apart=run.keeps_deletes_apart,
    )


def _reverse(reverse: FilterRun, start: int, items: Sequence[FilterRunItem]) -> None:
    """The undoing run's rows of these users, from the place `start` on."""
    written = {item.pk: [change for change in item.changes.all() if change.written] for item in items}
    held = FilterRow.objects.in_bulk([change.filter_id for changes in written.values() for change in changes])
    backs, changes = [], []
    for place, item in enumerate(items, start):
        changed = _changed_since(item, written[item.pk], held)
        back = _back(reverse, place, item, changed)
        backs.append(back)
        changes += [] if changed else list(_backwards(back, written[item.pk]))
    FilterRunItem.objects.bulk_create(backs, batch_size=_CHUNK)
    FilterRunChange.objects.bulk_create(changes, batch_size=_CHUNK)


def _back(reverse: FilterRun, place: int, item: FilterRunItem, changed: str) -> FilterRunItem:
    planned = Planned(Plan.CANNOT, Outcome.CHANGED, changed) if changed else Planned(Plan.CHANGE)
    back = planned.item(reverse, place, item.user)
    back.meetings, back.attendees = item.meetings, item.attendees
    if item.mailbox_written:
        back.mailbox_id, back.mailbox_etag = item.mailbox_id, item.mailbox_etag_after
        back.found_method, back.wanted_method = item.wanted_method, item.found_method
    return back


def _changed_since(item: FilterRunItem, written: list[FilterRunChange], held: dict[UUID, FilterRow]) -> str:
    """Why this user is left alone, as far as our tables know; '' where all is as the run left it."""
    if item.mailbox_written:
        return "" if item.user.method == item.wanted_method else method_lever.CHANGED
    return "" if all(_is_as_written(change, held) for change in written) else filter_lever.CHANGED


def _is_as_written(change: FilterRunChange, held: dict[UUID, FilterRow]) -> bool:
    row = held.get(change.filter_id)
    return row is not None and row.state == change.wanted_state and row.etag == change.etag_after


def _backwards(back: FilterRunItem, written: list[FilterRunChange]) -> Iterator[FilterRunChange]:
    for change in written:
        yield FilterRunChange(
            item=back,
            filter_id=change.filter_id,
            table=change.table,
            name=change.name,
            found_state=change.wanted_state,
            found_status=change.wanted_status,
            etag=change.etag_after,
            wanted_state=change.found_state,
            wanted_status=change.found_status,
        )
