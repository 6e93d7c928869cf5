"""Disagreements about a user's filters: between policies, with a person's run or undo, or with a user who keeps
switching back.

The only place that finds them: for the forms and pages of a policy, its comparison, and the users that its repairs
leave alone. A person resolves one by excepting the users from one of the policies, or by putting the policy in charge
(`PolicyMember.decided_at`); runs that ended before a person let the policy repair count as resolved.
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
from syncapp.models import FilterPolicy, FilterRun, FilterRunChange, FilterRunItem, FilterUser
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import Outcome, Plan, RunOperation, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.policies.groups import in_force, members_or_none

# The mailbox method governs these together ("Mailbox").
MAILBOX_TABLES = frozenset((*APPOINTMENT_TABLES, "contact", "task"))
REPAIRS_BEFORE_FLAPPING = 2
FLAPPING = timedelta(days=7)
LOOKS_BACK = timedelta(days=30)  # for a policy in shadow, which switches nobody
_MOST_IDS = 500
# A user, what was written, when, by which run, and whether it selects or synchronizes since.
_Write = tuple[UUID, object, datetime, UUID, bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An end state: the filters of these tables on or off."""

    tables: frozenset[str]
    on: bool

    def is_opposed_to(self, other: Wanted) -> bool:
        return self.on != other.on and bool(self.tables & other.tables)


@dataclass(frozen=True, slots=True)
class Opponent:
    """Another policy or a run that wants something else; neither where the user was switched back again and again."""

    policy: FilterPolicy | None = None
    run: FilterRun | None = None

    @property
    def key(self) -> str:
        """Return what a form sends back to name this opponent."""
        return f"policy:{self.policy.pk}" if self.policy else f"run:{self.run.pk}" if self.run else "flapping"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Users that one opponent wants in another state."""

    opponent: Opponent
    user_ids: tuple[UUID, ...]


def wanted_by(policy: FilterPolicy) -> Wanted:
    """Return what a policy keeps."""
    return Wanted(frozenset(policy.tables), policy.wanted_on)


def wanted_by_run(run: FilterRun) -> Wanted:
    """Return what a run brings about; with the mailbox method None nothing of the mailbox's tables synchronizes."""
    if run.moves_mailboxes:
        return Wanted(MAILBOX_TABLES, run.wanted_method != SyncMethod.NONE)
    return Wanted(frozenset(run.tables), run.wanted_on)


def opponents(policy: FilterPolicy, user_ids: Collection[UUID]) -> dict[UUID, list[Opponent]]:
    """Return the opponents of the policy for each of these users that has any."""
    found: dict[UUID, list[Opponent]] = defaultdict(list)
    asked = set(user_ids)
    if not asked:
        return found
    for other in _opposing(wanted_by(policy), but=policy.pk):
        for user_id in asked.intersection(members_or_none(other)):
            found[user_id].append(Opponent(policy=other))
    history = _History.of(policy, asked)
    for user_id, run in _opposing_runs(history).items():
        found[user_id].append(Opponent(run=run))
    for user_id in _flapping(history):
        found[user_id].append(Opponent())
    return found


def disagreements(policy: FilterPolicy) -> list[Disagreement]:
    """Return all that a policy disagrees with about the users of its group, the most users first."""
    compared = policy.members.order_by("user__name_key", "user_id").values_list("user_id", flat=True)
    group = list(compared) if policy.full_at else members_or_none(policy)
    found: dict[Opponent, list[UUID]] = defaultdict(list)
    by_user = opponents(policy, group)
    for user_id in group:
        for opponent in by_user.get(user_id, ()):
            found[opponent].append(user_id)
    rows = [Disagreement(opponent, tuple(ids)) for opponent, ids in found.items()]
    return sorted(rows, key=lambda each: -len(each.user_ids))


def opposing_policies(policy: FilterPolicy, *, but: UUID | None = None) -> list[tuple[FilterPolicy, int]]:
    """Return the policies that keep the opposite for users of a policy's group, with how many; it may be unsaved."""
    opposing = _opposing(wanted_by(policy), but=but or policy.pk)
    return _with_common_users(opposing, set(members_or_none(policy)) if opposing else set())


def policies_against(run: FilterRun) -> list[tuple[FilterPolicy, int]]:
    """Return the policies that keep the opposite of a run for users that it changes, with how many."""
    opposing = _opposing(wanted_by_run(run), but=run.policy_id)
    items = run.items.filter(plan__in=[Plan.CHANGE, Plan.HELD])
    return _with_common_users(opposing, set(items.values_list("user_id", flat=True)) if opposing else set())


def _with_common_users(policies: Iterable[FilterPolicy], users: set[UUID]) -> list[tuple[FilterPolicy, int]]:
    counted = [(policy, len(users.intersection(members_or_none(policy)))) for policy in policies]
    return [(policy, count) for policy, count in counted if count]


def _opposing(wanted: Wanted, *, but: UUID | None) -> list[FilterPolicy]:
    return [each for each in in_force() if each.pk != but and wanted.is_opposed_to(wanted_by(each))]


