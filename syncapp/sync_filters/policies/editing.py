"""Editing of policies: create, change, turn on repair, stop and remove; each step is audited.

A policy's runs belong to the person who turned on repair. If its group is larger than one person may switch alone, a
second person confirms the policy once, after both have seen the comparison that shows whose filters differ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from syncapp import audit
from syncapp.models import FilterPolicy, Person
from syncapp.models.jobs.job import JobState
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import NEVER, NOT_STARTED
from syncapp.sync_filters import second_person
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.policies import conflicts
from syncapp.sync_filters.runs import notification_rules, transitions

MAX_PER_NIGHT = 1000


class InvalidPolicy(ValueError):
    """The specification of a policy is not valid; `problems` maps form fields to messages."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """The desired state of a policy, for the members of a team or of a business unit."""

    name: str
    team_id: UUID | None = None
    unit_id: UUID | None = None
    tables: tuple[str, ...] = ()
    wanted_on: bool = False
    exceptions: tuple[str, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None
    per_night: int = 50

    def columns(self) -> dict[str, Any]:
        """Return the columns of the policy's row. Raises InvalidPolicy."""
        problems = {}
        if not self.name.strip():
            problems["name"] = "Enter a name."
        if (self.team_id is None) == (self.unit_id is None):
            problems["group"] = "Choose one team or one business unit."
        if not self.tables:
            problems["tables"] = "Choose at least one kind of filter."
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            problems["ends_on"] = "Choose a last day that is not before the first."
        if not 1 <= self.per_night <= MAX_PER_NIGHT:
            problems["per_night"] = f"Enter a number of users from 1 to {MAX_PER_NIGHT}."
        if problems:
            raise InvalidPolicy(problems)
        lists = {"tables": list(self.tables), "exceptions": list(self.exceptions)}
        return asdict(self) | lists | {"name": self.name.strip()[:80]}


@transaction.atomic
def create(spec: PolicySpec, *, by: Person, channel: str = "screen") -> FilterPolicy:
    """Create a policy in shadow mode; the next tick compares it. Raises InvalidPolicy."""
    policy: FilterPolicy = FilterPolicy.objects.create(**spec.columns(), author=by, due_at=Now())
    policy.refresh_from_db()
    _record(policy, "policy.created", by=by, channel=channel, on=spec.wanted_on, tables=list(spec.tables))
    return policy


@transaction.atomic
def change(policy: FilterPolicy, spec: PolicySpec, *, by: Person, channel: str = "screen") -> None:
    """Replace a policy's specification, return it to shadow mode and delete its comparison. Raises InvalidPolicy."""
    columns = (
        spec.columns() | _SHADOW_COLUMNS | {"author": by, "full_at": None, "compared_at": None, "accepts_group": True}
    )
    # A new fencing token ends a comparison in progress, which uses the old specification.
    job = {"state": JobState.READY, "lease_until": None, "fencing_token": F("fencing_token") + 1}
    _update(policy, **columns, **job, wants_full=True, due_at=Now(), dispatched_at=None)
    policy.members.all().delete()
    _cancel_unstarted_runs(policy, by, channel)
    _record(policy, "policy.changed", by=by, channel=channel, on=spec.wanted_on, tables=list(spec.tables))


_SHADOW_COLUMNS = {"mode": PolicyMode.SHADOW, "repair_by": None, "confirmed_by": None}


@transaction.atomic
def request_repair(policy: FilterPolicy, *, seen: datetime | None, by: Person, channel: str = "screen") -> None:
    """Turn on repair for a person who saw the comparison made at `seen`; a large group waits for a second person.

    Raises NotPossible.
    """
    policy = _lock(policy)
    if policy.mode != PolicyMode.SHADOW or not policy.is_active:
        raise NotPossible("Repair can be turned on only while the policy runs in shadow mode.")
    _require_latest_comparison(policy, seen)
    if second_person.policy_load(policy, by=by).needs_second_person:
        _update(policy, repair_by=by)
        policy.repair_by = by
        notification_rules.notify_waiting(policy)
        _record(policy, "policy.repair_asked", by=by, channel=channel, users=policy.members.count())
        return
    _turn_on_repair(policy, by=by, channel=channel, repair_by=by)


