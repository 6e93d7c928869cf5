"""One round of a policy, as durable work: compare the group with what is wanted, and in repair freeze and start a run.

    claim ─▶ start what is counted ─▶ who belongs to it ─▶ changed too much? ask ─▶ compare ─▶ [repair] ─▶ due again

Everybody is compared once a night, who is new every hour, by what the last inventory read; a small group is read anew
when a person asks for the comparison. Every write of a run carries the version that was seen.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from syncapp import durable
from syncapp.crm.client import CrmClient
from syncapp.durable import Claim, LostLease
from syncapp.filters import chosen, dry_plans, matrix, plans, policies, policy_reading, run_states
from syncapp.filters.errors import NotPossible
from syncapp.filters.planned import Planned
from syncapp.filters.plans import Wish
from syncapp.filters.preparing import progress
from syncapp.models import FilterPolicy, FilterRun, FilterRunItem, FilterUser, Person, PolicyMember
from syncapp.models.durable_work import WorkState
from syncapp.models.filter_policy import PolicyMode
from syncapp.models.filter_run import NEVER, OPEN_RUNS, Outcome, Plan, RunState
from syncapp.models.person import Role

log = logging.getLogger(__name__)

NIGHT = 2  # the hour, UTC, from which everybody is compared
MOST_CHANGED_PERCENT = 10
AGAIN = timedelta(hours=1)
SOON = timedelta(seconds=5)  # while a run's list is made and its users' meetings are counted
WHILE_IT_RUNS = timedelta(seconds=15)
WITHOUT_NEWS = timedelta(seconds=15)
_CHUNK = 250


def work(policy_id: uuid.UUID, *, crm: Callable[[], CrmClient] | None = None) -> bool:
    """One round, if it is due and nobody else is at it. Safe twice, and after a crash at any step.

    `crm` answers what somebody asked to be compared now; without it the last inventory does.
    """
    held = durable.claim(FilterPolicy, policy_id)
    if held is None:
        return False
    policy: FilterPolicy = FilterPolicy.objects.select_related("repair_by").get(pk=policy_id)
    try:
        pause = _round(policy, held, crm)
        _due_again(held, pause)
    except LostLease:
        log.warning("policy %s: lease lost", policy_id)
    return True


def begin_rounds() -> None:
    """After a reading of everybody: compare who is new at once, not within the hour; what is stopped stays so."""
    waiting = FilterPolicy.objects.filter(state=WorkState.READY, due_at__gt=Now(), due_at__lt=NEVER)
    waiting.update(due_at=Now(), rung_at=None)


@transaction.atomic
def _due_again(held: Claim, pause: timedelta | None) -> None:
    """Due after the pause; at once where somebody asked for more meanwhile, never where it is stopped."""
    durable.lock(held)
    policy: FilterPolicy = FilterPolicy.objects.get(pk=held.pk)
    if not policy.is_active:
        durable.start_over(held, due_at=NEVER)
        return
    at_once = policy.wants_full and pause is None
    durable.start_over(held, due_at=timezone.now() + (timedelta() if at_once else pause or AGAIN))


def _round(policy: FilterPolicy, held: Claim, crm: Callable[[], CrmClient] | None) -> timedelta | None:
    """What is to be done now; how long until the next round, None for the usual hour."""
    if not policy.is_active or not policy.is_in_its_dates(timezone.now().date()):
        return AGAIN
    if _discard_what_cannot_be_prepared(policy):
        return AGAIN
    if _is_being_prepared(policy):
        return SOON
    _start_what_is_counted(policy)
    if not _has_news():
        return WITHOUT_NEWS
    try:
        group = members_now(policy)
    except NotPossible as problem:
        policies.stop_and_ask(policy, str(problem))
        return AGAIN
    if _changed_too_much(policy, group):
        return AGAIN
    full = is_due_in_full(policy)
    if policy.wants_full and crm is not None:
        policy_reading.read_anew(group, held, crm)
    _compare(policy, group, held, full=full)
    if policy.mode == PolicyMode.REPAIR:
        return _repair(policy) or (WHILE_IT_RUNS if _is_running(policy) else None)
    return None


# --- who belongs to it ------------------------------------------------------------------------------------
def members_now(policy: FilterPolicy) -> list[uuid.UUID]:
    """The enabled users of the group but the exceptions, in the order of their names. Raises NotPossible."""
    group = chosen.of_team(policy.team_id) if policy.team_id else chosen.of_unit(policy.unit_id or uuid.UUID(int=0))
    left_out = set(FilterUser.objects.filter(is_disabled=True).values_list("pk", flat=True))
    left_out |= {uuid.UUID(each) for each in policy.exceptions}
    return [user_id for user_id in group.ids if user_id not in left_out]


def _has_news() -> bool:
    """Whether the inventory is young enough to judge by: what was read yesterday says nothing about tonight."""
    read = matrix.inventory()
    if read is None or read.pulled_at is None:
        return False
    return timezone.now() - read.pulled_at < timedelta(seconds=4 * settings.INVENTORY_SECONDS)


def _changed_too_much(policy: FilterPolicy, group: Sequence[uuid.UUID]) -> bool:
    """Ask, instead of switching for people of whom nobody thought when it was allowed to repair."""
    if policy.mode != PolicyMode.REPAIR or policy.accepts_group or policy.full_at is None:
        return False
    before = set(policy.members.filter(in_baseline=True).values_list("user_id", flat=True))
    joined, left = len(set(group) - before), len(before - set(group))
    if (joined + left) * 100 <= max(len(before), 1) * MOST_CHANGED_PERCENT:
        return False
    policies.stop_and_ask(
        policy,
        f"Its group changed by more than {MOST_CHANGED_PERCENT} % since everybody was last compared: "
        f"{joined} joined, {left} left, {len(before)} belonged to it.",
    )
    return True


# --- comparing --------------------------------------------------------------------------------------------
def is_due_in_full(policy: FilterPolicy) -> bool:
    """Whether everybody is to be compared: once a night, when somebody asked, and after each run of the policy."""
    if policy.wants_full or policy.full_at is None or policy.full_at < last_night():
        return True
    return FilterRun.objects.filter(policy=policy, finished_at__gt=policy.full_at).exists()


def last_night() -> datetime:
    """When the latest night began."""
    now = timezone.now()
    tonight = now.replace(hour=NIGHT, minute=0, second=0, microsecond=0)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def _compare(policy: FilterPolicy, group: Sequence[uuid.UUID], held: Claim, *, full: bool) -> None:
    known = {member.user_id: member for member in policy.members.all()}
    looked_at = group if full else [user_id for user_id in group if user_id not in known]
    wish = Wish(tuple(policy.tables), on=policy.wanted_on)
    now = timezone.now()
    for start in range(0, len(looked_at), _CHUNK):
        found = list(dry_plans.look(looked_at[start : start + _CHUNK], wish))
        rows = [_member(policy, known.get(user_id), user_id, planned, now, full) for user_id, planned in found]
        with transaction.atomic():
            durable.renew(held)
            _keep(rows)
    with transaction.atomic():
        durable.renew(held)
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


# --- repairing --------------------------------------------------------------------------------------------
def _repair(policy: FilterPolicy) -> timedelta | None:
    """Freeze who deviates into a run, by the guards of every run; started now, or by the next round when counted."""
    person = policy.repair_by
    if person is None or not person.is_active or not person.has_role(Role.FILTER_MANAGER):
        policies.stop_and_ask(
            policy, "Who let it repair may no longer switch filters. Somebody else has to answer for it."
        )
        return AGAIN
    users = _next_users(policy)
    if not users:
        return None
    try:
        _freeze(policy, users, by=person)
    except NotPossible as problem:
        policies.stop_and_ask(policy, f"Its run could not be frozen: {problem}")
        return AGAIN
    if _is_being_prepared(policy):
        return SOON
    _start_what_is_counted(policy)
    return None


def _next_users(policy: FilterPolicy) -> list[uuid.UUID]:
    """Who is repaired next: those that no repair held back first, and no more than are left for this night.

    Who was tried in vain tonight waits for the next one; who was switched, and is back by his own hand, does not.
    """
    if FilterRun.objects.filter(policy=policy, state__in=OPEN_RUNS).exists():
        return []
    tonight = FilterRunItem.objects.filter(run__policy=policy, run__frozen_at__gte=last_night())
    in_vain = tonight.exclude(outcome=Outcome.DONE).values_list("user_id", flat=True)
    left = policy.per_night - tonight.filter(plan=Plan.CHANGE).count()
    deviating = policy.members.exclude(deviates_since=None).exclude(user_id__in=in_vain)
    return list(
        deviating.order_by("held_back", "deviates_since", "user__name_key").values_list("user_id", flat=True)[
            : max(left, 0)
        ]
    )


def _freeze(policy: FilterPolicy, users: Sequence[uuid.UUID], *, by: Person) -> None:
    words = f"Policy “{policy.name}”"
    wish = Wish(tuple(policy.tables), on=policy.wanted_on, words=words, reason=words, policy=policy)
    plans.freeze_run(users, wish, by=by, channel="policy")


def _is_being_prepared(policy: FilterPolicy) -> bool:
    """Whether its run's list is being made, or the meetings of its users are being counted."""
    return FilterRun.objects.filter(policy=policy, state__in=[RunState.PREPARING, RunState.COUNTING]).exists()


