"""Users over whom policies, runs and undos conflict are skipped until a person decides."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.connection import clients
from syncapp.models import (
    FilterMembership,
    FilterPolicy,
    FilterRow,
    FilterRun,
    FilterRunChange,
    FilterRunItem,
    FilterTeam,
    FilterUnit,
    FilterUser,
)
from syncapp.models.sync_filters.run import Outcome, Plan, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.policies import conflicts, editing
from syncapp.sync_filters.policies import job as policy_rounds
from syncapp.sync_filters.policies.editing import PolicySpec
from syncapp.sync_filters.runs import creation, transitions, undo
from syncapp.sync_filters.runs import job as runs
from tests.support.people import fred, make_person
from tests.sync_filters.company import small_company, without_meetings


@pytest.fixture
def north(db) -> FilterTeam:
    """Create eight users whose appointments are on; User 0 and User 1 are also in the team Riva."""
    team = small_company()
    riva = FilterTeam.objects.create(pk=uuid.uuid4(), name="Riva")
    for name in ("User 0", "User 1"):
        FilterMembership.objects.create(team_id=riva.pk, user_id=user(name).pk)
    return team


def user(name: str = "User 0") -> FilterUser:
    return FilterUser.objects.get(name=name)


def policy(team: str, *, on: bool, **values) -> FilterPolicy:
    """Return a policy in shadow mode, compared once."""
    words = f"{team} {'on' if on else 'off'}"
    spec = {"name": words, "team_id": FilterTeam.objects.get(name=team).pk, "tables": ("appointment",)} | values
    return compared(editing.create(PolicySpec(wanted_on=on, **spec), by=fred()))


def compared(policy: FilterPolicy) -> FilterPolicy:
    """Compare the policy now, in a full round."""
    FilterPolicy.objects.filter(pk=policy.pk).update(due_at=Now(), wants_full=True)
    assert policy_rounds.work(policy.pk)
    policy.refresh_from_db()
    return policy


def repairing(policy: FilterPolicy) -> FilterPolicy:
    editing.request_repair(policy, seen=policy.full_at, by=fred())
    return compared(policy)


def repairs(policy: FilterPolicy) -> set[str]:
    """Return the users in the policy's runs."""
    return set(FilterRunItem.objects.filter(run__policy=policy).values_list("user__name", flat=True))


def ended(run: FilterRun) -> FilterRun:
    """Put the run into the state that workers leave: every user switched, and the mirror has read it back."""
    for change in FilterRunChange.objects.filter(item__run=run):
        FilterRow.objects.filter(pk=change.filter_id).update(
            state=change.wanted_state, status=change.wanted_status, etag=f"W/{uuid.uuid4()}"
        )
        etag = FilterRow.objects.get(pk=change.filter_id).etag
        FilterRunChange.objects.filter(pk=change.pk).update(written=True, etag_after=etag)
    run.items.filter(plan=Plan.CHANGE).update(outcome=Outcome.DONE, state="done", finished_at=timezone.now())
    FilterRun.objects.filter(pk=run.pk).update(state=RunState.DONE, finished_at=timezone.now())
    run.refresh_from_db()
    return run


def switched(*users: FilterUser, on: bool) -> FilterRun:
    """Return a finished run by Fred."""
    spec = creation.RunSpec(("appointment",), on=on)
    return ended(transitions.start(creation.create_run([each.pk for each in users], spec, by=fred()), by=fred()))


def repaired(policy: FilterPolicy) -> FilterPolicy:
    """End the policy's open run, and compare again."""
    ended(FilterRun.objects.get(policy=policy, state=RunState.RUNNING))
    return compared(policy)


def sources_against(policy: FilterPolicy, name: str = "User 0") -> list[object]:
    """Return the other sides of the policy's conflicts over a user: policies by name, runs by number."""
    policy.refresh_from_db()
    found = [each.source for each in conflicts.conflicts_of(policy) if user(name).pk in each.user_ids]
    return [each.policy.name if each.policy else each.run.number if each.run else "flapping" for each in found]