@transaction.atomic
def ask_others(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Ask the people who may confirm repairs and have not been asked yet. Raises NotPossible."""
    policy = _lock(policy)
    if not policy.waits_for_a_second_person or not notification_rules.notify_other_confirmers(policy):
        raise NotPossible("Everyone who can confirm this policy and get mail has been asked.")
    _record(policy, "policy.repair_asked", by=by, channel=channel, users=policy.members.count())


@transaction.atomic
def confirm_repair(policy: FilterPolicy, *, seen: datetime | None, by: Person, channel: str = "screen") -> None:
    """Confirm repairs as the second person, after seeing the same comparison. Raises NotPossible."""
    policy = _lock(policy)
    if not policy.waits_for_a_second_person or not policy.is_active:
        raise NotPossible("This policy is not waiting for a confirmation, or it is stopped.")
    if policy.repair_by_id == by.pk:
        raise NotPossible("Someone other than the person who turned on repair has to confirm it.")
    _require_latest_comparison(policy, seen)
    _turn_on_repair(policy, by=by, channel=channel, confirmed_by=by)


def _require_latest_comparison(policy: FilterPolicy, seen: datetime | None) -> None:
    if policy.full_at is None:
        raise NotPossible("It has not been compared yet. Wait for the comparison and check whose filters differ.")
    if seen != policy.full_at:
        raise NotPossible("It was compared again after this page was opened. Check whose filters differ now.")


def _turn_on_repair(policy: FilterPolicy, *, by: Person, channel: str, **people: Person) -> None:
    _update(policy, mode=PolicyMode.REPAIR, repairs_since=Now(), wants_full=True, due_at=Now(), **people)
    _record(policy, "policy.repairs", by=by, channel=channel, users=policy.members.count())


@transaction.atomic
def return_to_shadow(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Stop repairs; the policy only reports. A run that has started continues to its end."""
    _update(policy, **_SHADOW_COLUMNS)
    _cancel_unstarted_runs(policy, by, channel)
    _record(policy, "policy.shadow", by=by, channel=channel)


@transaction.atomic
def pause(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Stop comparing and repairing until a person resumes the policy."""
    _update(policy, is_paused=True, stopped_at=Now(), due_at=NEVER)
    _cancel_unstarted_runs(policy, by, channel)
    _record(policy, "policy.paused", by=by, channel=channel)


@transaction.atomic
def resume(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Resume the policy in the same mode; if it was stopped automatically, this also accepts its changed group."""
    accepted = {"accepts_group": True, "wants_full": True} if policy.asks else {}
    failed = FilterPolicy.objects.filter(pk=policy.pk, state=JobState.FAILED)
    failed.update(state=JobState.READY, attempts=0, last_error="", finished_at=None)
    _update(policy, is_paused=False, asks="", stopped_at=None, due_at=Now(), **accepted)
    _record(policy, "policy.resumed", by=by, channel=channel, answered=bool(accepted))


@transaction.atomic
def stop_and_ask(policy: FilterPolicy, why: str) -> None:
    """Stop the policy until a person decides; operators get an alert, and the filter pages show it."""
    _update(policy, asks=why[:300], stopped_at=Now())
    _record(policy, "policy.asks", by=None, channel="policy")


def resolve_conflict(
    policy: FilterPolicy, source: str, *, for_policy: bool, users: int | None, by: Person, channel: str = "screen"
) -> None:
    """Resolve a conflict for or against the policy; a policy that loses excepts the users. Raises NotPossible.

    `users` is the number of users that the page showed. A run that has ended stays as it is.
    """
    found = next((each for each in conflicts.conflicts_of(policy) if each.source.key == source), None)
    if found is None or len(found.user_ids) != users:
        raise NotPossible("The conflict has changed since this page was shown. Check it again.")
    if not for_policy:
        except_users(policy, found.user_ids, by=by, channel=channel)
    elif found.source.policy:
        except_users(found.source.policy, found.user_ids, by=by, channel=channel)
    else:
        put_in_charge(policy, found.user_ids, by=by, channel=channel)


@transaction.atomic
def except_users(policy: FilterPolicy, user_ids: Collection[UUID], *, by: Person, channel: str = "screen") -> int:
    """Except users from a policy, because a person decided a conflict against it; return how many."""
    policy = _lock(policy)
    added = [str(user_id) for user_id in user_ids if str(user_id) not in policy.exceptions]
    _update(policy, exceptions=[*policy.exceptions, *added])
    policy.members.filter(user_id__in=user_ids).delete()
    _record(policy, "policy.excepted", by=by, channel=channel, users=len(added))
    _make_policies_due()
    return len(added)


@transaction.atomic
def put_in_charge(policy: FilterPolicy, user_ids: Collection[UUID], *, by: Person, channel: str = "screen") -> int:
    """Put a policy in charge of users whom earlier runs left in another state; return how many."""
    decided = int(policy.members.filter(user_id__in=user_ids).update(decided_at=Now()))
    _record(policy, "policy.decided", by=by, channel=channel, users=decided)
    _make_policies_due()
    return decided


def _make_policies_due() -> None:
    """Make every active policy due: after a conflict is resolved, another policy may have to repair the users."""
    waiting = FilterPolicy.objects.filter(state=JobState.READY, due_at__lt=NEVER)
    waiting.update(due_at=Now(), dispatched_at=None)


@transaction.atomic
def compare_now(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Have the whole group compared at the next tick. Raises NotPossible."""
    if not policy.is_active:
        raise NotPossible("This policy is stopped. Resume it first.")
    _update(policy, wants_full=True, due_at=Now(), dispatched_at=None)
    _record(policy, "policy.compared", by=by, channel=channel)


@transaction.atomic
def remove(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Remove the policy; filters that its runs switched stay as they are."""
    _update(policy, mode=PolicyMode.REMOVED, asks="", due_at=NEVER)
    _cancel_unstarted_runs(policy, by, channel)
    _record(policy, "policy.removed", by=by, channel=channel)


def _cancel_unstarted_runs(policy: FilterPolicy, by: Person, channel: str) -> None:
    """Cancel runs that were not started, which would stay open forever; started runs continue to their end."""
    for run in policy.runs.filter(state__in=NOT_STARTED):
        transitions.cancel(run, by=by, channel=channel)


def _lock(policy: FilterPolicy) -> FilterPolicy:
    found: FilterPolicy = FilterPolicy.objects.select_for_update().get(pk=policy.pk)
    return found


def _update(policy: FilterPolicy, **columns: Any) -> None:
    FilterPolicy.objects.filter(pk=policy.pk).exclude(mode=PolicyMode.REMOVED).update(**columns)


def _record(policy: FilterPolicy, action: str, *, by: Person | None, channel: str, **details: Any) -> None:
    audit.record(action, by=by, channel=channel, group=policy.pk, details=details)
