"""One round of a policy, as a job: compare the group with what is wanted, and in repair freeze and start a run.

    claim ─▶ start what is counted ─▶ who belongs to it ─▶ changed too much? ask ─▶ compare ─▶ [repair] ─▶ due again

Everybody is compared once a night, who is new every hour, by what the last inventory read; a small group is read anew
when a person asks for the comparison. Every write of a run carries the version that was seen.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.jobs import queue, runner
from syncapp.jobs.breakers import Permit
from syncapp.jobs.queue import Lease
from syncapp.jobs.runner import Failure, JobType
from syncapp.mirror.filters import inventory
from syncapp.models import FilterPolicy, FilterRun, PolicyMember
from syncapp.models.jobs.job import JobState, database_now
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import NEVER, Plan
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.policies import editing, reading, repairs
from syncapp.sync_filters.policies.groups import members_now
from syncapp.sync_filters.policies.repairs import AGAIN, SOON
from syncapp.sync_filters.runs import dry_run
from syncapp.sync_filters.runs.freezing import Wish
from syncapp.sync_filters.runs.item_plan import Planned

MOST_CHANGED_PERCENT = 10
WHILE_IT_RUNS = timedelta(seconds=15)
WITHOUT_NEWS = timedelta(seconds=15)
_CHUNK = 250


def work(policy_id: uuid.UUID, *, crm: Callable[[], CrmClient] | None = None) -> bool:
    """Process one round, if it is due and no other worker is at it. Safe twice, and after a crash at any step.

    `crm` answers what somebody asked to be compared now; without it the last inventory does.
    """
    return runner.run(PolicyJob(crm), policy_id)


@runner.register
class PolicyJob(JobType):
    """Compare and repair one policy; a failure stops the policy, which asks for a decision."""

    name = "policy"
    title = "Comparing policies"
    failures_at = "the page of the policy"
    model = FilterPolicy
    overdue_after = 300.0

    def __init__(self, crm: Callable[[], CrmClient] | None = None) -> None:
        self._crm = crm

    def process(self, lease: Lease, permit: Permit) -> None:
        """Do one round and make the policy due again. Raises LostLease."""
        policy: FilterPolicy = FilterPolicy.objects.select_related("repair_by").get(pk=lease.pk)
        _due_again(lease, _round(policy, lease, self._crm))

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Stop the policy, and ask. Raises LostLease."""
        queue.mark_failed(lease, error=failure.code)
        editing.stop_and_ask(FilterPolicy.objects.get(pk=lease.pk), f"It could not be compared. {failure.reason}")


def begin_rounds() -> None:
    """After a reading of everybody: compare who is new at once, not within the hour; what is stopped stays so."""
    waiting = FilterPolicy.objects.filter(state=JobState.READY, due_at__gt=Now(), due_at__lt=NEVER)
    waiting.update(due_at=Now(), dispatched_at=None)


@transaction.atomic
def _due_again(lease: Lease, pause: timedelta | None) -> None:
    """Due after the pause; at once where somebody asked for more meanwhile, never where it is stopped."""
    queue.lock(lease)
    policy: FilterPolicy = FilterPolicy.objects.get(pk=lease.pk)
    if not policy.is_active:
        queue.reset(lease, due_at=NEVER)
        return
    at_once = policy.wants_full and pause is None
    wait = timedelta() if at_once else pause or AGAIN
    queue.reset(lease, due_at=database_now(plus=wait.total_seconds()))


def _round(policy: FilterPolicy, lease: Lease, crm: Callable[[], CrmClient] | None) -> timedelta | None:
    """What is to be done now; how long until the next round, None for the usual hour."""
    if not policy.is_active or not policy.is_in_its_dates(timezone.now().date()):
        return AGAIN
    if repairs.discard_what_cannot_be_prepared(policy):
        return AGAIN
    if repairs.is_being_prepared(policy):
        return SOON
    repairs.start_what_is_counted(policy)
    if not _has_news():
        return WITHOUT_NEWS
    try:
        group = members_now(policy)
    except NotPossible as problem:
        editing.stop_and_ask(policy, str(problem))
        return AGAIN
    if _changed_too_much(policy, group):
        return AGAIN
    full = is_due_in_full(policy)
    if policy.wants_full and crm is not None:
        reading.read_anew(group, lease, crm)
    _compare(policy, group, lease, full=full)
    if policy.mode == PolicyMode.REPAIR:
        return repairs.repair(policy) or (WHILE_IT_RUNS if repairs.is_running(policy) else None)
    return None


