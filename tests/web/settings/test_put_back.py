"""The pages that put back what capture restored."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from syncapp.capture.put_back import transitions
from syncapp.models import Connection, PutBackItem, PutBackPlan, PutBackPreparation, Restore, SyncField
from syncapp.models.capture.put_back import PutBackResult, PutBackState
from syncapp.models.jobs.job import JobState
from syncapp.web.base import local_time
from syncapp.web.settings import put_back_presenter
from tests.support import scenes
from tests.support.factories import make_captured
from tests.support.people import ada, browser, rita
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db
URL = "/settings/capture/put-back/"


@pytest.fixture(autouse=True)
def writable() -> None:
    scenes.store_columns()
    Connection.objects.update_or_create(slot=1, defaults={"review_writes": True, "organization_id": uuid.uuid4()})


def page(address: str = URL) -> Screen:
    return Screen(browser(ada()).get(address))


def typed(**changes: str) -> dict[str, str]:
    """Return the form as it opens, with these values typed."""
    now = timezone.now()
    times = {"begins_at": now - timedelta(hours=1), "ends_at": now + timedelta(minutes=1)}
    return {name: local_time.input_value(when) for name, when in times.items()} | changes


def create(**changes: str) -> Screen:
    return Screen(browser(ada()).post(f"{URL}plan", typed(**changes), follow=True))


def press(plan: PutBackPlan, action: str) -> Screen:
    return Screen(browser(ada()).post(f"{URL}{plan.pk}/step", {"do": action}, follow=True))


def make_plan(*, state: str = PutBackState.PLANNED, **item: object) -> PutBackPlan:
    """Return a plan of one field whose live values are read."""
    field, restore = make_captured()
    now = timezone.now()
    times = {"begins_at": now - timedelta(days=1), "ends_at": now}
    started = {"started_at": now, "started_by": ada()} if state not in (PutBackState.PLANNED, "preparing") else {}
    plan = PutBackPlan.objects.create(state=state, created_by=ada(), **times, **started)
    columns = {"contact_id": restore.contact_id, "column_name": "jobtitle", "live_value": "Buyer", "live_read_at": now}
    PutBackItem.objects.create(plan=plan, position=0, restore=restore, field=field, **columns | item)
    return plan


def test_form_opens_with_last_day() -> None:
    screen = page()

    assert "No plans yet" in screen.words
    begins, ends = (datetime.fromisoformat(screen.form[name][0]) for name in ("begins_at", "ends_at"))
    assert ends - begins == timedelta(days=1)


def test_form_creates_a_plan() -> None:
    make_captured()

    screen = create(column="jobtitle")

    plan = PutBackPlan.objects.get()
    assert (plan.state, plan.column_name, plan.created_by) == (PutBackState.PREPARING, "jobtitle", ada())
    assert "Planned. Nothing has been changed yet." in screen.words
    assert "Reading the CRM: 0 of 1" in screen.words


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"begins_at": ""}, "Enter a date and a time."),
        ({"ends_at": "tomorrow"}, "Enter a date and a time."),
        ({"begins_at": "2026-11-20T10:00", "ends_at": "2026-11-20T09:00"}, "The end must be after the beginning."),
        ({"begins_at": "2026-01-20T10:00", "ends_at": "2026-01-20T11:00"}, "Nothing was restored in this period."),
        ({"source": "nobody"}, "Select a valid choice"),
    ],
)
def test_invalid_input_is_kept_and_explained(changes: dict[str, str], message: str) -> None:
    make_captured()

    screen = create(**changes)

    assert (screen.status, PutBackPlan.objects.count()) == (422, 0)
    assert message in screen.words
    if "begins_at" in changes:
        assert screen.form["begins_at"] == [changes["begins_at"]]


def test_preview_shows_both_values_and_the_consequences() -> None:
    plan = make_plan()

    words = page(f"{URL}{plan.pk}/").words

    assert "1 field would be put back" in words
    assert "Job Title" in words
    assert "Head of Procurement" in words
    assert "approving then keeps the value, rejecting writes the original again" in words
    assert "Put back 1 field" in words


def test_read_only_connection_cannot_start_a_plan() -> None:
    plan = make_plan()
    Connection.objects.update(review_writes=False)

    screen = page(f"{URL}{plan.pk}/")

    assert "do=start" not in screen.buttons
    assert "This connection is read-only." in screen.words
    Connection.objects.update(review_writes=True)
    assert "do=start" in page(f"{URL}{plan.pk}/").buttons


def test_field_left_alone_shows_its_reason() -> None:
    plan = make_plan(result=PutBackResult.LEFT, why="changed", live_value="Director")

    words = page(f"{URL}{plan.pk}/").words

    assert "The value was changed in the CRM after it was restored. CRM now: Director" in words
    assert "Every field is left alone; see the reason for each." in words
    assert "Put back 0" not in words


def test_start_runs_the_plan() -> None:
    plan = make_plan()

    screen = press(plan, "start")

    plan.refresh_from_db()
    assert (plan.state, plan.started_by) == (PutBackState.RUNNING, ada())
    assert "Putting back: 0 of 1" in screen.words
    assert "do=stop" in screen.buttons


def test_failed_field_can_be_retried() -> None:
    plan = make_plan(state=PutBackState.DONE, result=PutBackResult.FAILED, trouble="The CRM refused it: <b>no</b>")
    PutBackPlan.objects.update(finished_at=timezone.now())

    screen = page(f"{URL}{plan.pk}/")
    assert "The CRM refused it: <b>no</b>" in screen.words
    assert "Retry 1 field" in screen.words
    press(plan, "retry")

    plan.refresh_from_db()
    assert plan.state == PutBackState.RUNNING
    assert PutBackItem.objects.get().result == PutBackResult.OPEN


@pytest.mark.parametrize(("action", "state"), [("discard", "discarded"), ("start", "running")])
def test_repeated_step_is_refused(action: str, state: str) -> None:
    plan = make_plan()
    press(plan, action)

    screen = press(plan, action)

    plan.refresh_from_db()
    assert plan.state == state
    assert "The plan has changed. Reload the page." in screen.words


def test_running_plan_can_be_stopped() -> None:
    plan = make_plan()
    transitions.start(plan.pk, by=ada())

    assert "Stopping: 0 of 1" in press(plan, "stop").words


def test_failed_preparation_can_be_tried_again() -> None:
    plan = make_plan(state=PutBackState.PREPARING)
    PutBackPreparation.objects.create(plan=plan, due_at=timezone.now(), state=JobState.FAILED)
    assert "The preview could not be made." in page(f"{URL}{plan.pk}/").words

    press(plan, "again")

    assert PutBackPreparation.objects.get().state == JobState.READY
    assert "The preparation has not failed" in press(plan, "again").words


def test_list_can_be_filtered_and_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_back_presenter, "PAGE_SIZE", 1)
    plan = make_plan()
    field, restore = make_captured("telephone1")
    PutBackItem.objects.create(
        plan=plan,
        position=1,
        restore=restore,
        field=field,
        contact_id=restore.contact_id,
        column_name="telephone1",
        result=PutBackResult.LEFT,
        why="approved",
    )

    first, second = page(f"{URL}{plan.pk}/").words, page(f"{URL}{plan.pk}/?after=0").words
    assert ("Job Title" in first, "Business Phone" in first) == (True, False)
    assert ("Job Title" in second, "Business Phone" in second) == (False, True)
    assert "Business Phone" in page(f"{URL}{plan.pk}/?part=left").words
    assert "No fields in this part." in page(f"{URL}{plan.pk}/?part=failed").words


def test_htmx_gets_only_the_partial() -> None:
    plan = make_plan()

    part = browser(ada()).get(f"{URL}{plan.pk}/", headers={"HX-Request": "true"}).content.decode()

    assert part.lstrip().startswith("<div")
    assert 'id="put-back"' in part


def test_hidden_characters_of_names_are_shown() -> None:
    plan = make_plan()
    SyncField.objects.get().record.__class__.objects.update(name="Mar\u202eta")

    assert "\u202e" not in page(f"{URL}{plan.pk}/").html


def test_plans_are_listed_with_their_results() -> None:
    make_plan(state=PutBackState.DONE, result=PutBackResult.DONE)

    assert "by Ada Done 1 0 0" in page().words


def test_record_page_says_value_was_put_back() -> None:
    field, _ = make_captured()
    Restore.objects.update(result="put_back")
    field.record.__class__.objects.update(is_restored=False)
    SyncField.objects.update(crm_now_value=field.proposed_value, crm_now_read_at=timezone.now())

    words = Screen(browser(rita()).get(f"/review/{field.record_id}/")).words

    assert "Put back" in words
    assert "rejecting writes the original" in words


def test_unknown_step_is_not_found() -> None:
    plan = make_plan()

    assert browser(ada()).post(f"{URL}{plan.pk}/step", {"do": "dance"}).status_code == 404
