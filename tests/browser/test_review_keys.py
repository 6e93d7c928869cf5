"""Keys, ranges and the bar of selected contacts, against a running demo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import assert_no_violations_in_any_look
from tests.browser.conftest import Demo
from tests.browser.test_keyboard import edit_many, wait_for_last_edit
from tests.browser.test_review import edit_in_outlook, open_edit, sign_in
from tests.browser.test_states import outcome, row, story
from tests.support.servers import wait_until
from tests.support.world import World

__all__ = ["story"]

pytestmark = pytest.mark.browser


def selected(page: Page) -> str:
    return page.locator("#selected").inner_text()


def test_no_key_overwrites_a_newer_value(page: Page, demo: Demo, story: World) -> None:
    contact, name = edit_in_outlook(page, demo, jobtitle="Head of Overwriting", department="Overwriting", fax="+47 1")
    story.form(contact, jobtitle="Chief of CRM")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Overwriting")
    expect(page.locator("#crm-now")).to_contain_text("read just now")
    expect(row(page, "Job Title")).to_contain_text("Changed in the CRM")

    page.keyboard.press("A")
    expect(page.locator("#flash")).to_contain_text("1 field changed in the CRM and was left out. Choose its value.")
    expect(row(page, "Job Title")).to_be_focused()
    for key in ("a", "r", "R", "a"):
        page.keyboard.press(key)
        page.keyboard.press("Escape")
    expect(outcome(page, "Job Title")).to_have_count(0)
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Keep CRM value")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#flash p").first).to_have_text("1 rejected.")
    wait_until(lambda: story.value(contact, "department") == "Overwriting", seconds=30, what="the others are written")
    assert story.value(contact, "jobtitle") == "Chief of CRM"


@pytest.mark.long
def test_conflict_choices_and_selection_bar_are_accessible(page: Page, demo: Demo, story: World) -> None:
    contact, name = edit_in_outlook(page, demo, jobtitle="Head of Choosing", department="Choosing")
    story.form(contact, jobtitle="Chief of CRM")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Choosing")
    expect(page.locator("#crm-now")).to_contain_text("read just now")
    expect(row(page, "Job Title")).to_contain_text("Changed in the CRM")
    assert_no_violations_in_any_look(page, sees="Choose the value for the CRM")
    page.keyboard.press("A")
    expect(page.locator("#flash")).to_contain_text("was left out")
    assert_no_violations_in_any_look(page, sees="was left out. Choose its value.")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{demo.portal}/review/")
    page.locator(".items input[name=record]").first.check()
    for menu, sees in (("Park", "They leave the Waiting list"), ("Assign", "Assign to")):
        page.locator(".selectionbar summary", has_text=menu).click()
        assert_no_violations_in_any_look(page, sees=sees)
        page.keyboard.press("Escape")


@pytest.mark.long
def test_keys_assign_comment_and_park(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Parking")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Parking")
    record = page.locator("#record").get_attribute("data-record")

    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Assigned to you")).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.type("apu?")
    page.keyboard.press("Enter")
    expect(page.locator(".said")).to_contain_text("apu?")
    page.keyboard.press("Escape")  # the input keeps the focus for a further comment
    page.keyboard.press("q")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator(".arrange .menu-panel button").first).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator(f"#record[data-record='{record}']")).to_have_count(0)
    expect(page.locator(f"#row-{record}")).to_contain_text("Parked until")
    expect(page).not_to_have_title(re.compile(name))


@pytest.mark.long
def test_keys_move_between_contacts_and_tabs(page: Page, demo: Demo) -> None:
    edit_many(demo, 3)
    sign_in(page, demo)
    wait_for_last_edit(page, demo)
    page.goto(f"{demo.portal}/review/?order=newest")
    first = page.locator("#record").get_attribute("data-record")

    page.keyboard.press("J")
    expect(page.locator(".items .item > a").nth(1)).to_have_attribute("aria-current", "true")
    expect(page.locator("#record .place")).to_have_text(re.compile(r"^2 of "))
    expect(page).to_have_title(re.compile(re.escape(page.locator("#record-title").inner_text())))
    page.keyboard.press("K")
    expect(page.locator(f"#record[data-record='{first}']")).to_be_visible()
    with page.context.expect_page() as opened:
        page.keyboard.press("o")
    opened.value.close()
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile("tab=attention"))
    page.keyboard.press("T")
    expect(page.locator("#tab-waiting")).to_have_attribute("aria-current", "page")


def test_shift_click_selects_a_range_to_park(page: Page, demo: Demo) -> None:
    edit_many(demo, 5)
    sign_in(page, demo)
    wait_for_last_edit(page, demo)
    page.goto(f"{demo.portal}/review/?order=newest")
    boxes = page.locator(".items input[name=record]")

    boxes.nth(0).click()
    boxes.nth(3).click(modifiers=["Shift"])
    assert selected(page) == "4 edits selected"
    boxes.nth(2).click()
    boxes.nth(1).click(modifiers=["Shift"])
    assert selected(page) == "2 edits selected"
    page.get_by_label(re.compile("that match$")).check()
    assert re.fullmatch(r"[\d,]+\+? edits selected", selected(page))
    assert selected(page) != "2 edits selected"
    page.get_by_label(re.compile("that match$")).uncheck()
    page.locator(".selectionbar summary", has_text="Park").click()
    page.get_by_role("button", name=re.compile("^Tomorrow")).click()

    expect(page.locator("#flash")).to_contain_text("2 edits parked until")
    page.goto(f"{demo.portal}/review/?tab=parked")
    expect(page.locator(".items .item")).not_to_have_count(0)
    expect(page.locator(".items .item").first).to_contain_text("Parked until")


@pytest.mark.long
def test_filter_panel_closes_after_apply(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    page.locator("#narrow summary").click()
    page.get_by_role("button", name="Apply").click()

    expect(page.locator("#narrow details[open]")).to_have_count(0)