# --- who belongs to it ------------------------------------------------------------------------------------
def _has_news() -> bool:
    """Whether the inventory is young enough to judge by: what was read yesterday says nothing about tonight."""
    read = matrix.inventory()
    return read is not None and not inventory.is_older(4 * settings.INVENTORY_SECONDS)


def _changed_too_much(policy: FilterPolicy, group: Sequence[uuid.UUID]) -> bool:
    """Ask, instead of switching for people of whom nobody thought when it was allowed to repair."""
    if policy.mode != PolicyMode.REPAIR or policy.accepts_group or policy.full_at is None:
        return False
    before = set(policy.members.filter(in_baseline=True).values_list("user_id", flat=True))
    joined, left = len(set(group) - before), len(before - set(group))
    if (joined + left) * 100 <= max(len(before), 1) * MOST_CHANGED_PERCENT:
        return False
    editing.stop_and_ask(
        policy,
        f"Its group changed by more than {MOST_CHANGED_PERCENT} % since everybody was last compared: "
        f"{joined} joined, {left} left, {len(before)} belonged to it.",
    )
    return True


# --- comparing --------------------------------------------------------------------------------------------
def is_due_in_full(policy: FilterPolicy) -> bool:
    """Whether everybody is to be compared: once a night, when somebody asked, and after each run of the policy."""
    if policy.wants_full or policy.full_at is None or policy.full_at < repairs.last_night():
        return True
    return FilterRun.objects.filter(policy=policy, finished_at__gt=policy.full_at).exists()


def _compare(policy: FilterPolicy, group: Sequence[uuid.UUID], lease: Lease, *, full: bool) -> None:
    known = {member.user_id: member for member in policy.members.all()}
    looked_at = group if full else [user_id for user_id in group if user_id not in known]
    wish = Wish(tuple(policy.tables), on=policy.wanted_on)
    now = timezone.now()
    for start in range(0, len(looked_at), _CHUNK):
        found = list(dry_run.look(looked_at[start : start + _CHUNK], wish))
        rows = [_member(policy, known.get(user_id), user_id, planned, now, full) for user_id, planned in found]
        with transaction.atomic():
            queue.extend_lease(lease)
            _keep(rows)
    with transaction.atomic():
        queue.extend_lease(lease)
        _forget(policy, set(known) - set(group))
        _note_compared(policy, now, full=full)


def _member(
    policy: FilterPolicy,
    known: PolicyMember | None,
    user_id: uuid.UUID,
    planned: Planned,
    now: datetime,
    full: bool,
) -> PolicyMember:
    deviates = planned.plan == Plan.CHANGE
    return PolicyMember(
        policy=policy,
        user_id=user_id,
        plan=planned.plan,
        why=planned.why,
        deviates_since=((known and known.deviates_since) or now) if deviates else None,
        held_back=known.held_back if known and deviates else "",
        in_baseline=full,
    )


def _keep(rows: Iterable[PolicyMember]) -> None:
    columns = ["plan", "why", "deviates_since", "held_back", "in_baseline"]
    PolicyMember.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["policy", "user"], update_fields=columns
    )


def _forget(policy: FilterPolicy, gone: Iterable[uuid.UUID]) -> None:
    ids = list(gone)
    for start in range(0, len(ids), _CHUNK):
        policy.members.filter(user_id__in=ids[start : start + _CHUNK]).delete()


def _note_compared(policy: FilterPolicy, now: datetime, *, full: bool) -> None:
    columns = {"full_at": now, "wants_full": False, "accepts_group": False} if full else {}
    FilterPolicy.objects.filter(pk=policy.pk).update(compared_at=now, **columns)


def deviating(policy: FilterPolicy) -> list[PolicyMember]:
    """Who deviates, the longest first, at most 200."""
    rows = policy.members.exclude(deviates_since=None).select_related("user")
    return list(rows.order_by("deviates_since", "user__name_key", "user_id")[:200])


def asking() -> list[FilterPolicy]:
    """Policies that stopped themselves and wait for an answer."""
    return list(FilterPolicy.objects.asking())
