"""Groups of users who are held back, and the pages of a preview."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from syncapp.models import FilterRun, FilterUser
from syncapp.models.sync_filters.run import Plan
from syncapp.sync_filters.runs import creation, held_groups, meetings, method_plans, previews
from syncapp.sync_filters.runs.held_groups import HeldGroup
from tests.sync_filters.runs.previewed import hold, planned_run, user

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def run(db) -> FilterRun:
    return planned_run()


@pytest.mark.parametrize(
    ("days", "group"),
    [
        (0.4, HeldGroup.TODAY),
        (0.6, HeldGroup.WEEK),
        (7.4, HeldGroup.WEEK),
        (7.6, HeldGroup.FORTNIGHT),
        (14.4, HeldGroup.FORTNIGHT),
        (14.6, HeldGroup.LATER),
        (-30, HeldGroup.UNDATED),
        (None, HeldGroup.UNCOUNTED),
    ],
)
def test_held_user_is_grouped_by_nearest_meeting(db, days, group):
    with time_machine.travel(NOON, tick=False):
        run = planned_run()
        item = hold(user(run, 1), *([] if days is None else [days]))

        (summary,) = held_groups.summaries(run)

        assert (summary.group, summary.users) == (group, 1)
        assert list(held_groups.members(run, group)) == [item]


def test_groups_follow_reader_time_zone(db):
    with time_machine.travel(NOON, tick=False):
        run = planned_run()
        hold(user(run, 1), 0.6)  # tomorrow in UTC, later on the same day in Auckland

        with timezone.override("Pacific/Auckland"):
            (summary,) = held_groups.summaries(run)

    assert summary.group is HeldGroup.TODAY


def test_groups_sum_meetings_and_name_the_first(run):
    hold(user(run, 1), 20, 30)
    hold(user(run, 2), 17, attendees=5)
    hold(user(run, 3), 2)

    week, later = held_groups.summaries(run)

    assert (week.group, week.users, week.meetings, week.attendees) == (HeldGroup.WEEK, 1, 1, 3)
    assert (later.users, later.meetings, later.attendees) == (2, 3, 11)
    assert (week.first.subject, later.first.subject) == ("Meeting in 2 days", "Meeting in 17 days")


def test_method_runs_group_users_by_reason(db):
    run = planned_run(creation.RunSpec(method=2))
    for number, why in enumerate(
        [method_plans.TWICE, method_plans.ONLY_PATH, method_plans.UNKNOWN, method_plans.TWICE]
    ):
        run.items.filter(user__name=f"User {number}").update(plan=Plan.HELD, outcome="", state="ready", why=why)

    found = {each.group: each.users for each in held_groups.summaries(run)}

    assert found == {HeldGroup.ONLY_PATH: 1, HeldGroup.TWICE: 2, HeldGroup.OTHER: 1}
    assert not HeldGroup.OTHER.can_be_released_together


@pytest.mark.parametrize(("days", "expected"), [((5, 2), 2), ((5, -2), None), ((5, None), None), ((), None)])
def test_next_date_is_unknown_once_series_began(days, expected):
    starts = [None if each is None else NOON + timedelta(days=each) for each in days]

    found = meetings.next_start(starts, now=NOON)

    assert found == (None if expected is None else NOON + timedelta(days=expected))


def test_pages_list_everyone_by_nearest_meeting(run, monkeypatch):
    monkeypatch.setattr(previews, "PAGE_SIZE", 2)
    for number, days in {0: (9,), 1: (), 2: (3,), 3: (-4,), 4: (3.5,), 5: (40,)}.items():
        hold(user(run, number), *days)

    seen, firsts, after = [], [], None
    while True:
        held = previews.items_of(run, Plan.HELD)
        page = previews.page(run, held, by_meeting=True, after=after)
        seen += [item.user.name[-1] for item in page.items]
        firsts.append((page.first, page.total))
        after = page.next_after
        if after is None:
            break

    assert seen == ["2", "4", "0", "5", "1", "3"]
    assert firsts == [(1, 6), (3, 6), (5, 6)]


def test_paging_continues_after_last_user_is_released(run, monkeypatch):
    monkeypatch.setattr(previews, "PAGE_SIZE", 2)
    for number in range(5):
        hold(user(run, number), number + 1)
    first = previews.page(run, previews.items_of(run, Plan.HELD), by_meeting=True)
    run.items.filter(pk=first.items[-1].pk).update(plan=Plan.CHANGE)

    second = previews.page(run, previews.items_of(run, Plan.HELD), by_meeting=True, after=first.next_after)

    assert [item.user.name for item in second.items] == ["User 2", "User 3"]


def test_totals_count_users_and_meetings_once(run):
    hold(user(run, 1), 3, 4)
    hold(user(run, 2))
    run.items.filter(user__name="User 3").update(plan=Plan.CANNOT, outcome="disabled", state="done")
    run.items.filter(user__name="User 4").update(released=True, meetings=2, attendees=9)

    found = previews.totals(run)

    assert found.users == {Plan.CHANGE: 5, Plan.HELD: 2, Plan.CANNOT: 1}
    assert found.cannot == {"disabled": 1}
    assert found.held == previews.MeetingsAtRisk(organizers=1, meetings=2, attendees=6, uncounted=1)
    assert found.released == previews.MeetingsAtRisk(organizers=1, meetings=2, attendees=9)


def test_search_stays_within_tab(run):
    hold(user(run, 1), 3)
    FilterUser.objects.update(search_words=" user 1")

    assert previews.items_of(run, Plan.HELD, search="user").count() == 1
    assert previews.items_of(run, Plan.HELD, search="nobody").count() == 0
