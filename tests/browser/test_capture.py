"""Capture pages in a browser, served by this process from its own rows: accessible, and stable while they refresh."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from syncapp.capture.put_back.assessment import LeaveReason
from syncapp.models import Capture, CaptureSource, FilterTeam, MirrorCursor, PutBackItem, PutBackPlan, Restore
from syncapp.models.capture.entry import Source
from syncapp.models.capture.put_back import PutBackResult, PutBackState
from syncapp.models.capture.settings import CaptureMode
from tests.browser.axe import assert_no_violations_in_any_look
from tests.capture.changes import by_program, change, program, restored
from tests.capture.switches import now, observe
from tests.support.factories import make_record, store_columns
from tests.support.people import ada, browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def portal(live_server: LiveServer, window: BrowserContext, settings: Settings) -> str:
    """Return the address of a portal that restores what Outlook changes, with Ada signed in."""
    settings.CAPTURE = "audit"
    store_columns()
    observe()
    MirrorCursor.objects.create(table="capture", pulled_at=now())
    CaptureSource.objects.create(source=Source.OUTLOOK, is_on=True, since=now(days=1))
    Capture.objects.update(mode=CaptureMode.RESTORING, mode_since=now(days=1))
    entry = restored(old="Senior Buyer", new="Head of Procurement")
    make_record(target_id=entry.contact_id, operation_id=str(entry.pk))
    restored("fax", live=None, old=None, new="+47 22 33 44 55")
    by_program(program(), old="15000", new="20000")
    cookie = browser(ada()).cookies[settings.SESSION_COOKIE_NAME]
    window.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie.value, "url": live_server.url}])
    return str(live_server.url)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.parametrize(
    ("path", "sees"),
    [
        ("", "1 source is on"),
        ("outlook/changes/", "Changes by Outlook synchronization"),
        ("program/on", "Not possible yet."),
    ],
)
def test_capture_pages_are_accessible_and_fit(portal: str, page: Page, path: str, sees: str) -> None:
    FilterTeam.objects.create(id=uuid.uuid4(), name="Sales")

    page.goto(f"{portal}/settings/capture/{path}")

    assert_no_violations_in_any_look(page, sees=sees)
    assert fits(page)


@pytest.fixture
def planned() -> str:
    """Return the path of a plan with a value to put back, one that is left alone, and one that failed."""
    since = now(hours=1)
    plan = PutBackPlan.objects.create(
        begins_at=since, ends_at=now(), state=PutBackState.DONE, created_by=ada(), started_by=ada(), started_at=since
    )
    results = [(PutBackResult.DONE, ""), (PutBackResult.LEFT, LeaveReason.APPROVED), (PutBackResult.FAILED, "")]
    for position, (result, why) in enumerate(results):
        restored(old="Senior Buyer", new="Head of Procurement")
        Restore.objects.filter(value_found=None).update(
            value_found="Head of Procurement", value_restored="Senior Buyer"
        )
        restore = Restore.objects.latest("pk")
        PutBackItem.objects.create(
            plan=plan,
            position=position,
            restore=restore,
            contact_id=restore.contact_id,
            column_name=restore.column_name,
            live_value="Senior Buyer",
            live_read_at=since,
            result=result,
            why=why,
            trouble="The CRM refused the value (400)." if result == PutBackResult.FAILED else "",
        )
    return f"{plan.pk}/"


def test_put_back_pages_are_accessible_and_fit(portal: str, page: Page, planned: str) -> None:
    for path, sees in (("", "Put back what was restored"), (planned, "The CRM refused the value")):
        page.goto(f"{portal}/settings/capture/put-back/{path}")

        assert_no_violations_in_any_look(page, sees=sees)
        assert fits(page)


def test_refresh_keeps_focus_and_what_was_typed(portal: str, page: Page) -> None:
    page.goto(f"{portal}/settings/capture/")
    page.get_by_text("Change limits…").click()
    page.get_by_label("Restores of one source").fill("77")
    page.locator("#off-outlook").focus()
    place = page.locator("#capture-sources").bounding_box()
    change("jobtitle")

    with page.expect_response(lambda answer: answer.url.endswith("/settings/capture/"), timeout=30_000):
        pass

    expect(page.locator("#capture-sources")).to_contain_text("1 only observed")
    expect(page.locator("#off-outlook")).to_be_focused()
    expect(page.get_by_label("Restores of one source")).to_have_value("77")
    assert (page.locator("#capture-sources").bounding_box() or {})["y"] == (place or {})["y"]
