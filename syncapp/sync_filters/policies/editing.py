"""The place where a policy is written, stopped, and allowed to repair; each step by a person, each in the trail.

A policy's runs are those of the person who allowed it to repair. Where its group is larger than one person may switch
alone, a second person confirms the policy once, after both saw the comparison that says who deviates.
"""

from __future__ import annotations

from collections.abc import Collection
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
from syncapp.sync_filters.policies import disagreements
from syncapp.sync_filters.runs import notification_rules, transitions

MOST_A_NIGHT = 1000


class BadPolicy(Exception):
    """What was typed makes no policy; `field` names the part of the form."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class PolicyWish:
    """What a policy shall keep, for the members of a team or of a business unit."""

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
        """As the row keeps it. Raises BadPolicy."""
        if not self.name.strip():
            raise BadPolicy("name", "A policy needs a name.")
        if (self.team_id is None) == (self.unit_id is None):
            raise BadPolicy("group", "Choose one team or one business unit.")
        if not self.tables:
            raise BadPolicy("tables", "Choose what is kept on or off.")
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise BadPolicy("ends_on", "The last day is before the first.")
        if not 1 <= self.per_night <= MOST_A_NIGHT:
            raise BadPolicy("per_night", f"Between 1 and {MOST_A_NIGHT} users a night.")
        lists = {"tables": list(self.tables), "exceptions": list(self.exceptions)}
        return asdict(self) | lists | {"name": self.name.strip()[:80]}


@transaction.atomic
def create(wish: PolicyWish, *, by: Person, channel: str = "screen") -> FilterPolicy:
    """A new policy in shadow, compared with the next tick. Raises BadPolicy."""
    policy: FilterPolicy = FilterPolicy.objects.create(**wish.columns(), author=by, due_at=Now())
    policy.refresh_from_db()
    _note(policy, "policy.created", by=by, channel=channel, on=wish.wanted_on, tables=list(wish.tables))
    return policy


@transaction.atomic
def change(policy: FilterPolicy, wish: PolicyWish, *, by: Person, channel: str = "screen") -> None:
    """Write it anew; it is back in shadow, and what was found by the old words is forgotten. Raises BadPolicy."""
    columns = wish.columns() | _IN_SHADOW | {"author": by, "full_at": None, "compared_at": None, "accepts_group": True}
    fresh = {
        "state": JobState.READY,
        "lease_until": None,
        "fencing_token": F("fencing_token") + 1,
    }  # a round by the old words ends
    _move(policy, **columns, **fresh, wants_full=True, due_at=Now(), dispatched_at=None)
    policy.members.all().delete()
    _discard_frozen(policy, by, channel)
    _note(policy, "policy.changed", by=by, channel=channel, on=wish.wanted_on, tables=list(wish.tables))


_IN_SHADOW = {"mode": PolicyMode.SHADOW, "repair_by": None, "confirmed_by": None}


@transaction.atomic
def ask_for_repair(policy: FilterPolicy, *, seen: datetime | None, by: Person, channel: str = "screen") -> None:
    """Let it repair from now on, by who saw the comparison of `seen`; a large group waits for a second person.

    Raises NotPossible.
    """
    policy = _locked(policy)
    if policy.mode != PolicyMode.SHADOW or not policy.is_active:
        raise NotPossible("Only a policy that runs in shadow can be switched to repair.")
    _must_have_seen(policy, seen)
    if second_person.policy_load(policy, by=by).needs_second_person:
        _move(policy, repair_by=by)
        policy.repair_by = by
        notification_rules.waits(policy)
        _note(policy, "policy.repair_asked", by=by, channel=channel, users=policy.members.count())
        return
    _begin_repair(policy, by=by, channel=channel, repair_by=by)


@transaction.atomic
def ask_others(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Ask those who may confirm that it repairs and were not told of it. Raises NotPossible."""
    policy = _locked(policy)
    if not policy.waits_for_a_second_person or not notification_rules.ask_others(policy):
        raise NotPossible("Everyone who can confirm this policy and get mail has been told.")
    _note(policy, "policy.repair_asked", by=by, channel=channel, users=policy.members.count())


@transaction.atomic
def confirm_repair(policy: FilterPolicy, *, seen: datetime | None, by: Person, channel: str = "screen") -> None:
    """The second person agrees to what the same comparison shows. Raises NotPossible."""
    policy = _locked(policy)
    if not policy.waits_for_a_second_person or not policy.is_active:
        raise NotPossible("Nobody asked for this policy to repair, or it is stopped.")
    if policy.repair_by_id == by.pk:
        raise NotPossible("Somebody else than the person who asked for it confirms it.")
    _must_have_seen(policy, seen)
    _begin_repair(policy, by=by, channel=channel, confirmed_by=by)


def _must_have_seen(policy: FilterPolicy, seen: datetime | None) -> None:
    if policy.full_at is None:
        raise NotPossible("It has not been compared yet. See first who deviates.")
    if seen != policy.full_at:
        raise NotPossible("It was compared anew since this page was opened. See who deviates now.")


def _begin_repair(policy: FilterPolicy, *, by: Person, channel: str, **people: Person) -> None:
    _move(policy, mode=PolicyMode.REPAIR, repairs_since=Now(), wants_full=True, due_at=Now(), **people)
    _note(policy, "policy.repairs", by=by, channel=channel, users=policy.members.count())