def test_opposite_policies_skip_common_users(north):
    off, on = policy("Sales North", on=False), policy("Riva", on=True)

    repairing(off)
    FilterRow.objects.filter(owner_id=user("User 1").pk).update(state=1, status=2)
    repairing(on)

    assert repairs(off) == {f"User {number}" for number in range(2, 8)}
    assert repairs(on) == set()
    assert (sources_against(off), sources_against(on)) == (["Riva on"], ["Sales North off"])
    (page_text,) = conflicts.conflicts_of(off)
    assert (page_text.source.policy, len(page_text.user_ids)) == (on, 2)


def test_agreeing_policies_repair_common_users(north):
    off, too = policy("Sales North", on=False), policy("Riva", on=False)

    repairing(off)
    repairing(too)

    assert repairs(off) == {f"User {number}" for number in range(8)}
    assert repairs(too) == {"User 0", "User 1"}
    assert conflicts.conflicts_of(off) == []


def test_policies_over_other_tables_do_not_conflict(north):
    off = policy("Sales North", on=False)
    policy("Riva", on=True, tables=("task",))

    assert "User 0" in repairs(repairing(off))


@pytest.mark.parametrize("why", ["paused", "removed", "excepted", "over"])
def test_inapplicable_policy_does_not_conflict(north, why):
    off, on = policy("Sales North", on=False), policy("Riva", on=True)
    if why == "paused":
        editing.pause(on, by=fred())
    elif why == "removed":
        editing.remove(on, by=fred())
    elif why == "excepted":
        editing.except_users(on, [user("User 0").pk, user("User 1").pk], by=fred())
    else:
        FilterPolicy.objects.filter(pk=on.pk).update(ends_on=timezone.now().date() - timedelta(days=1))

    assert "User 0" in repairs(repairing(off))


def test_team_policy_conflicts_with_unit_policy_above(north):
    top = FilterUnit.objects.create(pk=uuid.uuid4(), name="Sales")
    below = FilterUnit.objects.create(pk=uuid.uuid4(), name="North", parent_id=top.pk)
    FilterUser.objects.filter(name="User 0").update(unit_id=below.pk)
    off = policy("Sales North", on=False)
    policy("Riva", on=True, name="Unit on", team_id=None, unit_id=top.pk)

    assert "User 0" not in repairs(repairing(off))
    assert "User 1" in repairs(off)
    assert sources_against(off) == ["Unit on"]


def test_user_switched_manually_after_repair_is_skipped(north):
    off = repaired(repairing(policy("Sales North", on=False)))
    run = switched(user(), on=True)

    compared(off)

    assert FilterRun.objects.filter(policy=off).count() == 1
    assert sources_against(off) == [run.number]


def test_repair_overrides_earlier_manual_run(north):
    switched(user(), on=False)
    run = switched(user(), on=True)
    off = policy("Sales North", on=False)
    assert sources_against(off) == [run.number]

    repairing(off)

    assert "User 0" in repairs(off)


def test_manual_run_to_same_state_does_not_conflict(north):
    off = repaired(repairing(policy("Sales North", on=False)))
    switched(user(), on=True)
    switched(user(), on=False)

    assert sources_against(off) == []


def test_users_of_undone_repair_are_skipped(north):
    off = repaired(repairing(policy("Sales North", on=False)))
    run = FilterRun.objects.get(policy=off)

    back = ended(undo.undo(run, by=make_person("Frida", *fred().roles)))
    compared(off)

    assert FilterRun.objects.filter(policy=off).count() == 1
    assert sources_against(off) == [back.number]


def test_policy_skips_user_of_run_in_progress(north):
    off = repaired(repairing(policy("Sales North", on=False)))
    spec = creation.RunSpec(("appointment",), on=True)
    run = transitions.start(creation.create_run([user().pk], spec, by=fred()), by=fred())
    FilterRow.objects.filter(owner_id=user().pk).update(state=0, status=1)

    compared(off)

    assert FilterRun.objects.filter(policy=off).count() == 1
    assert sources_against(off) == [run.number]


