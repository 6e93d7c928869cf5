"""The preview of a run: its tabs and pages, the start beside them, and the buttons that change the list."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from syncapp.models import AuditEntry, FilterRow, FilterRun, FilterUser, MeetingAtRisk
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.sync_filters.runs import creation, held_groups, list_changes, previews, transitions
from syncapp.sync_filters.runs.held_groups import HeldGroup
from tests.support.people import ada, browser, fred, make_person
from tests.support.screen import Screen, text
from tests.sync_filters.runs.previewed import hold, planned_run, plans, user


@pytest.fixture
def run(db) -> FilterRun:
    """Plan a run that holds back users 1 (in 3 days), 2 and 3 (in 20 and 30 days), and 4 (not counted)."""
    made = planned_run()
    hold(user(made, 1), 3)
    hold(user(made, 2), 20, attendees=5)
    hold(user(made, 3), 31, 30)
    hold(user(made, 4))
    return made


def page(run: FilterRun, query: str = "", person=None) -> str:
    return text(browser(person or fred()).get(f"/filters/runs/{run.pk}/{query}"))


def press(run: FilterRun, do: str, **sent: object) -> str:
    """Press a button of the preview; return the page that follows."""
    return text(browser(fred()).post(f"/filters/runs/{run.pk}/steer", {"do": do, **sent}, follow=True))


def shown_users(page_text: str) -> list[str]:
    return re.findall(r'<a href="/filters/users/[^"]+" hx-boost="false"><bdi>([^<]+)</bdi>', page_text)


def test_held_back_users_are_listed_by_next_meeting(run):
    page_text = page(run)

    assert shown_users(page_text) == ["User 1", "User 2", "User 3", "User 4"]
    for words in (
        'aria-current="page">Held back <span class="count">4</span>',
        '>Will change <span class="count">4</span>',
        '>Cannot change <span class="count">0</span>',
        "4 future meetings may be removed from Outlook.",
        "The 3 users who organize them are held back until you release them;",
        "their 14 attendees may receive cancellations.",
        "1 to 4 of 4.",
    ):
        assert words in page_text, words


def test_unread_users_are_not_called_failed(db):
    """Reading all users of a large company takes hours. A preview in the meantime has tried nothing yet."""
    planned = planned_run()
    FilterUser.objects.filter(name="User 2").update(filters_read_at=None)
    users = [item.user_id for item in planned.items.all()]
    again = creation.create_run(users, creation.RunSpec(tuple(planned.tables), on=False), by=fred())

    assert "1 not read<" in page(again)
    assert "filters have not been read yet" in page(again, "?part=cannot")
    assert "failed" not in page(again, "?part=cannot")


def test_every_tab_shows_its_users(run):
    run.items.filter(user__name="User 6").update(plan="cannot", outcome="disabled", state="done", why="Is disabled.")
    run.items.filter(user__name="User 7").update(plan="already", outcome="already", state="done")

    assert shown_users(page(run, "?part=change")) == ["User 0", "User 5"]
    assert shown_users(page(run, "?part=cannot")) == ["User 6"]
    assert shown_users(page(run, "?part=already")) == ["User 7"]
    assert "Is disabled." in page(run, "?part=cannot")
    assert "1 disabled<" in page(run)
    assert "Off already" in page(run, "?part=already")


def test_paging_reaches_every_user(run, monkeypatch):
    monkeypatch.setattr(previews, "PAGE_SIZE", 2)
    first = page(run)
    address = unescape(re.search(r'id="people-next" href="([^"]+)"', first)[1])

    second = page(run, address)

    assert shown_users(first) + shown_users(second) == ["User 1", "User 2", "User 3", "User 4"]
    assert "3 to 4 of 4." in second
    assert "people-next" not in second
    assert 'id="people-first" href="?part=held"' in second


def test_groups_show_meetings_and_attendees(run):
    page_text = re.sub(r"<[^>]+>", " ", page(run))

    assert re.search(r"In 1 to 7 days\s+1\s+1\s+3\s", page_text)
    assert re.search(r"More than 14 days away\s+2\s+3\s+11\s", page_text)
    assert re.search(r"Could not be counted\s+1\s+not known\s+not known\s", page_text)


def test_meetings_of_user_are_sorted_by_date(run):
    page_text = page(run)

    assert page_text.index("Meeting in 30 days") < page_text.index("Meeting in 31 days")
    assert "<summary>1 more</summary>" in page_text


def test_running_series_shows_its_start_date(run):
    hold(user(run, 5), -40, series=True)

    page_text = page(run, "?part=held&group=undated")

    assert shown_users(page_text) == ["User 5"]
    assert "Series since" in page_text


def test_rows_show_state_before_and_after(run):
    owner = user(run, 0).user
    FilterRow.objects.create(
        pk=run.pk, owner_id=owner.pk, table="appointment", query_type=256, state=1, status=2, read_at=timezone.now()
    )

    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page(run, "?part=change")))

    assert "1 of 2 on becomes Off" in words
    assert words.count(" On becomes Off") == 3


def test_release_keeps_tab_and_typed_options(run):
    view = "part=held&group=later"

    page_text = press(run, "release", item=user(run, 2).pk, view=view, reason="Riva", pilot="2", change_number="C-7")

    assert plans(run).keys() == {"1", "3", "4"}
    run.refresh_from_db()
    assert (run.reason, run.pilot, run.change_number, run.state) == ("Riva", 2, "C-7", RunState.PLANNED)
    assert "Released 1 user. They change when the run starts." in page_text
    assert shown_users(page_text) == ["User 3"]
    assert 'value="Riva"' in page_text


def test_invalid_option_keeps_the_other_options(run):
    page_text = press(run, "start", reason="Typed", pilot="many")

    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.PLANNED, "Typed")
    assert "Users in the pilot: enter a whole number" in page_text
    press(run, "start", reason="Typed", pilot="1")
    run.refresh_from_db()
    assert run.state == RunState.RUNNING


def test_releasing_a_group_asks_for_confirmation(run):
    asks = Screen(browser(fred()).get(f"/filters/runs/{run.pk}/?part=held&group=later&release=ask"))
    assert "Release all 2 users of this group?" in asks.words
    assert (
        "3 future meetings that they organize may be removed from Outlook, and 11 attendees may receive cancellations"
        in asks.words
    )
    assert set(plans(run)) == {"1", "2", "3", "4"}

    page_text = press(run, "release_group", group=asks.input("group"), seen=asks.input("seen"), view="part=held")

    assert set(plans(run)) == {"1", "4"}
    assert "Released 2 users." in page_text
    assert "2 of them were released although they organize 3 future meetings with 11 attendees." in page_text
    assert "Fred released 2 users (more than 14 days away): 3 meetings with 11 attendees." in page_text


def test_group_is_not_released_without_confirmation(run):
    page_text = press(run, "release_group", group="later")

    assert "has changed since you opened it" in page_text
    assert set(plans(run)) == {"1", "2", "3", "4"}


def test_uncounted_group_offers_no_release(run):
    assert 'id="release-group"' in page(run, "?part=held&group=later")

    page_text = page(run, "?part=held&group=uncounted&release=ask")

    assert "released one by one" in page_text
    assert 'id="release-group"' not in page_text
    assert 'value="release_group"' not in page_text


def test_users_left_out_can_be_included_again(run):
    FilterUser.objects.filter(name__in=["User 1", "User 5"]).update(method=1)
    assert "Leave out these 2" in page(run)

    page_text = press(run, "leave_server")

    assert "Left out 2 users." in page_text
    assert "synchronize server-side" not in page_text
    assert "Fred left 2 users out (Server-side)." in page_text
    assert shown_users(page(run, "?part=left_out")) == ["User 1", "User 5"]
    assert "Switch off appointments for 3 users" in page_text
    assert "Included 1 user again." in press(run, "take_back", item=user(run, 1).pk)
    assert "Included 1 user again." in press(run, "take_all_back")
    assert set(plans(run)) == {"1", "2", "3", "4"}


def test_result_lists_users_left_out(run):
    list_changes.leave_out_users(run, [user(run, 5).pk], by=fred())
    press(run, "start")
    run.items.unfinished().update(outcome=Outcome.DONE, state="done", finished_at=timezone.now())
    transitions.update_state(run)

    page_text = page(run, "?part=left_out")

    assert "Left out of the run before it started" in page_text
    assert "User 5" in page_text
    assert "Retry 1<" in page_text


def test_buttons_without_ticks_change_nothing(run):
    for do in ("release", "leave_out", "hold_back", "take_back"):
        assert "Select at least one user" in press(run, do), do
    assert not AuditEntry.objects.filter(action__startswith="run.").exclude(action="run.frozen").exists()


def test_start_with_unused_ticks_is_refused(run):
    assert "You selected users without choosing" in press(run, "start", item=user(run, 1).pk)
    run.refresh_from_db()
    assert run.state == RunState.PLANNED


def test_enter_in_an_input_starts_no_run(run):
    screen = Screen(browser(fred()).get(f"/filters/runs/{run.pk}/"))
    buttons = [found for tag, found in screen.tags if tag == "button" and "do" in found.get("name", "")]

    press(run, buttons[0]["value"], reason="Typed")

    run.refresh_from_db()
    assert (run.state, run.reason, len(plans(run))) == (RunState.PLANNED, "Typed", 4)


@pytest.mark.parametrize(("limit", "is_required"), [(100, False), (2, True)])
def test_reason_is_required_above_the_limit(run, settings, limit, is_required):
    settings.SECOND_PERSON_ABOVE = limit
    FilterRun.objects.update(reason="")

    page_text = page(run)

    assert ("Reason, for the record (optional)" in page_text) is not is_required
    assert bool(re.search(r'<input class="input" id="reason"[^>]* required>', page_text)) is is_required
    assert ("Give a reason" in press(run, "start")) is is_required


def test_search_finds_user_in_tab(run):
    FilterUser.objects.filter(name="User 2").update(search_words=" user 2 moreau")

    assert shown_users(page(run, "?part=held&q=mor")) == ["User 2"]
    assert "No user in this part has a name, address or login like “zz”." in page(run, "?part=held&q=zz")


def test_only_creator_sees_the_buttons(run):
    frida = make_person("Frida", *fred().roles)

    for person in (frida, ada()):
        screen = Screen(browser(person).get(f"/filters/runs/{run.pk}/"))
        assert "Only Fred can start this run or change its list." in screen.words
        assert {name for name in screen.buttons if name.startswith("do=")} <= {"do=cancel"}
    assert Screen(browser(fred()).get(f"/filters/runs/{run.pk}/")).offers("do=release")


def test_counting_run_shows_users_left_to_count(run):
    FilterRun.objects.update(state=RunState.COUNTING)
    run.items.filter(plan="change").update(needs_count=True)

    page_text = page(run, "?part=held&group=later")

    assert "are being counted: 4 users left" in page_text
    assert 'value="start"' not in page_text
    assert "?part=held&amp;group=later" in re.search(r'id="run"[^>]*hx-get="([^"]*)"', page_text)[1]


def test_selection_is_named_in_run_and_record(run):
    FilterRun.objects.update(words="All users shown (Team: Sales North)")

    for path in ("", "paper"):
        page_text = text(browser(fred()).get(f"/filters/runs/{run.pk}/{path}"))
        assert "<bdi>All users shown (Team: Sales North)</bdi>: 8 users" in page_text


def test_record_lists_meetings_in_order(run):
    press(run, "start")

    page_text = text(browser(fred()).get(f"/filters/runs/{run.pk}/paper"))

    assert page_text.index("Meeting in 30 days") < page_text.index("Meeting in 31 days")
    assert page_text.index("User 1") < page_text.index("User 2") < page_text.index("User 3")


def test_method_run_groups_users_by_reason(db):
    run = planned_run(creation.RunSpec(method=2, reason="Riva"))
    run.items.update(plan="held", outcome="", state="ready", why=HeldGroup.ONLY_PATH.label, mailbox_id=run.pk)

    page_text = page(run, "?part=held&group=only_path")

    assert "Release the 8…" in page_text
    assert shown_users(page_text)[0] == "User 0"
    digest = held_groups.digest(held_groups.members(run, HeldGroup.ONLY_PATH))
    assert "Released 8 users." in press(run, "release_group", group="only_path", seen=digest)


def test_preview_has_constant_queries(run, django_assert_num_queries):
    client = browser(fred())
    with CaptureQueriesContext(connection) as few:
        client.get(f"/filters/runs/{run.pk}/")
    for number in (0, 5, 6):
        hold(user(run, number), number + 1, 40, 50)

    with django_assert_num_queries(len(few)):
        client.get(f"/filters/runs/{run.pk}/")

    assert MeetingAtRisk.objects.count() == 13
