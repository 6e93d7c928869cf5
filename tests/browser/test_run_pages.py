"""A run in a browser, from its form to its report: accessible in every look, also without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import assert_no_violations_in_any_look
from tests.browser.conftest import Demo
from tests.support.servers import wait_until

pytestmark = pytest.mark.browser


def signed_in(page: Page, demo: Demo, name: str) -> Page:
    page.goto(f"{demo.portal}/sign-in/start")
    page.get_by_role("button", name=re.compile(f"^{name}")).click()
    expect(page.get_by_role("link", name="Filters", exact=True)).to_be_visible()
    return page


def can_plan(page: Page, demo: Demo) -> bool:
    """Return whether a run can be planned, because every user was read."""
    page.goto(f"{demo.portal}/filters/plan")
    return "are still being read" not in page.locator("main").inner_text()


@pytest.fixture
def fred(page: Page, demo: Demo) -> Page:
    signed_in(page, demo, "Fred")
    wait_until(lambda: can_plan(page, demo), seconds=60, what="all users are read")
    return page


@pytest.fixture
def forgiving(chromium: Browser, demo: Demo) -> Iterator[Page]:
    """Return Fred's tab; it ignores console errors, because the browser logs one for a refused form."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    yield signed_in(context.new_page(), demo, "Fred")
    context.close()


@pytest.fixture
def plain(chromium: Browser, demo: Demo) -> Iterator[Page]:
    """Return Fred's tab without scripts."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    yield signed_in(context.new_page(), demo, "Fred")
    context.close()


@pytest.fixture
def ada(chromium: Browser, demo: Demo) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    yield signed_in(context.new_page(), demo, "Ada")
    context.close()


def has_ended(page: Page) -> bool:
    page.wait_for_timeout(500)
    return page.get_by_role("heading", name=re.compile("^Done: ")).is_visible()


def assert_accessible_and_fits(page: Page, *, sees: str) -> None:
    assert_no_violations_in_any_look(page, sees=sees)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.set_viewport_size({"width": 1440, "height": 900})


def release_everyone(fred: Page) -> None:
    """Select all users who are held back and release them; a reason typed before is kept."""
    fred.get_by_label("Reason, for the record").fill("Riva")
    fred.get_by_role("link", name="Will change").last.click()
    expect(fred).to_have_url(re.compile("part=change"))
    fred.get_by_role("link", name=re.compile("^Held back")).last.click()
    expect(fred.get_by_role("button", name="Release selected users")).to_be_visible()
    assert fred.get_by_label("Reason, for the record").input_value() == "Riva"
    group = fred.locator("[id^=group-]").first
    group.click()
    expect(fred.get_by_text("Shown below")).to_be_visible()
    assert_accessible_and_fits(fred, sees="Shown below")
    fred.get_by_role("link", name=re.compile("^Release the .*…$")).click()
    expect(fred.get_by_text("Read the list below first")).to_be_visible()
    assert_accessible_and_fits(fred, sees="Read the list below first")
    fred.get_by_role("button", name=re.compile("^Release these")).click()
    for box in fred.locator("input[name=item]").all():
        box.check()
    fred.get_by_role("button", name="Release selected users").click()
    expect(fred.get_by_text("They change when the run starts")).to_be_visible()


def test_run_is_planned_confirmed_executed_and_reported(fred: Page, ada: Page, demo: Demo):
    fred.get_by_label("Team", exact=True).select_option(label="Management")
    fred.get_by_role("radio", name="Filters off").check()
    fred.get_by_role("button", name="Preview").click()
    expect(fred.get_by_text("Nothing has been changed yet")).to_be_visible()
    expect(fred.get_by_text("of them released, a second person has to confirm")).to_be_visible(timeout=30_000)
    release_everyone(fred)
    assert_accessible_and_fits(fred, sees="with the Outlook add-in")
    fred.get_by_role("button", name="Ask for confirmation").click()
    expect(fred.get_by_text("Asked: Ada Brennan")).to_be_visible()

    ada.goto(fred.url)
    assert_accessible_and_fits(ada, sees="Confirm and start")
    ada.get_by_role("button", name="Confirm and start").click()
    fred.reload()
    wait_until(lambda: has_ended(fred), seconds=60, what="the page shows the end without a reload")

    assert_accessible_and_fits(fred, sees="Verified off")
    fred.get_by_role("link", name="One-page record").click()
    assert_accessible_and_fits(fred, sees="Second person")


def test_mailbox_method_run_can_start_later(forgiving: Page, demo: Demo):
    fred = forgiving
    wait_until(lambda: can_plan(fred, demo), seconds=60, what="all users are read")
    fred.get_by_label("Addresses, logins or full names").fill("nobody@else.example\nfrida")
    expect(fred.get_by_role("radio", name="Pasted or uploaded names")).to_be_checked()
    fred.get_by_role("radio", name="Method None").check()
    fred.get_by_role("button", name="Preview").click()
    assert_accessible_and_fits(fred, sees="No entry is the address")
    fred.get_by_label("Team", exact=True).select_option(label="Exchange pilot group")
    fred.get_by_label("Start later").fill("2099-01-10T06:00")
    fred.get_by_role("button", name="Preview").click()
    assert_accessible_and_fits(fred, sees="all stop synchronizing")
    fred.get_by_role("button", name="Set the synchronization method").click()

    assert_accessible_and_fits(fred, sees="Move the start")


def test_run_is_planned_and_discarded_without_scripts(plain: Page, demo: Demo):
    wait_until(lambda: can_plan(plain, demo), seconds=60, what="all users are read")
    plain.get_by_role("radio", name="A business unit").check()
    plain.get_by_label("Business unit", exact=True).select_option(index=2)
    plain.get_by_role("radio", name="Filters on").check()
    plain.get_by_label("Tables", exact=True).select_option(label="Tasks")
    plain.get_by_role("button", name="Preview").click()

    expect(plain.get_by_text("Nothing has been changed yet")).to_be_visible()
    plain.get_by_role("button", name="Discard").click()
    expect(plain.get_by_text("Discarded:")).to_be_visible()