@transaction.atomic
def back_to_shadow(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """It reports and repairs nothing more; a frozen run is discarded, one that runs goes on to its end."""
    _move(policy, **_IN_SHADOW)
    _discard_frozen(policy, by, channel)
    _note(policy, "policy.shadow", by=by, channel=channel)


@transaction.atomic
def pause(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Compare and repair nothing until somebody lets it go on."""
    _move(policy, is_paused=True, stopped_at=Now(), due_at=NEVER)
    _discard_frozen(policy, by, channel)
    _note(policy, "policy.paused", by=by, channel=channel)


@transaction.atomic
def resume(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Go on in the mode it was in; to a policy that asked this is the answer "take the group as it is"."""
    answers = {"accepts_group": True, "wants_full": True} if policy.asks else {}
    failed = FilterPolicy.objects.filter(pk=policy.pk, state=JobState.FAILED)
    failed.update(state=JobState.READY, attempts=0, last_error="", finished_at=None)
    _move(policy, is_paused=False, asks="", stopped_at=None, due_at=Now(), **answers)
    _note(policy, "policy.resumed", by=by, channel=channel, answered=bool(answers))


@transaction.atomic
def stop_and_ask(policy: FilterPolicy, why: str) -> None:
    """It stops itself: a person has to look. The operators are told, and the pages of filters say so."""
    _move(policy, asks=why[:300], stopped_at=Now())
    _note(policy, "policy.asks", by=None, channel="policy")


def decide(
    policy: FilterPolicy, opponent: str, *, for_policy: bool, users: int, by: Person, channel: str = "screen"
) -> None:
    """Decide between a policy and whoever disagrees with it, for the users that the page showed.

    Whoever loses leaves them alone: a policy excepts them; a run that ended stays as it is. Raises NotPossible.
    """
    found = next((each for each in disagreements.disagreements(policy) if each.opponent.key == opponent), None)
    if found is None or len(found.user_ids) != users:
        raise NotPossible("The disagreement has changed since this page was shown. Look at it again.")
    if not for_policy:
        leave_alone(policy, found.user_ids, by=by, channel=channel)
    elif found.opponent.policy:
        leave_alone(found.opponent.policy, found.user_ids, by=by, channel=channel)
    else:
        decide_for(policy, found.user_ids, by=by, channel=channel)


@transaction.atomic
def leave_alone(policy: FilterPolicy, user_ids: Collection[UUID], *, by: Person, channel: str = "screen") -> int:
    """Except users from a policy, because a person decided for whoever disagrees with it; return how many."""
    policy = _locked(policy)
    more = [str(user_id) for user_id in user_ids if str(user_id) not in policy.exceptions]
    _move(policy, exceptions=[*policy.exceptions, *more])
    policy.members.filter(user_id__in=user_ids).delete()
    _note(policy, "policy.excepted", by=by, channel=channel, users=len(more))
    _compare_soon()
    return len(more)


@transaction.atomic
def decide_for(policy: FilterPolicy, user_ids: Collection[UUID], *, by: Person, channel: str = "screen") -> int:
    """Put a policy in charge of users that earlier runs left in another state; return how many."""
    decided = int(policy.members.filter(user_id__in=user_ids).update(decided_at=Now()))
    _note(policy, "policy.decided", by=by, channel=channel, users=decided)
    _compare_soon()
    return decided


def _compare_soon() -> None:
    """Let every policy look anew: what one leaves alone, another may now repair."""
    waiting = FilterPolicy.objects.filter(state=JobState.READY, due_at__lt=NEVER)
    waiting.update(due_at=Now(), dispatched_at=None)


@transaction.atomic
def compare_now(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """Compare everybody with the next tick. Raises NotPossible."""
    if not policy.is_active:
        raise NotPossible("It is stopped. Let it go on first.")
    _move(policy, wants_full=True, due_at=Now(), dispatched_at=None)
    _note(policy, "policy.compared", by=by, channel=channel)


@transaction.atomic
def remove(policy: FilterPolicy, *, by: Person, channel: str = "screen") -> None:
    """It keeps nothing any more; what its runs switched stays."""
    _move(policy, mode=PolicyMode.REMOVED, asks="", due_at=NEVER)
    _discard_frozen(policy, by, channel)
    _note(policy, "policy.removed", by=by, channel=channel)


def _discard_frozen(policy: FilterPolicy, by: Person, channel: str) -> None:
    """A list that is frozen and not started would stay open for ever; what was started goes on to its end."""
    for run in policy.runs.filter(state__in=NOT_STARTED):
        transitions.cancel(run, by=by, channel=channel)


def _locked(policy: FilterPolicy) -> FilterPolicy:
    found: FilterPolicy = FilterPolicy.objects.select_for_update().get(pk=policy.pk)
    return found


def _move(policy: FilterPolicy, **columns: Any) -> None:
    FilterPolicy.objects.filter(pk=policy.pk).exclude(mode=PolicyMode.REMOVED).update(**columns)


def _note(policy: FilterPolicy, action: str, *, by: Person | None, channel: str, **details: Any) -> None:
    audit.record(action, by=by, channel=channel, group=policy.pk, details=details)
