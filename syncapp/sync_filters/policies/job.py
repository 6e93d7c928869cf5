"""The job of a policy: compare the group with the desired state, and in repair mode create and start a run.

    claim ─▶ start a prepared run ─▶ read the group ─▶ changed too much? ask ─▶ compare ─▶ [repair] ─▶ due again

Once a night, the whole group is compared, using that night's inventory. New users are compared every hour,
as soon as their filters have been read. If a person asks for a comparison, a small group is read again first. Every
write of a run carries the version that was read.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.jobs import queue, runner
from syncapp.jobs.breakers import Permit
from syncapp.jobs.queue import Lease
from syncapp.jobs.runner import Failure, JobType
from syncapp.mirror.filters import schedule
from syncapp.models import FilterPolicy, FilterRun, FilterUser, PolicyMember
from syncapp.models.jobs.job import JobState, database_now
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import NEVER, Plan
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.policies import editing, refresh, repairs
from syncapp.sync_filters.policies.groups import members_of
from syncapp.sync_filters.policies.repairs import PREPARING_PAUSE, USUAL_PAUSE
from syncapp.sync_filters.runs import dry_run
from syncapp.sync_filters.runs.creation import RunSpec

MAX_CHANGED_PERCENT = 10
RUNNING_PAUSE = timedelta(seconds=15)
INVENTORY_PAUSE = timedelta(seconds=15)
_CHUNK = 250


def work(policy_id: uuid.UUID, *, crm: Callable[[], CrmClient] | None = None) -> bool:
    """Process the policy if it is due and no other worker has it. Safe to call twice, and after a crash at any point.

    `crm` is used to read the group again when a person has asked for the comparison.
    """
    return runner.run(PolicyJob(crm), policy_id)


@runner.register
class PolicyJob(JobType):
    """The job that compares and repairs one policy; a failure stops the policy, which asks for a decision."""

    name = "policy"
    title = "Comparing policies"
    failures_at = "the policy’s page"
    model = FilterPolicy
    overdue_after = 300.0

    def __init__(self, crm: Callable[[], CrmClient] | None = None) -> None:
        self._crm = crm

    def process(self, lease: Lease, permit: Permit) -> None:
        """Compare the policy, repair its users if it should, and reschedule it. Raises LostLease."""
        policy: FilterPolicy = FilterPolicy.objects.select_related("repair_by").get(pk=lease.pk)
        _reschedule(lease, _compare_and_repair(policy, lease, self._crm))

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Stop the policy, and ask for a decision. Raises LostLease."""
        queue.mark_failed(lease, error=failure.code)
        editing.stop_and_ask(FilterPolicy.objects.get(pk=lease.pk), f"It could not be compared. {failure.reason}")


def schedule_comparisons() -> None:
    """Make policies due after users were read, so that new users are compared now instead of within the hour."""
    waiting = FilterPolicy.objects.filter(state=JobState.READY, due_at__gt=Now(), due_at__lt=NEVER)
    waiting.update(due_at=Now(), dispatched_at=None)


@transaction.atomic
def _reschedule(lease: Lease, pause: timedelta | None) -> None:
    """Make the policy due after the pause, now if a comparison was requested since, or never if it is stopped."""
    queue.lock(lease)
    policy: FilterPolicy = FilterPolicy.objects.get(pk=lease.pk)
    if not policy.is_active:
        queue.reset(lease, due_at=NEVER)
        return
    is_due_now = policy.wants_full and pause is None
    wait = timedelta() if is_due_now else pause or USUAL_PAUSE
    queue.reset(lease, due_at=database_now(plus=wait.total_seconds()))


