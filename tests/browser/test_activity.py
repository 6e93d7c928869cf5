"""Activity, evidence and numbers in a browser: accessible, printable, and usable without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import assert_no_violations_in_any_look, looks
from tests.browser.conftest import Demo
from tests.browser.test_review import edit_in_outlook, open_edit, sign_in
from tests.support.servers import wait_until

pytestmark = pytest.mark.browser
PAGES = {
    "/activity/": "Signed in",
    "/activity/?what=field.lost.rejected": "No matching entries",  # only a restore can lose a decision
    "/activity/evidence/": "on one printable page",
    "/activity/evidence/?period=today": "Hash of all entries",
    "/numbers/": "Waiting now, by age",
}


@pytest.mark.parametrize("path", PAGES)
def test_activity_pages_are_accessible(page: Page, demo: Demo, path: str) -> None:
    sign_in(page, demo)

    page.goto(f"{demo.portal}{path}")

    assert_no_violations_in_any_look(page, sees=PAGES[path])


@pytest.mark.parametrize("path", PAGES)
def test_no_activity_page_scrolls_sideways(page: Page, demo: Demo, path: str) -> None:
    sign_in(page, demo)
    page.goto(f"{demo.portal}{path}")

    wider = [look for look in looks(page) if page.evaluate("document.documentElement.scrollWidth > innerWidth")]

    assert wider == []


@pytest.mark.parametrize("person", ["Rita", "Fred"])
def test_filters_fit_on_one_line(page: Page, demo: Demo, person: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{demo.portal}/activity/?person=portal&period=30d")
    page.get_by_role("button", name="Sign in with Microsoft").click()
    page.get_by_role("button", name=re.compile(f"^{person}")).click()

    expect(page.get_by_role("link", name="last 30 days, remove this filter")).to_be_visible()
    assert page.locator(".filterbar").evaluate("bar => bar.offsetHeight") < 60


@pytest.fixture
def plain(chromium: Browser) -> Iterator[Page]:
    """Return a tab without scripts."""
    window = chromium.new_context(java_script_enabled=False)
    yield window.new_page()
    window.close()


def test_decision_entry_links_to_its_edit(page: Page, plain: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(plain, demo, jobtitle="Head of Evidence")
    sign_in(plain, demo)
    open_edit(plain, demo, name, "Head of Evidence")
    plain.locator(".field", has_text="Job Title").get_by_role("button", name="Approve").first.click()
    sign_in(page, demo)

    page.goto(f"{demo.portal}/activity/?area=decision")
    row = page.locator(".act-table tr", has_text="Head of Evidence").first

    expect(row).to_contain_text("Approved")
    expect(row.locator("ins").first).to_be_visible()
    assert_no_violations_in_any_look(page, sees="Head of Evidence")
    row.get_by_role("link", name=name).click()
    expect(page.locator("#record-title")).to_contain_text(name)


def decide_together(page: Page, demo: Demo, name: str) -> None:
    """Approve the edit of this contact as a bulk decision, once it has arrived."""
    box = page.locator(".item", has_text=name).locator("input[name=record]")
    wait_until(lambda: bool(page.goto(f"{demo.portal}/review/?order=newest")) and box.count() > 0, what="the edit")
    box.first.check()
    page.get_by_role("button", name="Decide together…").click()
    page.get_by_role("button", name=re.compile("^Approve")).click()
    expect(page.get_by_text("approved").first).to_be_visible()


def test_bulk_decision_opens_in_place(page: Page, plain: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(plain, demo, jobtitle="Head of Together")
    sign_in(page, demo)
    decide_together(page, demo, name)
    page.goto(f"{demo.portal}/activity/?area=decision")
    row = page.locator(".act-table tr", has_text="Approved together").first
    toggle = row.get_by_role("link", name=re.compile("^Open the decision"))

    toggle.focus()
    page.keyboard.press("Enter")

    close = page.get_by_role("link", name=re.compile("^Close the decision"))
    expect(close).to_be_focused()
    expect(close).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("list", name="Newest first")).to_contain_text("Head of Together")
    assert_no_violations_in_any_look(page, sees="Head of Together")
    assert [look for look in looks(page) if page.evaluate("document.documentElement.scrollWidth > innerWidth")] == []
    page.reload()
    expect(page.get_by_text("Head of Together")).to_be_visible()
    close.click()
    expect(page.get_by_text("Head of Together")).to_have_count(0)


def test_bulk_decision_opens_without_scripts(plain: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(plain, demo, jobtitle="Head of Links")
    sign_in(plain, demo)
    decide_together(plain, demo, name)
    plain.goto(f"{demo.portal}/activity/")

    plain.get_by_role("link", name=re.compile("^Open the decision")).first.click()

    expect(plain.get_by_text("Head of Links")).to_be_visible()
    plain.get_by_role("link", name=re.compile("^Close the decision")).first.click()
    expect(plain.get_by_text("Head of Links")).to_have_count(0)


def test_filters_work_without_scripts(plain: Page, demo: Demo) -> None:
    sign_in(plain, demo)
    plain.goto(f"{demo.portal}/activity/")

    plain.locator(".filterbar summary").click()
    plain.get_by_label("Origin").select_option(label="browser")
    plain.get_by_role("button", name="Apply").last.click()

    expect(plain.get_by_role("link", name="from browser, remove this filter")).to_be_visible()
    # The first row may be the time zone and formats stored at the first sign-in.
    expect(plain.locator(".act-table tbody tr").filter(has_text="Signed in").first).to_be_visible()


def test_printed_evidence_has_no_controls(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    page.goto(f"{demo.portal}/activity/evidence/?period=today")
    expect(page.get_by_role("button", name="Print")).to_be_visible()

    page.emulate_media(media="print")

    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.locator(".topbar")).to_be_hidden()
    expect(page.get_by_text("Requested by")).to_be_visible()
    expect(page.locator(".c-seal").first).to_be_visible()
    assert page.locator(".act-table tbody tr").first.evaluate("row => getComputedStyle(row).breakInside") == "avoid"


def test_printed_edit_has_columns_and_outcome(page: Page, plain: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(plain, demo, jobtitle="Head of Paper")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Paper")
    page.locator(".field", has_text="Job Title").get_by_role("button", name="Approve").first.click()
    hint = page.locator(".field", has_text="Job Title").locator(".outcome .hint")
    expect(hint).to_be_visible()

    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})  # a sheet of paper without its margins

    expect(page.locator(".fields-head")).to_be_visible()
    assert hint.evaluate("words => words.scrollWidth <= words.clientWidth + 1")
