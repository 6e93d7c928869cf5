"""The limit on users that one person switches alone in a day, over runs and policies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.models import FilterPolicy, FilterRun, FilterRunChange, FilterRunItem, FilterTeam, FilterUser
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.sync_filters.policies import editing, job
from syncapp.sync_filters.policies.editing import PolicySpec
from syncapp.sync_filters.runs import creation, transitions, undo
from tests.support.people import ada, fred, make_person
from tests.sync_filters.company import small_company

OFF = creation.RunSpec(("appointment",), on=False, reason="Twice in Outlook")


@pytest.fixture
def users(db, settings) -> list[FilterUser]:
    """Create eight users, and set the limit of one person to four a day."""
    settings.SECOND_PERSON_ABOVE = 4
    small_company()
    return list(FilterUser.objects.order_by("name_key"))


def started(users: list[FilterUser], by=None) -> FilterRun:
    person = by or fred()
    return transitions.start(creation.create_run([user.pk for user in users], OFF, by=person), by=person)


def ended(run: FilterRun, *, ago: timedelta = timedelta()) -> FilterRun:
    """Put the run into the state that workers leave."""
    at = timezone.now() - ago
    run.items.update(outcome=Outcome.DONE, state="done", finished_at=at)
    FilterRunChange.objects.filter(item__run=run).update(written=True)
    FilterRun.objects.filter(pk=run.pk).update(state=RunState.DONE, finished_at=at)
    return run


@pytest.mark.parametrize("is_over", [True, False])
def test_users_of_several_runs_are_summed(users, is_over):
    first = started(users[:3])
    if is_over:
        ended(first)

    second, third = started(users[3:4]), started(users[4:6])

    assert (first.state, second.state, third.state) == (RunState.RUNNING, RunState.RUNNING, RunState.WAITING)


def test_users_switched_yesterday_do_not_count(users):
    ended(started(users[:4]), ago=timedelta(hours=25))

    assert started(users[4:]).state == RunState.RUNNING


def test_same_users_count_once(users):
    ended(started(users[:4]))

    assert started(users[:4]).state == RunState.RUNNING


def test_confirmed_or_canceled_runs_do_not_count(users):
    transitions.confirm(started(users[:5]), by=ada())
    transitions.cancel(started(users[5:8]), by=fred())

    assert started(users[:4]).state == RunState.RUNNING


def test_limit_applies_per_person(users):
    started(users[:4])

    assert started(users[4:], by=make_person("Frida", *fred().roles)).state == RunState.RUNNING


def test_undo_never_waits_for_second_person(users, settings):
    run = ended(started(users[:4]))
    run.refresh_from_db()
    settings.SECOND_PERSON_ABOVE = 1

    assert undo.undo(run, by=fred()).state != RunState.WAITING


def repairing(users: list[FilterUser], name: str) -> FilterPolicy:
    """Return a policy for some of the team for which Fred turned on repair."""
    others = tuple(str(user.pk) for user in FilterUser.objects.all() if user not in users)
    spec = PolicySpec(name, team_id=FilterTeam.objects.get().pk, tables=("appointment",), exceptions=others)
    policy = compared(editing.create(spec, by=fred()))
    editing.request_repair(policy, seen=policy.full_at, by=fred())
    return compared(policy)


def compared(policy: FilterPolicy) -> FilterPolicy:
    FilterPolicy.objects.filter(pk=policy.pk).update(due_at=Now())
    assert job.work(policy.pk)
    policy.refresh_from_db()
    return policy


def test_policy_repairs_count_toward_approvers_limit(users):
    policy = repairing(users[:3], "First")
    assert FilterRun.objects.get(policy=policy).state == RunState.RUNNING

    assert started(users[3:6]).state == RunState.WAITING


def test_policy_repair_above_limit_waits(users):
    started(users[:3])

    policy = repairing(users[3:6], "Second")

    assert FilterRun.objects.get(policy=policy).state == RunState.WAITING


def test_groups_of_several_policies_are_summed(users):
    repairing(users[:3], "First")

    policy = repairing(users[3:6], "Second")

    assert (policy.mode, policy.waits_for_a_second_person) == (PolicyMode.SHADOW, True)
    assert not FilterRunItem.objects.filter(run__policy=policy).exists()
