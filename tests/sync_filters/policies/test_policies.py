"""Policies report in shadow mode, repair with the safeguards of runs, and stop when their group changes."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.connection import clients
from syncapp.jobs import queue
from syncapp.mirror.filters import schedule
from syncapp.models import (
    Alert,
    AuditEntry,
    FilterMembership,
    FilterPolicy,
    FilterRow,
    FilterRun,
    FilterTeam,
    FilterUser,
    MirrorCursor,
    Person,
    RunPreparation,
)
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import Outcome, Plan, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.notifications import alerts
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.policies import editing, groups
from syncapp.sync_filters.policies import job as policy_rounds
from syncapp.sync_filters.policies.editing import PolicySpec
from syncapp.sync_filters.runs import job as runs
from syncapp.sync_filters.runs import meetings, preparation
from tests.support.people import fred, make_person
from tests.sync_filters.company import small_company, without_meetings


def team() -> FilterTeam:
    return FilterTeam.objects.get(name="Sales North")


def kept(**values) -> FilterPolicy:
    """Return a policy in shadow mode, compared once."""
    spec = {"name": "No appointments", "team_id": team().pk, "tables": APPOINTMENT_TABLES} | values
    return compared(editing.create(PolicySpec(**spec), by=fred()))


def compared(policy: FilterPolicy) -> FilterPolicy:
    """Compare the policy now."""
    FilterPolicy.objects.update(due_at=Now())
    assert policy_rounds.work(policy.pk)
    policy.refresh_from_db()
    return policy


def a_night_later(policy: FilterPolicy) -> FilterPolicy:
    back = timezone.now() - timedelta(days=1, hours=1)
    FilterPolicy.objects.update(full_at=back)
    FilterRun.objects.update(frozen_at=back)
    return compared(policy)


def repairing(policy: FilterPolicy) -> FilterPolicy:
    editing.request_repair(policy, seen=policy.full_at, by=fred())
    return finish_run(compared(policy))


def started(policy: FilterPolicy) -> FilterRun:
    """Turn on repair and return the started run, whose users no worker switches."""
    editing.request_repair(policy, seen=policy.full_at, by=fred())
    compared(policy)
    return FilterRun.objects.get(policy=policy)


def finish_run(policy: FilterPolicy) -> FilterPolicy:
    """Switch the prepared run's users as workers do, after the comparison that starts it."""
    for run in FilterRun.objects.filter(policy=policy, state=RunState.COUNTING):
        while not meetings.count_next(run, crm=clients.crm()):
            pass
    compared(policy)
    for run in FilterRun.objects.filter(policy=policy):
        while runs.work(run.pk, crm=clients.verified_client(), seconds=60):
            pass
    return policy


def deviating(policy: FilterPolicy) -> set[str]:
    return {member.user.name for member in policy_rounds.deviating_members(policy)}


@pytest.fixture
def company(db) -> FilterTeam:
    """Provide a team of eight people whose appointments are on."""
    return small_company()


def test_shadow_mode_reports_and_switches_nothing(read):
    since = read.mark()

    policy = kept()

    members = FilterUser.objects.filter(
        pk__in=groups.members_of(policy), appointments__in=["on", "mixed"], has_own_roles=True
    )
    assert deviating(policy) == {user.name for user in members} != set()
    assert all(member.deviates_since for member in policy_rounds.deviating_members(policy))
    assert (read.switched(since), FilterRun.objects.count()) == ([], 0)


def test_filter_switched_back_on_is_repaired(read):
    without_meetings()
    policy = repairing(kept())
    assert deviating(a_night_later(policy)) == set()
    owner = FilterUser.objects.get(pk=policy.members.filter(plan=Plan.ALREADY).first().user_id)
    row = FilterRow.objects.for_outlook().filter(owner_id=owner.pk, table="appointment").first()
    read.change("userqueries", row.pk, statecode=0, statuscode=1)
    read.read()
    without_meetings()
    since = read.mark()

    a_night_later(policy)
    assert deviating(policy) == {owner.name}
    finish_run(policy)

    assert read.switched(since) == [(str(row.pk), [0, 1])]
    assert deviating(compared(policy)) == set()
    run = FilterRun.objects.latest("number")
    assert (run.person, run.policy, run.state) == (fred(), policy, RunState.DONE)


