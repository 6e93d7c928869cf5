"""Repairs of a policy: runs for users who deviate, started once they are prepared."""

from __future__ import annotations

import uuid
from datetime import timedelta

from syncapp.mirror.filters import schedule
from syncapp.models import FilterPolicy, FilterRun, FilterRunItem
from syncapp.models.person import Role
from syncapp.models.sync_filters.run import OPEN_RUNS, Outcome, Plan, RunState
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.policies import conflicts, editing
from syncapp.sync_filters.runs import creation, transitions
from syncapp.sync_filters.runs.creation import RunSpec
from syncapp.sync_filters.runs.preparation import progress

USUAL_PAUSE = timedelta(hours=1)
PREPARING_PAUSE = timedelta(seconds=5)
_IN_CONFLICT = "Another policy or a run conflicts over this user; see the policy’s page."


def repair(policy: FilterPolicy) -> timedelta | None:
    """Create a run for deviating users, and start it if prepared. Return how long to wait; None: the usual hour."""
    person = policy.repair_by
    if person is None or not person.is_active or not person.has_role(Role.FILTER_MANAGER):
        editing.stop_and_ask(
            policy, "The person who turned on repair may no longer switch filters. Someone else has to take over."
        )
        return USUAL_PAUSE
    users = _next_users(policy)
    if not users:
        return None
    words = f"Policy “{policy.name}”"
    spec = RunSpec(tuple(policy.tables), on=policy.wanted_on, words=words, reason=words, policy=policy)
    try:
        creation.create_run(users, spec, by=person, channel="policy")
    except NotPossible as problem:
        editing.stop_and_ask(policy, f"Its run could not be created: {problem}")
        return USUAL_PAUSE
    if has_preparing_run(policy):
        return PREPARING_PAUSE
    start_prepared(policy)
    return None


def _next_users(policy: FilterPolicy) -> list[uuid.UUID]:
    """Return the users to repair next, at most as many as this night allows; those held back before come last.

    Users whose repair failed tonight wait for the next night; users who switched back after a repair do not. Users in
    conflict (with another policy, a run or an undo) are skipped until a person decides.
    """
    if FilterRun.objects.filter(policy=policy, state__in=OPEN_RUNS).exists():
        return []
    tonight = FilterRunItem.objects.filter(run__policy=policy, run__frozen_at__gte=schedule.last_night())
    failed = tonight.exclude(outcome=Outcome.DONE).values_list("user_id", flat=True)
    remaining = policy.per_night - tonight.filter(plan=Plan.CHANGE).count()
    deviating = policy.members.exclude(deviates_since=None).exclude(user_id__in=failed)
    ordered = list(
        deviating.order_by("held_back", "deviates_since", "user__name_key").values_list("user_id", flat=True)
    )
    in_conflict = conflicts.conflict_sources(policy, ordered)
    return [user_id for user_id in ordered if user_id not in in_conflict][: max(remaining, 0)]


def has_preparing_run(policy: FilterPolicy) -> bool:
    """Return whether a run of the policy is still preparing its list or counting meetings."""
    return FilterRun.objects.filter(policy=policy, state__in=[RunState.PREPARING, RunState.COUNTING]).exists()


def has_running_run(policy: FilterPolicy) -> bool:
    return FilterRun.objects.filter(policy=policy, state=RunState.RUNNING).exists()


def discard_failed_preparation(policy: FilterPolicy) -> bool:
    """Cancel runs whose list could not be made, and stop the policy; return whether there were any."""
    failed = [run for run in FilterRun.objects.filter(policy=policy, state=RunState.PREPARING) if progress(run).failed]
    for run in failed:
        transitions.cancel(run, by=run.person, channel="policy")
        editing.stop_and_ask(policy, f"The list of its run {run.number} could not be made.")
    return bool(failed)


def start_prepared(policy: FilterPolicy) -> None:
    """Hold back users in conflict, and start the prepared run. The policy's report shows why users are held back."""
    for run in FilterRun.objects.filter(policy=policy, state__in=[RunState.PLANNED, RunState.WAITING]):
        # Conflicts may have begun after the list was made.
        users = list(run.items.unfinished().values_list("user_id", flat=True))
        in_conflict = list(conflicts.conflict_sources(policy, users))
        run.items.unfinished().filter(user__in=in_conflict).update(plan=Plan.HELD, why=_IN_CONFLICT)
    for run in FilterRun.objects.filter(policy=policy, state=RunState.PLANNED).select_related("person"):
        for user_id, why in run.items.filter(plan=Plan.HELD).values_list("user_id", "why"):
            policy.members.filter(user_id=user_id).update(held_back=why)
        transitions.start(run, by=run.person, channel="policy")
