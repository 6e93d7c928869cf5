"""What a policy does about those who deviate: a run of its own, frozen and started by the guards of every run."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from syncapp.models import FilterPolicy, FilterRun, FilterRunItem, Person
from syncapp.models.person import Role
from syncapp.models.sync_filters.run import OPEN_RUNS, Outcome, Plan, RunState
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.policies import disagreements, editing
from syncapp.sync_filters.runs import freezing, transitions
from syncapp.sync_filters.runs.freezing import Wish
from syncapp.sync_filters.runs.preparation import progress

NIGHT = 2  # the hour, UTC, from which everybody is compared
AGAIN = timedelta(hours=1)
_DISPUTED = "Another policy or a run disagrees about this user; see the policy’s page."
SOON = timedelta(seconds=5)  # while a run's list is made and its users' meetings are counted


def last_night() -> datetime:
    """When the latest night began."""
    now = timezone.now()
    tonight = now.replace(hour=NIGHT, minute=0, second=0, microsecond=0)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def repair(policy: FilterPolicy) -> timedelta | None:
    """Freeze who deviates into a run, by the guards of every run; started now, or by the next round when counted."""
    person = policy.repair_by
    if person is None or not person.is_active or not person.has_role(Role.FILTER_MANAGER):
        editing.stop_and_ask(
            policy, "Who let it repair may no longer switch filters. Somebody else has to answer for it."
        )
        return AGAIN
    users = _next_users(policy)
    if not users:
        return None
    try:
        _freeze(policy, users, by=person)
    except NotPossible as problem:
        editing.stop_and_ask(policy, f"Its run could not be frozen: {problem}")
        return AGAIN
    if is_being_prepared(policy):
        return SOON
    start_what_is_counted(policy)
    return None


def _next_users(policy: FilterPolicy) -> list[uuid.UUID]:
    """Return the users to repair next: those never held back first, and at most as many as this night allows.

    Who was tried in vain tonight waits for the next one; who was switched, and is back by their own hand, does not.
    Users with a disagreement (another policy, a run or an undo) are left alone until a person decides.
    """
    if FilterRun.objects.filter(policy=policy, state__in=OPEN_RUNS).exists():
        return []
    tonight = FilterRunItem.objects.filter(run__policy=policy, run__frozen_at__gte=last_night())
    in_vain = tonight.exclude(outcome=Outcome.DONE).values_list("user_id", flat=True)
    left = policy.per_night - tonight.filter(plan=Plan.CHANGE).count()
    deviating = policy.members.exclude(deviates_since=None).exclude(user_id__in=in_vain)
    ordered = list(
        deviating.order_by("held_back", "deviates_since", "user__name_key").values_list("user_id", flat=True)
    )
    disputed = disagreements.opponents(policy, ordered)
    return [user_id for user_id in ordered if user_id not in disputed][: max(left, 0)]


def _freeze(policy: FilterPolicy, users: Sequence[uuid.UUID], *, by: Person) -> None:
    words = f"Policy “{policy.name}”"
    wish = Wish(tuple(policy.tables), on=policy.wanted_on, words=words, reason=words, policy=policy)
    freezing.freeze_run(users, wish, by=by, channel="policy")


def is_being_prepared(policy: FilterPolicy) -> bool:
    """Whether its run's list is being made, or the meetings of its users are being counted."""
    return FilterRun.objects.filter(policy=policy, state__in=[RunState.PREPARING, RunState.COUNTING]).exists()


def discard_what_cannot_be_prepared(policy: FilterPolicy) -> bool:
    """Give up a run whose list could not be made, and ask; it would otherwise stay open for ever."""
    failed = [run for run in FilterRun.objects.filter(policy=policy, state=RunState.PREPARING) if progress(run).failed]
    for run in failed:
        transitions.cancel(run, by=run.person, channel="policy")
        editing.stop_and_ask(policy, f"The list of its run {run.number} could not be made.")
    return bool(failed)


def is_running(policy: FilterPolicy) -> bool:
    return FilterRun.objects.filter(policy=policy, state=RunState.RUNNING).exists()


def start_what_is_counted(policy: FilterPolicy) -> None:
    """Start the frozen run; users that it holds back stay held, and the report says why."""
    for run in FilterRun.objects.filter(policy=policy, state__in=[RunState.PLANNED, RunState.WAITING]):
        _hold_disputed(policy, run)
    for run in FilterRun.objects.filter(policy=policy, state=RunState.PLANNED).select_related("person"):
        for user_id, why in run.items.filter(plan=Plan.HELD).values_list("user_id", "why"):
            policy.members.filter(user_id=user_id).update(held_back=why)
        transitions.start(run, by=run.person, channel="policy")


def _hold_disputed(policy: FilterPolicy, run: FilterRun) -> None:
    """Hold back users with a disagreement that began after the list was frozen."""
    users = list(run.items.unsettled().values_list("user_id", flat=True))
    disputed = list(disagreements.opponents(policy, users))
    run.items.unsettled().filter(user__in=disputed).update(plan=Plan.HELD, why=_DISPUTED)
