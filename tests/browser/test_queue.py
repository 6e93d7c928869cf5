"""The list in a browser: accessible, usable on a phone without scripts, and stable when refreshed."""

from __future__ import annotations

import re
import uuid

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import assert_no_violations_in_any_look
from tests.browser.conftest import Demo
from tests.browser.test_keyboard import edit_many, wait_for_last_edit
from tests.browser.test_review import edit_in_outlook, sign_in
from tests.support.servers import wait_until
from tests.support.world import World

pytestmark = pytest.mark.browser


def visit(page: Page, demo: Demo, path: str) -> None:
    page.goto(f"{demo.portal}/review/{path}")
    page.wait_for_load_state("networkidle")


def test_queue_is_accessible(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    edit_many(demo, 40)
    wait_until(lambda: visit(page, demo, "") or page.locator(".item").count() == 50, seconds=60, what="50 rows")
    page.locator(".items input[name=record]").first.check()
    assert_no_violations_in_any_look(page, sees="1 edit selected")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_label(re.compile("that match$")).check()
    expect(page.locator("#selected")).to_have_text(re.compile(r"^[\d,+]+ edits selected$"))
    page.get_by_role("button", name="Decide together…").click()
    assert_no_violations_in_any_look(page, sees="Fields to check")
    visit(page, demo, "?tab=attention&q=nobody-has-this-name")
    assert_no_violations_in_any_look(page, sees="Nothing found for")
    name = edit_in_outlook(page, demo, jobtitle="Head of One")[1]
    wait_until(lambda: visit(page, demo, f"?q={name}&age=fresh") or page.locator(".item").count() == 1, seconds=60)
    assert_no_violations_in_any_look(page, sees="1 match")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(".items input[name=record]").check()
    page.get_by_role("button", name="Decide together…").click()
    page.get_by_role("button", name=re.compile("^Approve")).click()
    expect(page.get_by_text("read back")).to_be_visible(timeout=60_000)
    assert_no_violations_in_any_look(page, sees="Result per field")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_empty_list_loads_new_edits_automatically(page: Page, demo: Demo) -> None:
    story = World(demo.sandbox)
    sign_in(page, demo)
    name = f"Newcomer{uuid.uuid4().hex[:8]}"
    visit(page, demo, f"?q={name}")
    expect(page.locator("#list .nothing")).to_contain_text("Nothing found")

    story.outlook(story.new_contact(name), jobtitle="Head of Firsts")

    expect(page.locator(".item")).to_contain_text(name, timeout=60_000)


@pytest.mark.parametrize("width", [961, 1024, 1240])
def test_tabs_and_search_share_a_line(page: Page, demo: Demo, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 768})
    sign_in(page, demo)
    visit(page, demo, "")
    clipped = "nav => nav.scrollWidth - nav.clientWidth"
    assert page.locator(".filterbar .tabs").evaluate(clipped) == 0
    assert page.locator(".filterbar").evaluate("bar => bar.offsetHeight") <= 49
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_j_after_last_row_loads_more(page: Page, demo: Demo) -> None:
    edit_many(demo, 60)
    sign_in(page, demo)
    # Edits of the same second have no order of their own, so one that arrives late can come before those on the page.
    wait_for_last_edit(page, demo)
    visit(page, demo, "")
    rows = page.locator("#items > .item > a")
    rows.nth(48).focus()

    for key in "jjj":
        page.keyboard.press(key)
    expect(rows.nth(51)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("k")
    expect(rows.nth(49)).to_be_focused()
    page.reload()
    page.locator("#more").click()

    expect(rows.nth(50)).to_be_focused()
    page.reload()
    rows.nth(49).click()
    expect(rows.nth(49)).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Next contact").click()

    expect(rows.nth(50)).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Previous contact").click()
    expect(rows.nth(49)).to_have_attribute("aria-current", "true")


def test_open_panels_are_accessible(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    page.locator("#narrow summary").click()
    assert_no_violations_in_any_look(page, sees="Kind of change")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("#views summary").click()
    assert_no_violations_in_any_look(page, sees="Save this list as")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert_no_violations_in_any_look(page, sees="approve, reject, correct the field")


def test_bulk_decision_works_on_phone_without_scripts(chromium: Browser, page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Phones")
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    plain = context.new_page()
    sign_in(plain, demo)
    row = plain.locator(".item", has_text=name).first

    def is_selected() -> bool:
        visit(plain, demo, f"?q={name}&age=fresh&order=newest")
        if row.count():
            row.get_by_role("checkbox").check()
            plain.get_by_role("button", name="Decide together…").click()
        # A contact of the same name can be first until the edit has arrived.
        return plain.get_by_text("Head of Phones").count() > 0

    wait_until(is_selected, seconds=60, what="the edit")
    plain.get_by_role("button", name=re.compile("^Approve")).click()

    expect(plain.get_by_role("heading", name=re.compile(r"^(\d+) of \1 fields? approved"))).to_be_visible()
    context.close()


def test_new_edits_keep_ticks_focus_and_position(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    visit(page, demo, "?order=newest")
    box = page.locator(".items input[name=record]").nth(2)
    box.check()
    ticked = box.get_attribute("value")
    page.evaluate("document.querySelector('#list').scrollTop = 40")
    page.locator("#q").focus()

    # Trigger the poll of every 15 seconds now.
    edit_in_outlook(page.context.new_page(), demo, jobtitle="Head of News")
    show = page.get_by_role("link", name=re.compile(r"Show \d+ new"))
    wait_until(lambda: _poll_for_new_edits(page) or show.count(), seconds=60, what="the link to new edits")
    expect(page.locator("#q")).to_be_focused()
    show.dispatch_event("click")  # a real click would scroll the list first

    expect(page.get_by_role("link", name=re.compile(r"Show \d+ new"))).to_have_count(0)
    expect(page.locator(f".items input[value='{ticked}']")).to_be_checked()
    expect(page.get_by_text("1 edit selected")).to_be_visible()
    assert page.evaluate("document.querySelector('#list').scrollTop") == 40


def _poll_for_new_edits(page: Page) -> None:
    with page.expect_response(lambda answer: "/review/fresh" in answer.url):
        page.evaluate(
            """() => { const fresh = document.getElementById("fresh");
            const values = JSON.parse(fresh.getAttribute("hx-vals"));
            htmx.ajax("GET", fresh.getAttribute("hx-get"), { target: "#fresh", swap: "outerHTML", values }); }"""
        )


def test_changing_a_filter_keeps_the_focus(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    page.locator("#narrow summary").click()
    page.locator("#filter-kind").focus()
    page.locator("#filter-kind").select_option("filled")

    expect(page.locator("#list-title")).to_contain_text("match")
    expect(page).to_have_url(re.compile("kind=filled"))
    expect(page.locator("#filter-kind")).to_be_focused()
    page.reload()
    expect(page.get_by_role("link", name="Remove the filter Filled in")).to_be_visible()


def test_long_editor_name_leaves_room_for_the_contact(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    edit_many(demo, 1)
    wait_until(lambda: visit(page, demo, "") or page.locator(".item .editor").count(), seconds=60, what="a row")
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        row = page.locator(".item:has(.editor)").first
        before = row.locator(".who").bounding_box()
        row.locator(".editor bdi").evaluate("element => element.textContent = 'Maximiliane Alexandra '.repeat(6)")
        assert row.locator(".who").bounding_box() == before
        assert row.locator(".what").evaluate("element => element.clientWidth") > 100


def test_bulk_decision_leaves_out_field_changed_in_crm(page: Page, demo: Demo) -> None:
    contact, name = edit_in_outlook(page, demo, jobtitle="Head of Readings")
    sign_in(page, demo)
    opened = page.get_by_text("Head of Readings")
    wait_until(lambda: visit(page, demo, f"?q={name}&order=newest") or opened.count(), seconds=60, what="the edit")
    change = {"contact": contact, "changes": {"jobtitle": "Chief of Readings"}}
    requests.post(f"{demo.sandbox}/sandbox/form", json=change, timeout=20).raise_for_status()
    page.locator(".items input[name=record]").first.check()
    page.get_by_role("button", name="Decide together…").click()

    left_out = page.locator(".together-lines li", has_text="Head of Readings")
    expect(left_out).to_contain_text("CRM now Chief of Readings")
    expect(page.locator(".together-now")).to_contain_text("CRM values read")
    assert_no_violations_in_any_look(page, sees="CRM now")