def _discard_what_cannot_be_prepared(policy: FilterPolicy) -> bool:
    """Give up a run whose list could not be made, and ask; it would otherwise stay open for ever."""
    failed = [run for run in FilterRun.objects.filter(policy=policy, state=RunState.PREPARING) if progress(run).failed]
    for run in failed:
        run_states.cancel(run, by=run.person, channel="policy")
        policies.stop_and_ask(policy, f"The list of its run {run.number} could not be made.")
    return bool(failed)


def _is_running(policy: FilterPolicy) -> bool:
    return FilterRun.objects.filter(policy=policy, state=RunState.RUNNING).exists()


def _start_what_is_counted(policy: FilterPolicy) -> None:
    """Start the frozen run; whom it holds back stays held, and the report says why."""
    for run in FilterRun.objects.filter(policy=policy, state=RunState.PLANNED).select_related("person"):
        for user_id, why in run.items.filter(plan=Plan.HELD).values_list("user_id", "why"):
            policy.members.filter(user_id=user_id).update(held_back=why)
        run_states.start(run, by=run.person, channel="policy")


def deviating(policy: FilterPolicy) -> list[PolicyMember]:
    """Who deviates, the longest first, at most 200."""
    rows = policy.members.exclude(deviates_since=None).select_related("user")
    return list(rows.order_by("deviates_since", "user__name_key", "user_id")[:200])


def asking() -> list[FilterPolicy]:
    """Policies that stopped themselves and wait for an answer."""
    return list(FilterPolicy.objects.asking())
