"""Conflicts over a user's filters: between policies, with a person's run or undo, or with users who switch back.

Only this module finds conflicts: for the pages of policies, for comparisons, and for the users that repairs skip. A
person resolves a conflict by excepting the users from one policy, or by putting the policy in charge
(`PolicyMember.decided_at`). Runs that ended before a person let the policy repair count as resolved.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterPolicy, FilterRun, FilterRunChange, FilterRunItem
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import Outcome, Plan, RunOperation, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.policies.groups import members_or_empty, policies_in_force

# The tables that the mailbox method governs together ("Mailbox").
MAILBOX_TABLES = frozenset((*APPOINTMENT_TABLES, "contact", "task"))
REPAIRS_BEFORE_FLAPPING = 2
FLAPPING_PERIOD = timedelta(days=7)
SHADOW_HISTORY = timedelta(days=30)  # runs considered for a policy in shadow mode, which switches no one
_MAX_IDS = 500


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Filters of these tables on or off."""

    tables: frozenset[str]
    on: bool

    def conflicts_with(self, other: DesiredState) -> bool:
        return self.on != other.on and bool(self.tables & other.tables)


@dataclass(frozen=True, slots=True)
class ConflictSource:
    """The other side of a conflict: a policy or a run; neither if users repeatedly switch back."""

    policy: FilterPolicy | None = None
    run: FilterRun | None = None

    @property
    def key(self) -> str:
        """Return the value that a form sends back for this source."""
        if self.policy is not None:
            return f"policy:{self.policy.pk}"
        return "flapping" if self.run is None else f"run:{self.run.pk}"


@dataclass(frozen=True, slots=True)
class Conflict:
    """The users of a policy that one other side wants in another state."""

    source: ConflictSource
    user_ids: tuple[UUID, ...]


def desired_state_of(policy: FilterPolicy) -> DesiredState:
    """Return the state that a policy keeps."""
    return DesiredState(frozenset(policy.tables), policy.wanted_on)


def desired_state_of_run(run: FilterRun) -> DesiredState:
    """Return the state that a run creates; mailbox method None means that the mailbox's tables are off."""
    if run.sets_mailbox_method:
        return DesiredState(MAILBOX_TABLES, run.wanted_method != SyncMethod.NONE)
    return DesiredState(frozenset(run.tables), run.wanted_on)


def conflict_sources(policy: FilterPolicy, user_ids: Collection[UUID]) -> dict[UUID, list[ConflictSource]]:
    """Return the other sides of the policy's conflicts, for each of these users who has any."""
    found: dict[UUID, list[ConflictSource]] = defaultdict(list)
    wanted_users = set(user_ids)
    if not wanted_users:
        return found
    for other in _policies_conflicting_with(desired_state_of(policy), excluding=policy.pk):
        for user_id in wanted_users.intersection(members_or_empty(other)):
            found[user_id].append(ConflictSource(policy=other))
    history = _History.load(policy, wanted_users)
    for user_id, run in _conflicting_runs(history).items():
        found[user_id].append(ConflictSource(run=run))
    for user_id in _flapping_users(history):
        found[user_id].append(ConflictSource())
    return found


def conflicts_of(policy: FilterPolicy) -> list[Conflict]:
    """Return all conflicts over the users of a policy's group, those with the most users first."""
    compared = policy.members.order_by("user__name_key", "user_id").values_list("user_id", flat=True)
    group = list(compared) if policy.full_at else members_or_empty(policy)
    found: dict[ConflictSource, list[UUID]] = defaultdict(list)
    by_user = conflict_sources(policy, group)
    for user_id in group:
        for source in by_user.get(user_id, ()):
            found[source].append(user_id)
    return sorted((Conflict(source, tuple(ids)) for source, ids in found.items()), key=lambda each: -len(each.user_ids))


def conflicting_policies(policy: FilterPolicy, *, excluding: UUID | None = None) -> list[tuple[FilterPolicy, int]]:
    """Return the policies that keep users of this (perhaps unsaved) policy in the opposite state, with user counts."""
    policies = _policies_conflicting_with(desired_state_of(policy), excluding=excluding or policy.pk)
    return _count_common_users(policies, set(members_or_empty(policy)) if policies else set())


def policies_conflicting_with(run: FilterRun) -> list[tuple[FilterPolicy, int]]:
    """Return the policies that want the opposite state for users whom a run changes, with the number of those users."""
    policies = _policies_conflicting_with(desired_state_of_run(run), excluding=run.policy_id)
    items = run.items.filter(plan__in=[Plan.CHANGE, Plan.HELD])
    return _count_common_users(policies, set(items.values_list("user_id", flat=True)) if policies else set())


def _count_common_users(policies: Iterable[FilterPolicy], users: set[UUID]) -> list[tuple[FilterPolicy, int]]:
    counted = [(policy, len(users.intersection(members_or_empty(policy)))) for policy in policies]
    return [(policy, count) for policy, count in counted if count]


def _policies_conflicting_with(wanted: DesiredState, *, excluding: UUID | None) -> list[FilterPolicy]:
    return [
        each for each in policies_in_force() if each.pk != excluding and wanted.conflicts_with(desired_state_of(each))
    ]


