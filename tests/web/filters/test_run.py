"""The page of a run in every state, its buttons and its files."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from syncapp import audit
from syncapp.models import AuditEntry, FilterRow, FilterRun, FilterUser, Message
from syncapp.models.sync_filters.run import NEVER, Outcome, RunState
from syncapp.sync_filters.runs import creation, progress, transitions
from syncapp.web.filters import run_words
from tests.support.people import ada, browser, fred, make_person
from tests.support.screen import Screen
from tests.web.filters.test_plan import people, text

__all__ = ["people"]
OFF = creation.RunSpec(("contact",), on=False, reason="Riva", change_number="CHG-7")


def filters_for(people: list[FilterUser]) -> None:
    """Create one active contact filter for each user."""
    now = timezone.now()
    FilterUser.objects.update(filters_read_at=now)
    columns = {"name": "=My contacts", "table": "contact", "query_type": 256, "state": 0, "status": 1, "read_at": now}
    rows = [FilterRow(pk=uuid.uuid5(user.pk, "contacts"), owner_id=user.pk, **columns) for user in people]
    FilterRow.objects.bulk_create(rows)


@pytest.fixture
def run(people) -> FilterRun:
    """Provide a run of five users whose contacts go off, not started."""
    filters_for(people)
    return creation.create_run([user.pk for user in people], OFF, by=fred())


def finish_items(run: FilterRun, outcome: Outcome, *, users: int = 1, ago: float = 1) -> None:
    """Finish the items as workers do."""
    ids = list(run.items.filter(outcome="").order_by("position").values_list("pk", flat=True)[:users])
    at = timezone.now() - timedelta(seconds=ago)
    run.items.filter(pk__in=ids).update(outcome=outcome, state="done", finished_at=at, why="Reason" if outcome else "")


def page(run: FilterRun, query: str = "", person=None) -> str:
    return text(browser(person or fred()).get(f"/filters/runs/{run.pk}/{query}"))


def steer(run: FilterRun, **sent: str) -> None:
    browser(fred()).post(f"/filters/runs/{run.pk}/steer", sent)
    run.refresh_from_db()


def test_progress_shows_speed_and_failures(run):
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DONE, users=3, ago=6)
    finish_items(run, Outcome.FAILED, ago=1)

    page_text = page(run)

    for words in (
        "Running: 4 of 5",
        "users in the last minute",
        "25% of 4 attempted; pauses above 5%",
        "History",
        "Cancel for 1 remaining user </button>",
    ):
        assert words in page_text
    found = progress.throughput(run)
    assert (found.per_minute, found.left, found.ends) == (4, 1, None)


def test_expected_end_is_a_range(run):
    now = timezone.now()
    FilterUser.objects.bulk_create(
        FilterUser(pk=f"00000000-0000-0000-0001-{n:012}", name=str(n), read_at=now) for n in range(20)
    )
    more = [
        run.items.model(run=run, position=10 + n, user=user, plan="change", outcome="done", state="done", due_at=NEVER,
                        finished_at=now - timedelta(seconds=20 - n))
        for n, user in enumerate(FilterUser.objects.filter(pk__gte="00000000-0000-0000-0001-000000000000"))
    ]  # fmt: skip
    run.items.model.objects.bulk_create(more)

    found = progress.throughput(run, now=now)

    assert (found.per_minute, found.left) == (20, 5)
    early, late = ((each - now).total_seconds() for each in found.ends)
    assert (round(early, 1), round(late, 1)) == (4.0, 6.7)


def test_scheduled_run_can_be_rescheduled(run):
    later = timezone.now() + timedelta(days=2)
    FilterRun.objects.filter(pk=run.pk).update(starts_at=later)
    run.refresh_from_db()
    transitions.start(run, by=fred())
    assert "The run starts" in page(run)
    assert not run.items.all().due().exists()

    steer(run, do="move", starts="2099-01-01T06:00")
    assert set(run.items.values_list("due_at", flat=True)) == {run.starts_at}
    steer(run, do="now")

    assert run.items.all().due().count() == 5
    assert AuditEntry.objects.filter(action="run.moved").count() == 2


def test_finished_pilot_offers_rest_and_sends_mail(run):
    FilterRun.objects.filter(pk=run.pk).update(pilot=1)
    run.refresh_from_db()
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DONE)
    transitions.update_state(run)

    page_text = page(run)

    assert "The pilot is done" in page_text
    assert "Continue with the rest" in page_text
    assert Message.objects.get().details["news"] == "paused"


def test_failed_users_are_retried_in_new_run(run):
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DONE, users=3)
    finish_items(run, Outcome.FAILED, users=2)
    transitions.update_state(run)
    assert "Retry 2" in page(run)
    assert "A retry helps" not in page(run)

    steer(run, do="retry", outcome="failed")

    again = FilterRun.objects.get(retries=run)
    assert (again.items.count(), again.words, again.tables) == (2, f"Failed in run {run.number}", ["contact"])
    assert f'retries users of <a href="/filters/runs/{run.pk}/">run {run.number}</a>' in page(again)


def test_start_button_names_number_of_users(run):
    assert run_words.start_button(run, 1_200, asks=False) == "Switch off contact filters for 1,200 users"
    assert run_words.start_button(run, 1, asks=False) == "Switch off contact filters for 1 user"
    assert run_words.start_button(run, 300, asks=True) == "Ask for confirmation for 300 users"
    assert "Switch off contact filters for 5 users" in page(run)


@pytest.mark.parametrize(("method", "is_said"), [(1, True), (0, False), (2, False)])
def test_deletion_warning_needs_server_side_user(run, method, is_said):
    FilterRun.objects.filter(pk=run.pk).update(tables=["appointment"], keeps_deletes_apart=False)
    FilterUser.objects.filter(pk=run.items.last().user_id).update(method=method)

    assert ("deletes items that no filter selects" in page(run)) is is_said


@pytest.mark.parametrize(("tables", "is_said"), [(["appointment"], True), (["contact"], False)])
def test_preview_warns_about_add_in_users(run, tables, is_said):
    FilterRun.objects.filter(pk=run.pk).update(tables=tables, keeps_deletes_apart=True)
    FilterUser.objects.filter(pk=run.items.last().user_id).update(method=0)

    page_text = page(run)

    assert ("1 of these users synchronizes with the Outlook add-in." in page_text) is is_said
    assert ("Reports differ" in page_text) is is_said
    assert page(run, "?part=add_in").count('role="rowheader"') == 1


def test_retry_names_its_precondition(run):
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DISABLED, users=5)
    transitions.update_state(run)

    assert "A retry helps once the user is enabled." in page(run)


def test_undo_shows_no_failure_limit(run):
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DONE, users=5)
    FilterRun.objects.filter(pk=run.pk).update(undoes=run.pk, stop_above_percent=100)

    page_text = page(run)

    assert "0% of 5 attempted" in page_text
    assert "pauses above" not in page_text


def test_csv_lists_all_users_and_escapes_formulas(run):
    transitions.start(run, by=fred())
    finish_items(run, Outcome.FAILED)

    answer = browser(fred()).get(f"/filters/runs/{run.pk}/export.csv")

    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) == 6
    assert '"\'=My contacts: on → off"' in lines[1]
    assert '"Failed","Reason"' in lines[1]


def test_only_later_reads_verify_users(people):
    filters_for(people)
    FilterRow.objects.filter(owner_id__in=[people[0].pk, people[1].pk, people[2].pk]).update(state=1, status=2)
    run = creation.create_run([user.pk for user in people[:4]], OFF, by=fred())
    run.items.filter(user=people[3]).update(outcome=Outcome.DONE, state="done")
    FilterRun.objects.filter(pk=run.pk).update(state=RunState.DONE, finished_at=timezone.now())
    soon = timezone.now() + timedelta(seconds=1)
    FilterUser.objects.filter(pk__in=[people[0].pk, people[2].pk, people[3].pk]).update(filters_read_at=soon)
    FilterRow.objects.filter(owner_id=people[2].pk).update(state=0)

    listed = browser(fred()).get(f"/filters/runs/{run.pk}/verified.txt").content.decode()

    assert listed == "anna1@brandvik.example\r\n"
    assert "1 more was off before and was not read since" in page(run)


def test_one_page_record_shows_people_and_outcomes(run):
    FilterRun.objects.filter(pk=run.pk).update(confirmed_by=ada())
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DONE, users=4)
    finish_items(run, Outcome.DENIED)

    page_text = text(browser(fred()).get(f"/filters/runs/{run.pk}/paper"))

    for words in ("Riva", "CHG-7", "Ada", "Contact off for 5 users", "Denied: 1", "Kim Moe</bdi>: Reason", "Undo"):
        assert words in page_text


def test_discarded_run_is_not_called_canceled(run):
    steer(run, do="cancel")

    paper = Screen(browser(fred()).get(f"/filters/runs/{run.pk}/paper")).words

    for words in (", discarded", "Discarded: 5", "The run was discarded before it started", "Fred discarded the run."):
        assert words in paper
    assert "Second person none; the run was not started" in paper
    assert "ancel" not in paper
    assert "Discarded: 0 of 5" in page(run)


def test_paper_says_that_no_second_person_was_required(run):
    transitions.start(run, by=fred())
    steer(run, do="cancel")

    paper = Screen(browser(fred()).get(f"/filters/runs/{run.pk}/paper")).words

    for words in (
        ", canceled",
        "Canceled: ",
        "Fred canceled the run for the remaining users.",
        "Second person not required",
    ):
        assert words in paper


def test_only_creator_changes_start_options(run):
    browser(make_person("Frida", *fred().roles)).post(
        f"/filters/runs/{run.pk}/steer", {"do": "start", "reason": "Mine"}
    )

    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.PLANNED, "Riva")


def test_method_run_shows_consequence_and_previous_methods(people):
    FilterUser.objects.update(mailbox_id=people[0].pk, method=1, paths="twice", filters_read_at=timezone.now())
    run = creation.create_run([user.pk for user in people], creation.RunSpec(method=2), by=fred())
    run.items.filter(position=0).update(outcome=Outcome.NO_MAILBOX, state="done")

    page_text = page(run)

    assert "Synchronization method None for 5 users" in page_text
    assert "Appointments, contacts and tasks all stop synchronizing" in page_text
    assert "Set the synchronization method to None for 4 users" in page_text
    lines = b"".join(browser(fred()).get(f"/filters/runs/{run.pk}/export.csv").streaming_content).decode()
    assert "Server-side → None" in lines


def test_list_of_runs_has_constant_queries(run, django_assert_max_num_queries):
    for _ in range(3):
        creation.create_run([item.user_id for item in run.items.all()], OFF, by=fred())
    client = browser(fred())

    with django_assert_max_num_queries(12):
        page_text = text(client.get("/filters/runs/"))

    assert page_text.count("Contact off for 5 users") == 4


def test_activity_names_user_run_and_pause(run):
    transitions.start(run, by=fred())
    user = run.items.first().user
    details = {"user": str(user.pk), "outcome": "done", "filters": ["1", "2"]}
    audit.record("filter.switched", by=None, channel="run", group=run.pk, details=details)
    transitions.pause(run, by=None, because="failures")

    words = Screen(browser(ada()).get("/activity/?area=filter&lines=1")).words

    assert f"Switched off Anna Berg Contact off, 2 filters · done · run {run.number}" in words
    assert f"Run paused Run {run.number} Contact off · too many users failed" in words


def test_migration_counts_users_of_old_runs(run):
    FilterRun.objects.update(users=0)

    import_module("syncapp.migrations.0025_true_run_sizes").count(apps, None)

    assert "for 5 users" in page(run)


def test_run_without_changes_offers_no_start(run):
    FilterRow.objects.update(state=1, status=2)
    without_changes = creation.create_run([item.user_id for item in run.items.all()], OFF, by=fred())

    assert "Nothing to start" in page(without_changes)
    assert 'value="start"' not in page(without_changes)
    assert 'value="start"' in page(run)


def test_canceled_run_counts_finished_users(run):
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DONE, users=2)
    steer(run, do="cancel")

    words = page(run)

    assert "Canceled: 2 of 5" in words
    assert re.search(r"Not started</span><b>3</b>", words)
    assert re.search(r'<progress max="5" value="2"', words)


def test_pause_names_the_person_who_paused(run):
    transitions.start(run, by=fred())
    transitions.pause(run, by=make_person("Frida", *fred().roles))

    words = page(run)

    assert "Paused by Frida. Users already in progress were finished; no new ones start." in words
    assert "Somebody" not in words


def test_ended_run_shows_creation_time(run):
    assert re.search(r"created <time[^>]*>(just now|\d+ s ago)", page(run))
    transitions.start(run, by=fred())
    steer(run, do="cancel")

    words = page(run)

    assert re.search(r"created at \d\d:\d\d UTC by", words)
    assert not re.search(r"created <time", words)


def test_matrix_counts_users_exactly(people):
    now = timezone.now()
    FilterUser.objects.bulk_create(
        FilterUser(pk=uuid.uuid4(), name=f"User {number:04}", read_at=now) for number in range(1, 1101)
    )

    assert f"50 of 1,1{len(people):02} users" in text(browser(fred()).get("/filters/"))
