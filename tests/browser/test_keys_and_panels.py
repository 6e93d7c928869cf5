"""Keys beside open panels and menus, and after moving to another contact."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import assert_no_violations_in_any_look
from tests.browser.conftest import Demo
from tests.browser.test_review import ledger, sign_in
from tests.browser.test_states import approve, outcome, row, story
from tests.browser.test_typing import open_panel, opened, refusal, reject_without_sentence, tab, type_and_decide_nothing
from tests.support.world import World

__all__ = ["story", "tab"]

pytestmark = pytest.mark.browser


@pytest.mark.long
def test_letters_beside_an_open_panel_do_nothing(tab: Page, demo: Demo, story: World) -> None:
    contact = opened(tab, demo, story, {})
    open_panel(tab, "Job Title", "reject")

    row(tab, "Department").locator("h3").click()
    type_and_decide_nothing(tab, demo, contact)
    tab.keyboard.press("Escape")
    row(tab, "Department").locator("h3").click()
    tab.keyboard.press("Escape")
    tab.keyboard.press("a")

    expect(outcome(tab, "Department")).to_contain_text("Approved")


@pytest.mark.long
def test_letters_beside_an_open_menu_do_nothing(tab: Page, demo: Demo, story: World) -> None:
    contact = opened(tab, demo, story, {})
    tab.locator(".arrange summary", has_text="Park").click()

    row(tab, "Department").focus()
    type_and_decide_nothing(tab, demo, contact)
    tab.keyboard.press("Escape")
    expect(tab.locator(".arrange details[open]")).to_have_count(0)
    tab.keyboard.press("a")

    expect(outcome(tab, "Department")).to_contain_text("Approved")


@pytest.mark.long
@pytest.mark.parametrize("moved", ["j", "ArrowDown", "Escape", "click"])
def test_keys_work_again_after_leaving_refused_field(tab: Page, demo: Demo, story: World, moved: str) -> None:
    opened(tab, demo, story, {})
    other = tab.context.new_page()
    other.goto(tab.url)
    approve(other, "Job Title")
    row(tab, "Job Title").focus()
    refusal(tab, lambda: tab.keyboard.press("a"))
    expect(row(tab, "Job Title")).to_be_focused()
    tab.keyboard.press("a")
    tab.keyboard.press("A")
    expect(outcome(tab, "Department")).to_have_count(0)
    tab.wait_for_timeout(1100)  # a letter typed sooner counts as part of the same sentence

    if moved == "click":
        row(tab, "Department").locator("h3").click()
    else:
        tab.keyboard.press(moved)
    row(tab, "Department").focus()
    tab.keyboard.press("a")

    expect(outcome(tab, "Department")).to_contain_text("Approved")


@pytest.mark.long
def test_open_panel_keeps_its_text(tab: Page, demo: Demo, story: World) -> None:
    opened(tab, demo, story, {})
    reason = open_panel(tab, "Department", "reject").get_by_label("More about the reason")
    reason.fill("It is ")
    tab.route(re.compile("/decide"), lambda route: (tab.wait_for_timeout(800), route.continue_()))

    row(tab, "Job Title").get_by_role("button", name="Approve Job Title").click(no_wait_after=True)
    reason.focus()
    tab.keyboard.type("already known", delay=10)

    expect(outcome(tab, "Job Title")).to_contain_text("Approved")
    expect(reason).to_have_value("It is already known")
    expect(reason).to_be_focused()
    expect(outcome(tab, "Department")).to_have_count(0)


@pytest.mark.long
def test_letters_do_not_decide_a_hidden_record(tab: Page, demo: Demo, story: World) -> None:
    contact = opened(tab, demo, story, {})
    tab.goto(f"{demo.portal}/review/?order=newest")
    tab.set_viewport_size({"width": 390, "height": 844})
    expect(tab.locator("#record")).to_be_hidden()

    tab.keyboard.type("aAra", delay=15)

    tab.wait_for_timeout(500)
    expect(tab.locator("#record .field.settled")).to_have_count(0)
    assert ledger(demo, str(contact)) == []


@pytest.mark.long
def test_refused_panel_is_accessible(tab: Page, demo: Demo, story: World) -> None:
    opened(tab, demo, story, {})
    refusal(tab, lambda: reject_without_sentence(tab))

    assert_no_violations_in_any_look(tab, sees="Add an explanation for “Other”.")


@pytest.mark.long
def test_refused_input_has_focus_without_scripts(chromium: Browser, demo: Demo, story: World, tab: Page) -> None:
    opened(tab, demo, story, {})
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, demo)
    plain.goto(tab.url)
    field = open_panel(plain, "Job Title", "reject")
    field.get_by_text("Other", exact=True).click()

    field.get_by_role("button", name="Reject Job Title", exact=True).click()

    expect(plain.locator("[name^='text.'][aria-invalid=true]")).to_be_focused()
    expect(row(plain, "Job Title").get_by_label("Other", exact=True)).to_be_checked()
    context.close()


@pytest.mark.long
def test_key_decides_after_opening_contact_by_mouse(tab: Page, demo: Demo, story: World) -> None:
    opened(tab, demo, story, {})
    record = tab.locator("#record").get_attribute("data-record")
    tab.goto(f"{demo.portal}/review/?order=newest")
    tab.locator(f"#open-{record}").click()
    expect(tab.locator(f"#record[data-record='{record}']")).to_be_visible()

    tab.keyboard.press("a")

    expect(tab.locator("#record .field.settled")).to_have_count(1)