def test_requested_comparison_repairs_again_the_same_night(read):
    without_meetings()
    policy = repairing(kept())
    compared(policy)
    owner = FilterUser.objects.get(pk=policy.members.filter(plan=Plan.ALREADY).first().user_id)
    row = FilterRow.objects.for_outlook().filter(owner_id=owner.pk, table="appointment").first()
    read.change("userqueries", row.pk, statecode=0, statuscode=1)
    since = read.mark()

    editing.compare_now(policy, by=fred())
    policy_rounds.work(policy.pk, crm=clients.verified_client)
    without_meetings()
    finish_run(policy)

    assert read.switched(since) == [(str(row.pk), [0, 1])]


@pytest.mark.parametrize(("asked", "found"), [(True, 1), (False, 0)])
def test_requested_comparison_reads_live_values(read, asked, found):
    policy = kept(wanted_on=True)
    before = len(deviating(policy))
    owner = FilterUser.objects.get(pk=policy.members.filter(plan=Plan.ALREADY).first().user_id)
    row = FilterRow.objects.for_outlook().filter(owner_id=owner.pk, table="appointment").first()
    read.change("userqueries", row.pk, statecode=1, statuscode=2)

    if asked:
        editing.compare_now(policy, by=fred())
    FilterPolicy.objects.update(due_at=Now())
    policy_rounds.work(policy.pk, crm=clients.verified_client)

    assert len(deviating(policy)) == before + found


def test_organizers_are_held_back_with_reason(read):
    policy = repairing(kept())

    run = FilterRun.objects.get(policy=policy)
    held = set(run.items.filter(outcome=Outcome.HELD).values_list("user__name", flat=True))
    assert held
    assert {member.user.name for member in policy_rounds.deviating_members(policy) if member.held_back} == held


def test_repairs_stop_at_nightly_limit(company):
    policy = kept(per_night=2)
    first = started(policy)
    assert first.items.filter(plan=Plan.CHANGE).count() == 2
    FilterRun.objects.update(state=RunState.CANCELLED)

    compared(policy)
    assert FilterRun.objects.count() == 1
    a_night_later(policy)
    assert FilterRun.objects.count() == 2


def test_excepted_users_and_start_date_are_respected(company):
    excepted = groups.members_of(kept())[0]

    policy = kept(name="Another", exceptions=(str(excepted),))
    assert (policy.members.count(), policy.members.filter(user=excepted).exists()) == (7, False)
    later = kept(name="Later", starts_on=timezone.now().date() + timedelta(days=2))
    assert (later.full_at, later.members.count()) == (None, 0)


def test_repair_requires_latest_comparison(company):
    policy = kept()
    old = policy.full_at

    policy = a_night_later(policy)

    with pytest.raises(NotPossible, match="compared again"):
        editing.request_repair(policy, seen=old, by=fred())
    assert started(policy).state == RunState.RUNNING


def test_large_group_needs_second_person_once(company, settings):
    settings.SECOND_PERSON_ABOVE = 1
    policy = kept()
    editing.request_repair(policy, seen=policy.full_at, by=fred())
    policy.refresh_from_db()
    assert (policy.mode, policy.waits_for_a_second_person) == (PolicyMode.SHADOW, True)
    with pytest.raises(NotPossible, match="Someone other"):
        editing.confirm_repair(policy, seen=policy.full_at, by=fred())

    editing.confirm_repair(policy, seen=policy.full_at, by=make_person("Frida"))
    compared(policy)

    run = FilterRun.objects.get(policy=policy)
    assert (run.state, run.person, run.confirmed_by) == (RunState.RUNNING, fred(), make_person("Frida"))


def test_changed_group_stops_policy(company):
    policy = kept(per_night=1)
    started(policy)
    FilterUser.objects.filter(name="User 7").update(is_disabled=True)

    a_night_later(policy)

    policy.refresh_from_db()
    assert "0 joined, 1 left; it had 8 members" in policy.asks
    assert FilterRun.objects.count() == 1
    FilterPolicy.objects.update(stopped_at=timezone.now() - timedelta(minutes=5))
    alerts.queue_alerts()
    assert Alert.objects.filter(code=f"policy-{policy.pk}").exists()
    assert AuditEntry.objects.filter(action="policy.asks", area="filter").exists()
    editing.resume(policy, by=fred())
    assert compared(policy).asks == ""


