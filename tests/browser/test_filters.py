"""The filter pages in a browser: accessible in every look and usable by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import assert_no_violations_in_any_look
from tests.browser.conftest import Demo
from tests.support.servers import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def fred(page: Page, demo: Demo) -> Page:
    page.goto(f"{demo.portal}/sign-in/start")
    page.get_by_role("button", name=re.compile("^Fred")).click()
    expect(page.get_by_role("link", name="Filters", exact=True)).to_be_visible()
    wait_until(lambda: _is_read(page, demo), seconds=60, what="the users are read")
    return page


def _is_read(page: Page, demo: Demo) -> bool:
    page.goto(f"{demo.portal}/filters/lists/")
    return page.get_by_text("demo sample").is_visible()


def test_risk_report_and_lists_are_accessible(fred: Page, demo: Demo):
    fred.goto(f"{demo.portal}/filters/lists/")
    fred.get_by_label("Name, for example").fill("Other product")
    fred.get_by_label("Addresses, logins").fill("nobody@contoso.example\nrita.lindqvist@contoso.example")
    fred.get_by_role("button", name="Save list").click()
    assert_no_violations_in_any_look(fred, sees="Entries that match no user, or more than one")
    fred.goto(f"{demo.portal}/filters/risk/")
    assert_no_violations_in_any_look(fred, sees="Appointment delivery to Outlook")
    fred.goto(f"{demo.portal}/filters/lists/")
    assert_no_violations_in_any_look(fred, sees="New list")


def test_user_page_is_accessible(fred: Page, demo: Demo):
    fred.goto(f"{demo.portal}/filters/?q=rita&user=")
    fred.locator("a.user").first.click()
    expect(fred.locator("#drawer-title")).to_be_focused()
    assert_no_violations_in_any_look(fred, sees="See why")
    fred.get_by_role("link", name="See why").click()
    fred.get_by_role("button", name=re.compile("^Ask")).click()
    expect(fred.get_by_text("If you switch off “")).to_be_visible()
    assert_no_violations_in_any_look(fred, sees="Mailbox and user")


def test_opening_matrix_cell_keeps_position_and_ticks(fred: Page, demo: Demo):
    fred.goto(f"{demo.portal}/filters/")
    fred.locator(".matrix tbody input").nth(1).check()
    cell = fred.locator(".matrix tbody tr").nth(30).locator(".cell-button").first
    cell.scroll_into_view_if_needed()
    place = cell.bounding_box()
    cell.click()

    expect(fred.locator("#drawer-title")).to_be_focused()
    assert cell.bounding_box() == place
    expect(fred.get_by_text("1 user selected")).to_be_visible()
    expect(fred.get_by_role("button", name="Preview switching off for 1 user", exact=True)).to_be_visible()
    fred.keyboard.press("Escape")
    expect(cell).to_be_focused()
    fred.go_back()
    expect(fred.locator("#drawer-title")).to_be_visible()
    expect(fred.locator(".matrix tbody input:checked")).to_have_count(1)


def test_range_and_all_matching_users_can_be_selected(fred: Page, demo: Demo):
    fred.goto(f"{demo.portal}/filters/")
    boxes = fred.locator(".matrix tbody input")
    boxes.nth(1).click()
    boxes.nth(6).click(modifiers=["Shift"])
    expect(fred.get_by_role("button", name="Preview switching off for 6 users", exact=True)).to_be_visible()
    fred.get_by_label(re.compile("that match$")).check()
    assert int(re.sub(r"\D", "", fred.locator("#selected").inner_text())) > 6
    fred.keyboard.press("Escape")

    expect(fred.locator(".selectionbar")).to_be_hidden()
    expect(fred.locator(".matrix tbody input:checked, #all-matching:checked")).to_have_count(0)


def test_enter_on_chart_part_lists_its_users(fred: Page, demo: Demo):
    fred.goto(f"{demo.portal}/filters/risk/")
    part = fred.locator(".stacked a").first
    part.focus()
    fred.keyboard.press("Enter")

    expect(fred).to_have_url(re.compile(r"/filters/\?unit=.*risk="))
    expect(fred.locator("a.user").first).to_be_visible()


@pytest.mark.long
def test_matrix_and_help_are_accessible(fred: Page, demo: Demo):
    fred.goto(f"{demo.portal}/filters/?sort=-paths&tasks=on")
    assert_no_violations_in_any_look(fred, sees="Views")
    fred.locator("#views > summary").click()
    fred.get_by_label("Save this list as").fill("Tasks on")
    assert_no_violations_in_any_look(fred, sees="Save this list as")
    fred.get_by_role("button", name="Save", exact=True).click()
    fred.locator("#views > summary").click()
    fred.get_by_role("link", name="Rename or delete the view Tasks on").click()
    assert_no_violations_in_any_look(fred, sees="Delete this view")
    fred.goto(f"{demo.portal}/help/")
    fred.locator("summary.person").click()
    assert_no_violations_in_any_look(fred, sees="What’s new")


def test_matrix_is_operable_by_keyboard(fred: Page, demo: Demo):
    fred.goto(f"{demo.portal}/filters/")
    focused = fred.locator(":focus")
    rows = fred.locator(".matrix tbody tr")

    fred.keyboard.press("j")
    expect(rows.nth(0).locator(".user")).to_be_focused()
    fred.keyboard.press("j")
    fred.keyboard.press("ArrowRight")
    expect(rows.nth(1).locator(".cell-button").first).to_be_focused()
    fred.keyboard.press("ArrowDown")
    fred.keyboard.press("x")
    expect(rows.nth(2).locator("input")).to_be_checked()
    fred.keyboard.press("Enter")
    expect(fred.locator("#drawer-title")).to_be_focused()
    fred.keyboard.press("Escape")
    expect(rows.nth(2).locator(".cell-button").first).to_be_focused()
    fred.keyboard.press("?")
    expect(fred.get_by_role("dialog", name="Keys")).to_be_visible()
    fred.keyboard.press("Escape")
    expect(rows.nth(2).locator("input")).to_be_checked()
    fred.keyboard.press("/")
    fred.keyboard.type("j?x")
    expect(focused).to_have_value("j?x")


def test_theme_is_kept_from_page_to_page(fred: Page, demo: Demo):
    def background() -> str:
        return str(fred.evaluate("getComputedStyle(document.body).backgroundColor"))

    fred.emulate_media(color_scheme="light")
    fred.goto(f"{demo.portal}/filters/?q=a")
    light = background()
    fred.locator("summary.person").click()
    fred.get_by_role("button", name="Dark", exact=True).click()

    expect(fred.locator("html")).to_have_attribute("data-theme", "dark")
    expect(fred).to_have_url(f"{demo.portal}/filters/?q=a")
    assert background() != light
    fred.goto(f"{demo.portal}/filters/risk/")
    assert background() != light
    fred.emulate_media(color_scheme="dark")
    fred.locator("summary.person").click()
    fred.get_by_role("button", name="Light", exact=True).click()
    expect(fred.locator("html")).to_have_attribute("data-theme", "light")
    assert background() == light
    fred.locator("summary.person").click()
    fred.get_by_role("button", name="Match device").click()
    expect(fred.locator("html")).to_have_attribute("data-theme", "system")