# --- runs -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _History:
    """The runs that may conflict with a policy over some users.

    `decided`: when a person put the policy in charge of a user. `deviating`: the users who deviate from it.

    Runs that ended before a person turned on repair do not count: that person saw the conflicts, and decided them.
    """

    policy: FilterPolicy
    users: frozenset[UUID]
    since: datetime
    runs: tuple[FilterRun, ...]
    decided: Mapping[UUID, datetime]
    deviating: frozenset[UUID]

    @classmethod
    def load(cls, policy: FilterPolicy, user_ids: Collection[UUID]) -> _History:
        repairs = policy.mode == PolicyMode.REPAIR
        since = (policy.repairs_since or policy.created_at) if repairs else timezone.now() - SHADOW_HISTORY
        runs = FilterRun.objects.filter(Q(finished_at=None) | Q(finished_at__gt=since))
        rows = list(policy.members.values_list("user_id", "decided_at", "deviates_since"))
        return cls(
            policy=policy,
            users=frozenset(user_ids),
            since=since,
            runs=tuple(runs.filter(Q(policy=None) | Q(policy=policy)).select_related("person", "undoes")),
            decided={user_id: at for user_id, at, _ in rows if at},
            deviating=frozenset(user_id for user_id, _, deviates in rows if deviates),
        )

    def is_decided(self, user_id: UUID, at: datetime) -> bool:
        return user_id in self.decided and at <= self.decided[user_id]

    def items(self, **conditions: Any) -> QuerySet[FilterRunItem]:
        """Return the items of these runs, limited to these users if they are few."""
        items = FilterRunItem.objects.filter(run__in=[run.pk for run in self.runs], **conditions)
        few = len(self.users) <= _MAX_IDS
        found: QuerySet[FilterRunItem] = items.filter(user__in=list(self.users)) if few else items
        return found


def _conflicting_runs(history: _History) -> dict[UUID, FilterRun]:
    """Return, for each user, the manual run or undo that last set the opposite state, or is about to."""
    if not history.runs:
        return {}
    last_writes, wanted = _last_conflicting_writes(history), desired_state_of(history.policy)
    started = [run for run in history.runs if run.state in (RunState.RUNNING, RunState.PAUSED)]
    conflicting = [
        run.pk for run in started if run.policy_id is None and desired_state_of_run(run).conflicts_with(wanted)
    ]
    if conflicting:  # users that a person's started run has yet to switch
        items = history.items(plan=Plan.CHANGE, outcome=Outcome.OPEN).filter(run__in=conflicting)
        now = timezone.now()
        last_writes |= {user_id: (now, run_id) for user_id, run_id in items.values_list("user_id", "run_id")}
    runs = {run.pk: run for run in history.runs}
    return {
        user_id: runs[run_id]
        for user_id, (at, run_id) in last_writes.items()
        if user_id in history.users and not history.is_decided(user_id, at)
    }


def _last_conflicting_writes(history: _History) -> dict[UUID, tuple[datetime, UUID]]:
    """Return the time and run of the last write to each user's filters or mailbox, if it went against the policy.

    Writes by other policies are ignored: while in force, such a policy is a conflict in itself.
    """
    policy = history.policy
    latest: dict[UUID, dict[object, tuple[datetime, UUID, bool]]] = defaultdict(dict)
    items = history.items(finished_at__gt=history.since, run__operation=RunOperation.FILTERS)
    written = FilterRunChange.objects.filter(item__in=items, written=True, table__in=policy.tables)
    columns: tuple[str, ...] = ("item__user_id", "filter_id", "item__finished_at", "item__run_id", "wanted_state")
    for user_id, filter_id, at, run_id, state in written.order_by("item__finished_at").values_list(*columns):
        latest[user_id][filter_id] = (at, run_id, (state == 0) != policy.wanted_on)
    # The mailbox method counts only if it governs tables of the policy.
    if MAILBOX_TABLES.intersection(policy.tables) and any(run.sets_mailbox_method for run in history.runs):
        items = history.items(finished_at__gt=history.since, mailbox_written=True, wanted_method__isnull=False)
        columns = ("user_id", "finished_at", "run_id", "wanted_method")
        for user_id, at, run_id, method in items.order_by("finished_at").values_list(*columns):
            latest[user_id]["mailbox"] = (at, run_id, (method != SyncMethod.NONE) != policy.wanted_on)
    conflicting = {
        user_id: [(at, run_id) for at, run_id, is_opposite in writes.values() if is_opposite]
        for user_id, writes in latest.items()
    }
    return {user_id: max(writes) for user_id, writes in conflicting.items() if writes}


# --- switching back and forth -----------------------------------------------------------------------------
def _flapping_users(history: _History) -> set[UUID]:
    """Return the users who deviate again although the policy's own runs switched them several times recently."""
    since = max(timezone.now() - FLAPPING_PERIOD, history.since)
    own_runs = [run.pk for run in history.runs if run.policy_id == history.policy.pk]
    if not own_runs or not history.deviating:
        return set()
    repairs: Counter[UUID] = Counter()
    items = history.items(outcome=Outcome.DONE, finished_at__gt=since).filter(run__in=own_runs)
    for user_id, at in items.values_list("user_id", "finished_at"):
        if at and user_id in history.deviating and not history.is_decided(user_id, at):
            repairs[user_id] += 1
    return {user_id for user_id in history.users if repairs[user_id] >= REPAIRS_BEFORE_FLAPPING}
