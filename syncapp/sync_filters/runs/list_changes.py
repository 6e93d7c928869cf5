"""Changes to a planned run's list before it starts: release users who are held back, leave users out, or undo either.

Only the person who created the run can make these changes, and only until someone is asked to confirm the list. Each
change locks the run, so that it cannot be started halfway through, and records an audit entry.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Case, Count, Q, Sum, Value, When
from django.db.models.functions import Now

from syncapp import audit
from syncapp.models import FilterRun, Person
from syncapp.models.jobs.job import JobState
from syncapp.models.sync_filters.run import ItemQuerySet, Outcome, Plan, RunState
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import held_groups, parts, transitions
from syncapp.sync_filters.runs.held_groups import HeldGroup
from syncapp.sync_filters.runs.parts import Part


@transaction.atomic
def release(run: FilterRun, item_ids: Sequence[int], *, by: Person, channel: str = "screen") -> int:
    """Include held-back users whom a person ticked one by one; return how many. Raises NotPossible."""
    _lock(run, by)
    return _release(run, run.items.filter(pk__in=item_ids, plan=Plan.HELD), by, channel)


@transaction.atomic
def release_group(run: FilterRun, group: HeldGroup, *, seen: str, by: Person, channel: str = "screen") -> int:
    """Include a held-back group if it still has the digest `seen`; return how many users. Raises NotPossible."""
    _lock(run, by)
    if not group.can_be_released_together:
        raise NotPossible("What is at risk for these users is not known. Select them one by one.")
    members = held_groups.members(run, group)
    if held_groups.digest(members) != seen:
        raise NotPossible("This group has changed since you opened it. Read it again; no one was released.")
    return _release(run, members, by, channel, group=group.value)


@transaction.atomic
def hold_back(run: FilterRun, item_ids: Sequence[int], *, by: Person, channel: str = "screen") -> int:
    """Hold back users who had been released; return how many. Raises NotPossible."""
    _lock(run, by)
    released = run.items.filter(pk__in=item_ids, plan=Plan.CHANGE, released=True)
    users: int = released.update(plan=Plan.HELD, released=False)
    _record(run, "run.held_back", by, channel, users=users)
    return users


@transaction.atomic
def leave_out(run: FilterRun, part: Part, *, by: Person, channel: str = "screen") -> int:
    """Leave a part of the list out of the run; return the number of users left out. Raises NotPossible."""
    _lock(run, by)
    return _leave_out(run, parts.members(run, part), by, channel, part=part.value)


@transaction.atomic
def leave_out_users(run: FilterRun, item_ids: Sequence[int], *, by: Person, channel: str = "screen") -> int:
    """Leave these users out of the run; return how many. Raises NotPossible."""
    _lock(run, by)
    selected_items = run.items.filter(pk__in=item_ids, plan__in=[Plan.CHANGE, Plan.HELD])
    return _leave_out(run, selected_items, by, channel)


@transaction.atomic
def include_again(run: FilterRun, item_ids: Sequence[int] | None = None, *, by: Person, channel: str = "screen") -> int:
    """Include again the users who were left out, or only those of `item_ids`; return how many. Raises NotPossible.

    Users who were held back before are held back again.
    """
    _lock(run, by)
    left_out = run.items.filter(plan=Plan.LEFT_OUT)
    left_out = left_out if item_ids is None else left_out.filter(pk__in=item_ids)
    was_held = When(~Q(why=""), released=False, then=Value(Plan.HELD.value))
    users: int = left_out.update(
        plan=Case(was_held, default=Value(Plan.CHANGE.value)),
        outcome=Outcome.OPEN,
        state=JobState.READY,
        finished_at=None,
    )
    _record(run, "run.taken_back", by, channel, users=users)
    return users


def _lock(run: FilterRun, by: Person) -> None:
    planned = FilterRun.objects.select_for_update().filter(pk=run.pk, state=RunState.PLANNED, person=by)
    if not planned.values_list("pk", flat=True).first():
        raise NotPossible(transitions.NOT_YOURS)


def _release(run: FilterRun, held: ItemQuerySet, by: Person, channel: str, **details: str) -> int:
    counts = held.aggregate(users=Count("pk"), meetings=Sum("meetings"), attendees=Sum("attendees"))
    held.update(plan=Plan.CHANGE, released=True)
    users, meetings, attendees = (int(counts[name] or 0) for name in ("users", "meetings", "attendees"))
    _record(run, "run.released", by, channel, users=users, meetings=meetings, attendees=attendees, **details)
    return users


def _leave_out(run: FilterRun, items: ItemQuerySet, by: Person, channel: str, **details: str) -> int:
    users: int = items.update(plan=Plan.LEFT_OUT, outcome=Outcome.LEFT_OUT, state=JobState.DONE, finished_at=Now())
    _record(run, "run.left_out", by, channel, users=users, **details)
    return users


def _record(run: FilterRun, action: str, by: Person, channel: str, *, users: int, **details: int | str) -> None:
    """Write the audit entry for a change, if it concerns any user."""
    if users:
        entry = {"run": run.number, "users": users, **details}
        audit.record(action, by=by, channel=channel, group=run.pk, details=entry)