@pytest.mark.parametrize(("method", "keeps_on"), [(1, False), (2, True)])
def test_mailbox_method_conflicts_with_opposite_policy(north, method, keeps_on):
    FilterRow.objects.filter(owner_id=user().pk).update(state=1 if keeps_on else 0)
    FilterRow.objects.exclude(owner_id=user().pk).update(state=0 if keeps_on else 1)
    kept = repairing(policy("Sales North", on=keeps_on, per_night=8))
    FilterRun.objects.filter(policy=kept).update(state=RunState.CANCELLED, finished_at=timezone.now())
    FilterRunItem.objects.filter(run__policy=kept).update(
        outcome=Outcome.DONE, state="done", finished_at=timezone.now()
    )
    assert sources_against(kept) == []

    FilterUser.objects.filter(name="User 0").update(mailbox_id=uuid.uuid4(), method=0, paths="twice", approval=1)
    run = creation.create_run([user().pk], creation.RunSpec(method=method), by=fred())
    transitions.start(run, by=fred())
    run.items.update(mailbox_written=True, outcome=Outcome.DONE, state="done", finished_at=timezone.now())
    FilterRun.objects.filter(pk=run.pk).update(state=RunState.DONE, finished_at=timezone.now())

    assert sources_against(kept) == [run.number]
    assert sources_against(kept, "User 1") == []


def switched_back(name: str = "User 0") -> None:
    """Switch the user back in the CRM, without a run."""
    FilterRow.objects.filter(owner_id=user(name).pk).update(state=0, status=1, etag=f"W/{uuid.uuid4()}")


def test_flapping_user_is_skipped(north):
    off = repairing(policy("Sales North", on=False))
    for _ in range(5):
        open_run = FilterRun.objects.filter(policy=off, state=RunState.RUNNING).first()
        if open_run:
            ended(open_run)
        switched_back()
        compared(off)

    assert FilterRunItem.objects.filter(run__policy=off, user=user()).count() == 2
    assert sources_against(off) == ["flapping"]


@pytest.mark.parametrize("for_policy", [True, False])
def test_person_resolves_conflict_with_run(north, for_policy):
    off = repaired(repairing(policy("Sales North", on=False)))
    switched(user(), on=True)
    compared(off)

    decide = editing.put_in_charge if for_policy else editing.except_users
    decide(off, [user().pk], by=fred())
    compared(off)

    assert FilterRun.objects.filter(policy=off).count() == (2 if for_policy else 1)
    assert sources_against(off) == []
    assert off.members.filter(user=user()).exists() is for_policy


def test_conflict_after_preparation_holds_users_back(north, settings):
    settings.SECOND_PERSON_ABOVE = 0
    off = policy("Sales North", on=False)
    editing.request_repair(off, seen=off.full_at, by=fred())
    editing.confirm_repair(off, seen=off.full_at, by=make_person("Frida", *fred().roles))
    FilterPolicy.objects.update(confirmed_by=None)
    run = FilterRun.objects.get(policy=compared(off))
    assert run.state == RunState.WAITING

    policy("Riva", on=True)
    compared(off)

    held = run.items.filter(plan=Plan.HELD).values_list("user__name", flat=True)
    assert set(held) == {"User 0", "User 1"}


def test_conflicting_repairs_write_nothing_for_common_user(read):
    without_meetings()
    rita, rob = read.user(), read.user("Rob Marchetti")
    for name, people in {"Riva": (rita, rob), "Both": (rita,)}.items():
        team = FilterTeam.objects.create(pk=uuid.uuid4(), name=name)
        for each in people:
            FilterMembership.objects.create(team_id=team.pk, user_id=each.pk)
    off, on = policy("Riva", on=False, tables=APPOINTMENT_TABLES), policy("Both", on=True, tables=APPOINTMENT_TABLES)
    since = read.mark()

    off, on = repairing(off), repairing(on)
    for each in (off, on, off, on):
        compared(each)
        for run in FilterRun.objects.filter(policy=each):
            runs.work(run.pk, crm=clients.verified_client(), seconds=5)

    written = {key for key, _ in read.switched(since)}
    assert written
    assert written.isdisjoint(read.states(rita))
