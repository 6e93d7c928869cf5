"""Changes to a planned list: which users are released, left out and included again, by whom, and what is audited."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from syncapp.models import AuditEntry, FilterRun, FilterUser
from syncapp.models.sync_filters.run import Outcome, Plan, RunState
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import held_groups, list_changes, transitions
from syncapp.sync_filters.runs.held_groups import HeldGroup
from syncapp.sync_filters.runs.parts import Part
from tests.support.people import ada, fred, make_person
from tests.support.servers import wait_until
from tests.sync_filters.runs.previewed import hold, planned_run, plans, user
from tests.sync_filters.runs.test_numbers import wait_for_lock


@pytest.fixture
def run(db) -> FilterRun:
    """Plan a run that holds back users 1 (in 3 days), 2 and 3 (in 20 and 30 days), and 4 (not counted)."""
    made = planned_run()
    hold(user(made, 1), 3)
    hold(user(made, 2), 20, attendees=5)
    hold(user(made, 3), 30, 31)
    hold(user(made, 4))
    return made


def entry() -> AuditEntry:
    return AuditEntry.objects.latest("id")


def seen(run: FilterRun, group: HeldGroup = HeldGroup.LATER) -> str:
    return held_groups.digest(held_groups.members(run, group))


def test_release_is_recorded_with_meetings_at_risk(run):
    assert list_changes.release(run, [user(run, 1).pk, user(run, 3).pk, user(run, 5).pk], by=fred()) == 2

    assert plans(run) == {"2": "held", "4": "held"}
    assert (user(run, 1).released, user(run, 5).released) == (True, False)
    assert (entry().action, entry().actor, entry().group) == ("run.released", fred(), run.pk)
    assert entry().details == {"run": run.number, "users": 2, "meetings": 3, "attendees": 9}


def test_empty_release_is_not_recorded(run):
    assert list_changes.release(run, [user(run, 5).pk], by=fred()) == 0

    assert not AuditEntry.objects.filter(action="run.released").exists()


def test_unchanged_group_is_released_as_a_whole(run):
    assert list_changes.release_group(run, HeldGroup.LATER, seen=seen(run), by=fred()) == 2

    assert plans(run) == {"1": "held", "4": "held"}
    details = {"run": run.number, "users": 2, "meetings": 3, "attendees": 11, "group": "later"}
    assert entry().details == details


def test_group_that_changed_is_not_released(run):
    read = seen(run)
    hold(user(run, 5), 50)

    with pytest.raises(NotPossible, match="has changed since you opened it"):
        list_changes.release_group(run, HeldGroup.LATER, seen=read, by=fred())

    assert set(plans(run)) == {"1", "2", "3", "4", "5"}


def test_uncounted_users_are_released_one_by_one(run):
    with pytest.raises(NotPossible, match="one by one"):
        list_changes.release_group(run, HeldGroup.UNCOUNTED, seen=seen(run, HeldGroup.UNCOUNTED), by=fred())
    assert "4" in plans(run)

    list_changes.release(run, [user(run, 4).pk], by=fred())

    assert "4" not in plans(run)


def test_released_users_can_be_held_back_again(run):
    list_changes.release_group(run, HeldGroup.LATER, seen=seen(run), by=fred())

    assert list_changes.hold_back(run, [user(run, 2).pk, user(run, 5).pk], by=fred()) == 1

    assert plans(run) == {"1": "held", "2": "held", "4": "held"}
    assert entry().action == "run.held_back"


def test_left_out_users_do_not_keep_run_open(run):
    FilterUser.objects.filter(name__in=["User 1", "User 5"]).update(method=1)

    assert list_changes.leave_out(run, Part.SERVER_SIDE, by=fred()) == 2
    details = {"run": run.number, "users": 2, "part": "server"}
    assert (entry().action, entry().details) == ("run.left_out", details)
    transitions.start(run, by=fred())
    assert set(run.items.unfinished().values_list("user__name", flat=True)) == {"User 0", "User 6", "User 7"}
    run.items.unfinished().update(outcome=Outcome.DONE, state="done", finished_at=run.frozen_at)

    transitions.update_state(run)

    run.refresh_from_db()
    assert run.state == RunState.DONE
    assert transitions.count_by_outcome(run) == {"done": 3, "held": 3, "left_out": 2}


def test_users_included_again_are_held_as_before(run):
    list_changes.release(run, [user(run, 2).pk], by=fred())
    everyone = list(run.items.values_list("pk", flat=True))
    assert list_changes.leave_out_users(run, everyone, by=fred()) == 8
    assert set(plans(run).values()) == {"left_out"}

    assert list_changes.include_again(run, [user(run, 1).pk, user(run, 2).pk], by=fred()) == 2
    assert {"1": "held"}.items() <= plans(run).items()
    assert "2" not in plans(run)
    assert list_changes.include_again(run, by=fred()) == 6

    assert plans(run) == {"1": "held", "3": "held", "4": "held"}
    assert set(run.items.values_list("outcome", "state", "finished_at")) == {("", "ready", None)}


CHANGES = {
    "release": lambda run, by: list_changes.release(run, [user(run, 1).pk], by=by),
    "release_group": lambda run, by: list_changes.release_group(run, HeldGroup.LATER, seen=seen(run), by=by),
    "hold_back": lambda run, by: list_changes.hold_back(run, [user(run, 5).pk], by=by),
    "leave_out": lambda run, by: list_changes.leave_out(run, Part.SERVER_SIDE, by=by),
    "leave_out_users": lambda run, by: list_changes.leave_out_users(run, [user(run, 6).pk], by=by),
    "take_back": lambda run, by: list_changes.include_again(run, by=by),
}


@pytest.fixture
def changeable(run) -> FilterRun:
    """Let each change have a user to change."""
    run.items.filter(user__name="User 5").update(released=True)
    FilterUser.objects.filter(name="User 6").update(method=1)
    run.items.filter(user__name="User 7").update(plan=Plan.LEFT_OUT, outcome="left_out", state="done")
    return run


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_only_creator_changes_planned_list(changeable, change, settings):
    before = plans(changeable)
    with pytest.raises(NotPossible, match="Only the person who created"):
        change(changeable, make_person("Frida", *fred().roles))
    settings.SECOND_PERSON_ABOVE = 1
    transitions.start(changeable, by=fred())  # waits for a second person, who confirms exactly this list
    with pytest.raises(NotPossible, match="only before it starts"):
        change(changeable, fred())
    assert plans(changeable) == before

    FilterRun.objects.filter(pk=changeable.pk).update(state=RunState.PLANNED)
    assert change(changeable, fred()) > 0
    assert plans(changeable) != before


@pytest.mark.parametrize(("reason", "state"), [("", RunState.PLANNED), ("Riva", RunState.WAITING)])
def test_run_needing_second_person_requires_reason(run, settings, reason, state):
    settings.SECOND_PERSON_ABOVE = 1
    FilterRun.objects.filter(pk=run.pk).update(reason=reason)
    run.refresh_from_db()
    if not reason:
        with pytest.raises(NotPossible, match="Give a reason"):
            transitions.start(run, by=fred())
    else:
        transitions.start(run, by=fred(), confirmer=ada())

    run.refresh_from_db()
    assert run.state == state


def test_run_by_one_person_requires_no_reason(run):
    FilterRun.objects.filter(pk=run.pk).update(reason="")
    run.refresh_from_db()

    assert transitions.start(run, by=fred()).state == RunState.RUNNING


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer: the start has not begun yet")
@pytest.mark.django_db(transaction=True)
def test_start_counts_users_released_at_same_moment(settings):
    settings.SECOND_PERSON_ABOVE = 7
    run, person = planned_run(), fred()
    hold(user(run, 1), 20)

    def start_apart() -> None:
        try:
            transitions.start(run, by=person)
        finally:
            connection.close()

    start = threading.Thread(target=start_apart)
    with transaction.atomic():
        list_changes.release(run, [user(run, 1).pk], by=person)
        start.start()
        wait_until(wait_for_lock, what="the start waits for the release")
    start.join(10)

    run.refresh_from_db()
    assert run.state == RunState.WAITING