def test_policy_stops_when_repair_person_loses_role(company):
    policy = kept()
    editing.request_repair(policy, seen=policy.full_at, by=fred())
    Person.objects.update(is_filter_manager=False)

    assert "may no longer switch" in compared(policy).asks
    assert not FilterRun.objects.exists()


def test_new_users_are_compared_hourly(company):
    policy = kept()
    newcomer = policy.members.first().user
    policy.members.filter(user=newcomer).delete()
    others = policy.full_at

    compared(policy)

    assert newcomer.name in deviating(policy)
    assert policy.full_at == others < policy.compared_at


def test_newcomer_is_compared_after_filters_are_read(company):
    policy = kept()
    newcomer = policy.members.first().user
    policy.members.filter(user=newcomer).delete()
    FilterUser.objects.filter(pk=newcomer.pk).update(filters_due=True)

    assert newcomer.name not in deviating(compared(policy))

    FilterUser.objects.update(filters_due=False)
    assert newcomer.name in deviating(compared(policy))


def test_stale_inventory_skips_comparison(company):
    MirrorCursor.objects.update(pulled_at=timezone.now() - timedelta(days=1))

    assert kept().full_at is None


def test_comparison_waits_for_nightly_inventory(company, monkeypatch):
    policy = kept()
    first, now = policy.full_at, timezone.now()
    monkeypatch.setattr(schedule, "NIGHT", now.time())

    assert compared(policy).full_at == first
    MirrorCursor.objects.update(pulled_at=now)
    assert compared(policy).full_at > first


def test_changed_policy_returns_to_shadow_mode(company):
    policy = kept()
    started(policy)
    FilterPolicy.objects.update(due_at=Now())
    held = queue.claim(FilterPolicy, policy.pk)

    editing.change(policy, PolicySpec("Other", team_id=company.pk, tables=("task",)), by=fred())

    assert not held.row().exists()
    assert (compared(policy).mode, deviating(policy)) == (PolicyMode.SHADOW, set())


def test_stopped_policy_cancels_unstarted_runs(company):
    policy = kept()
    run = started(policy)
    FilterRun.objects.update(state=RunState.PLANNED)

    editing.pause(policy, by=fred())

    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert not policy_rounds.work(policy.pk)


def test_failed_preparation_stops_policy(company, monkeypatch):
    monkeypatch.setattr(preparation, "PART_SIZE", 3)
    policy = kept()
    run = started(policy)
    compared(policy)
    assert (run.state, FilterRun.objects.count(), run.policy_id) == (RunState.PREPARING, 1, policy.pk)

    RunPreparation.objects.update(state="failed")
    compared(policy)

    policy.refresh_from_db()
    run.refresh_from_db()
    assert "could not be made" in policy.asks
    assert run.state == RunState.CANCELLED


def test_long_repair_starts_after_preparation(company, monkeypatch):
    monkeypatch.setattr(preparation, "PART_SIZE", 3)
    policy = kept()
    run = started(policy)

    preparation.work(run.pk)
    compared(policy)

    run.refresh_from_db()
    assert (run.state, run.items.all().due().count()) == (RunState.RUNNING, 8)


def test_new_users_are_compared_after_inventory(company):
    policy, stopped = kept(), kept(name="Stopped")
    editing.pause(stopped, by=fred())
    FilterPolicy.objects.filter(pk=policy.pk).update(due_at=timezone.now() + timedelta(hours=1))
    someone = FilterUser.objects.create(pk=uuid.uuid4(), name="New", name_key="new", read_at=timezone.now())
    FilterMembership.objects.create(team_id=company.pk, user_id=someone.pk)

    policy_rounds.schedule_comparisons()

    assert list(FilterPolicy.objects.all().due()) == [policy]
    policy_rounds.work(policy.pk)
    assert policy.members.filter(user=someone).exists()