# --- runs -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _History:
    """The runs that count against a policy, for some users; `decided`: when a person put the policy in charge.

    A person who lets a policy repair has seen what disagreed before, and so decided it.
    """

    policy: FilterPolicy
    users: frozenset[UUID]
    since: datetime
    runs: tuple[FilterRun, ...]
    decided: Mapping[UUID, datetime]
    deviating: frozenset[UUID]

    @classmethod
    def of(cls, policy: FilterPolicy, user_ids: Collection[UUID]) -> _History:
        repairs = policy.mode == PolicyMode.REPAIR
        since = (policy.repairs_since or policy.created_at) if repairs else timezone.now() - LOOKS_BACK
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
        """Return the parts of these runs; of these users alone where they are few."""
        items = FilterRunItem.objects.filter(run__in=[run.pk for run in self.runs], **conditions)
        few = len(self.users) <= _MOST_IDS
        found: QuerySet[FilterRunItem] = items.filter(user__in=list(self.users)) if few else items
        return found


def _opposing_runs(history: _History) -> dict[UUID, FilterRun]:
    """Return the run or undo of a person that last brought about, or is bringing about, the opposite for each user."""
    if not history.runs:
        return {}
    last = _last_writes(history) | _under_way(history)
    runs = {run.pk: run for run in history.runs}
    return {
        user_id: runs[run_id]
        for user_id, (at, run_id) in last.items()
        if user_id in history.users and not history.is_decided(user_id, at)
    }


def _last_writes(history: _History) -> dict[UUID, tuple[datetime, UUID]]:
    """Return, for each user whose filters or mailbox were last written against the policy, when and by which run.

    What another policy wrote is not looked at: while that one is in force it disagrees by itself.
    """
    latest: dict[UUID, dict[object, tuple[datetime, UUID, bool]]] = defaultdict(dict)
    for user_id, what, at, run_id, is_on in (*_filters_written(history), *_methods_set(history)):
        latest[user_id][what] = (at, run_id, is_on != history.policy.wanted_on)
    against = {
        user_id: [(at, run_id) for at, run_id, is_opposite in writes.values() if is_opposite]
        for user_id, writes in latest.items()
    }
    return {user_id: max(writes) for user_id, writes in against.items() if writes}


def _filters_written(history: _History) -> Iterable[_Write]:
    items = history.items(finished_at__gt=history.since, run__operation=RunOperation.FILTERS)
    written = FilterRunChange.objects.filter(item__in=items, written=True, table__in=history.policy.tables)
    columns = ("item__user_id", "filter_id", "item__finished_at", "item__run_id", "wanted_state")
    for user_id, filter_id, at, run_id, state in written.order_by("item__finished_at").values_list(*columns):
        yield user_id, filter_id, at, run_id, state == 0


def _methods_set(history: _History) -> Iterable[_Write]:
    """Yield the mailbox methods that runs set, where the policy keeps tables that the method governs."""
    if not MAILBOX_TABLES.intersection(history.policy.tables) or not any(run.moves_mailboxes for run in history.runs):
        return
    items = history.items(finished_at__gt=history.since, mailbox_written=True, wanted_method__isnull=False)
    columns = ("user_id", "finished_at", "run_id", "wanted_method")
    for user_id, at, run_id, method in items.order_by("finished_at").values_list(*columns):
        yield user_id, "mailbox", at, run_id, method != SyncMethod.NONE


def _under_way(history: _History) -> dict[UUID, tuple[datetime, UUID]]:
    """Return the users that a person's started run has yet to switch the other way."""
    wanted, started = wanted_by(history.policy), (RunState.RUNNING, RunState.PAUSED)
    runs = [run for run in history.runs if run.state in started and run.policy_id is None]
    against = [run.pk for run in runs if wanted_by_run(run).is_opposed_to(wanted)]
    if not against:
        return {}
    now = timezone.now()
    items = history.items(plan=Plan.CHANGE, outcome=Outcome.OPEN).filter(run__in=against)
    return {user_id: (now, run_id) for user_id, run_id in items.values_list("user_id", "run_id")}


# --- switching back and forth -----------------------------------------------------------------------------
def _flapping(history: _History) -> set[UUID]:
    """Return the users who deviate again although the policy's own runs switched them several times lately."""
    since = max(timezone.now() - FLAPPING, history.since)
    own = [run.pk for run in history.runs if run.policy_id == history.policy.pk]
    if not own or not history.deviating:
        return set()
    repairs: Counter[UUID] = Counter()
    items = history.items(outcome=Outcome.DONE, finished_at__gt=since).filter(run__in=own)
    for user_id, at in items.values_list("user_id", "finished_at"):
        if at and user_id in history.deviating and not history.is_decided(user_id, at):
            repairs[user_id] += 1
    return {user_id for user_id in history.users if repairs[user_id] >= REPAIRS_BEFORE_FLAPPING}


# --- one user ---------------------------------------------------------------------------------------------
def of_user(user: FilterUser, policies: Iterable[FilterPolicy]) -> list[tuple[FilterPolicy, list[Opponent]]]:
    """Return each of these policies, which are about the user, with who disagrees with it."""
    return [(policy, opponents(policy, [user.pk]).get(user.pk, [])) for policy in policies]