def _compare_and_repair(policy: FilterPolicy, lease: Lease, crm: Callable[[], CrmClient] | None) -> timedelta | None:
    """Start a run, compare or repair, whichever is due. Return how long to wait; None means the usual hour."""
    if not policy.is_active or not policy.is_in_force(timezone.now().date()):
        return USUAL_PAUSE
    if repairs.discard_failed_preparation(policy):
        return USUAL_PAUSE
    if repairs.has_preparing_run(policy):
        return PREPARING_PAUSE
    repairs.start_prepared(policy)
    if schedule.lacks_nightly_inventory():
        return INVENTORY_PAUSE  # an older inventory says nothing about tonight
    try:
        group = members_of(policy)
    except NotPossible as problem:
        editing.stop_and_ask(policy, str(problem))
        return USUAL_PAUSE
    if _stop_if_group_changed(policy, group):
        return USUAL_PAUSE
    full = needs_full_comparison(policy)
    if policy.wants_full and crm is not None:
        refresh.refresh_group(group, lease, crm)
    _compare(policy, group, lease, full=full)
    if policy.mode == PolicyMode.REPAIR:
        return repairs.repair(policy) or (RUNNING_PAUSE if repairs.has_running_run(policy) else None)
    return None


def _stop_if_group_changed(policy: FilterPolicy, group: Sequence[uuid.UUID]) -> bool:
    """Stop the policy and ask for a decision if its group changed by more than 10%; return whether it was stopped."""
    if policy.mode != PolicyMode.REPAIR or policy.accepts_group or policy.full_at is None:
        return False
    baseline = set(policy.members.filter(in_baseline=True).values_list("user_id", flat=True))
    joined, left = len(set(group) - baseline), len(baseline - set(group))
    if (joined + left) * 100 <= max(len(baseline), 1) * MAX_CHANGED_PERCENT:
        return False
    editing.stop_and_ask(
        policy,
        f"Its group changed by more than {MAX_CHANGED_PERCENT}% since the last full comparison: "
        f"{joined} joined, {left} left; it had {len(baseline)} members.",
    )
    return True


def needs_full_comparison(policy: FilterPolicy) -> bool:
    """Return whether to compare the whole group: once a night, on request, and after each run of the policy."""
    if policy.wants_full or policy.full_at is None or policy.full_at < schedule.last_night():
        return True
    return FilterRun.objects.filter(policy=policy, finished_at__gt=policy.full_at).exists()


def _compare(policy: FilterPolicy, group: Sequence[uuid.UUID], lease: Lease, *, full: bool) -> None:
    """Store the plans of the group's users: of all, or only of new ones whose filters have been read."""
    member_by_user = {member.user_id: member for member in policy.members.all()}
    unread = set() if full else set(FilterUser.objects.filter(filters_due=True).values_list("pk", flat=True))
    compared = (
        group if full else [user_id for user_id in group if user_id not in member_by_user and user_id not in unread]
    )
    spec = RunSpec(tuple(policy.tables), on=policy.wanted_on)
    now = timezone.now()
    columns = ["plan", "why", "deviates_since", "held_back", "in_baseline"]
    for start in range(0, len(compared), _CHUNK):
        rows = []
        for user_id, plan in dry_run.plan_users(compared[start : start + _CHUNK], spec):
            row = PolicyMember(policy=policy, user_id=user_id, plan=plan.plan, why=plan.why, in_baseline=full)
            if plan.plan == Plan.CHANGE:
                previous = member_by_user.get(user_id)
                row.deviates_since = (previous and previous.deviates_since) or now
                row.held_back = previous.held_back if previous else ""
            rows.append(row)
        with transaction.atomic():
            queue.extend_lease(lease)
            PolicyMember.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["policy", "user"], update_fields=columns
            )
    with transaction.atomic():
        queue.extend_lease(lease)
        leavers = list(set(member_by_user) - set(group))
        for start in range(0, len(leavers), _CHUNK):
            policy.members.filter(user_id__in=leavers[start : start + _CHUNK]).delete()
        flags = {"full_at": now, "wants_full": False, "accepts_group": False} if full else {}
        FilterPolicy.objects.filter(pk=policy.pk).update(compared_at=now, **flags)


def deviating_members(policy: FilterPolicy) -> list[PolicyMember]:
    """Return at most 200 members who deviate, those who have deviated longest first."""
    rows = policy.members.exclude(deviates_since=None).select_related("user")
    return list(rows.order_by("deviates_since", "user__name_key", "user_id")[:200])
