"""Every state of an edit in a browser: its text, its actions, accessible in every look."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.axe import assert_no_violations_in_any_look, looks
from tests.browser.conftest import Demo
from tests.browser.test_review import ledger, new_contact, sign_in
from tests.support.servers import wait_until
from tests.support.world import World

pytestmark = pytest.mark.browser
PATIENCE = 60_000  # milliseconds: a busy machine, the undo window, a tick, the CRM
NEW_ADDRESS = {"address1_line1": "Harbour Quay 6", "address1_city": "Bergen", "address1_postalcode": "5003"}


@pytest.fixture
def story(demo: Demo) -> Iterator[World]:
    """Return the sandbox, which changes the CRM and Outlook; end its faults after the test."""
    world = World(demo.sandbox)
    yield world
    world.heal()


@pytest.fixture
def rob(chromium: Browser, demo: Demo) -> Iterator[Page]:
    """Return the second reviewer's tab; it ignores console errors, because the browser logs one for a 409."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    tab = context.new_page()
    sign_in(tab, demo, "Rob")
    yield tab
    context.close()


def edited(page: Page, demo: Demo, story: World, *edits: dict[str, str]) -> tuple[uuid.UUID, list[str]]:
    """Edit a new contact in Outlook; return its id and the addresses of its edits once they have arrived."""
    contact = new_contact(story)
    for changes in edits:
        story.outlook(contact, **changes)
    return contact, arrived(page, demo, story, contact, len(edits))


def arrived(page: Page, demo: Demo, story: World, contact: uuid.UUID, count: int) -> list[str]:
    """Return the addresses of all edits of a contact, oldest first, once their pages exist."""

    def staged() -> list[dict[str, Any]]:
        return [row for row in story.rows("osync_syncrecords") if row["osync_targetid"] == str(contact)]

    # The plug-in has staged the edits already; capture stages them later.
    wait_until(lambda: len(staged()) == count, seconds=60, what="the edits are staged")
    rows = sorted(staged(), key=lambda row: int(row["versionnumber"]))
    addresses = [f"{demo.portal}/review/{row['osync_syncrecordid']}/" for row in rows]
    for address in addresses:
        wait_until(lambda address=address: page.request.get(address).ok, seconds=60, what="the edit has arrived")
    return addresses


def expect_live_values(page: Page) -> None:
    """Wait until the page shows the live values."""
    expect(page.locator("#crm-now")).to_contain_text(re.compile(r"read\s+(just now|\d+ s ago)"), timeout=PATIENCE)


def row(page: Page, label: str) -> Locator:
    return page.locator(".field").filter(has=page.locator("h3").get_by_text(label, exact=True))


def outcome(page: Page, label: str) -> Locator:
    return row(page, label).locator(".outcome")


def approve(page: Page, label: str) -> None:
    row(page, label).get_by_role("button", name=f"Approve {label}", exact=True).click()
    expect(outcome(page, label)).to_contain_text("Approved")


def test_each_decision_state_shows_its_actions(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    columns = ("jobtitle", "department", "telephone1", "nickname", "assistantname", "mobilephone")
    values = dict(zip(columns, ("Head", "Ships", "+47 55 00 11 22", "Kai", "Ida Moe", "+47 90 00 11 22"), strict=True))
    contact, (address,) = edited(page, demo, story, values | NEW_ADDRESS)
    page.goto(address)

    story.faults({"method": "PATCH", "table": "contact", "status": 400, "message": "The nickname is not allowed."})
    approve(page, "Nickname")
    expect(outcome(page, "Nickname")).to_contain_text("Not written", timeout=PATIENCE)
    story.heal()
    story.form(contact, mobilephone=values["mobilephone"])
    for label in ("Mobile Phone", "Job Title", "Business Phone"):
        approve(page, label)
    story.form(contact, telephone1="+47 99 99 99 99")  # within the undo window of the approval just before
    row(page, "Department").get_by_text("Reject…").click()
    row(page, "Department").get_by_text("Kept in CRM only").click()
    row(page, "Department").get_by_role("button", name="Reject Department", exact=True).click()

    expect(outcome(page, "Job Title")).to_contain_text("Written", timeout=PATIENCE)
    expect(outcome(page, "Job Title")).to_contain_text("read back", timeout=PATIENCE)
    expect(outcome(page, "Mobile Phone")).to_contain_text("Already in the CRM", timeout=PATIENCE)
    expect(outcome(page, "Department")).to_contain_text("kept in CRM only", timeout=PATIENCE)
    conflict = row(page, "Business Phone").locator(".conflict")
    expect(conflict).to_contain_text("nothing was overwritten", timeout=PATIENCE)
    for words in ("Original", "CRM now", "+47 99 99 99 99", "Proposed", "Other"):
        expect(conflict).to_contain_text(words)
    expect(row(page, "Nickname")).to_contain_text("The nickname is not allowed.")
    expect(row(page, "Assistant").get_by_role("button", name="Approve Assistant", exact=True)).to_be_visible()
    expect(row(page, "Address")).to_contain_text("3 fields, decided together.")
    for sees in ("Conflict", "Not written", "Already in the CRM", "Rejected"):
        expect(page.locator(".record")).to_contain_text(sees)
    assert_no_violations_in_any_look(page, sees="decided together")

    row(page, "Nickname").get_by_role("button", name="Retry").click()
    expect(outcome(page, "Nickname")).not_to_contain_text("Not written")
    conflict.get_by_role("button", name="Keep CRM value").click()
    expect(outcome(page, "Nickname")).to_contain_text("Written", timeout=PATIENCE)
    expect(outcome(page, "Business Phone")).to_contain_text("Rejected", timeout=PATIENCE)
    assert story.value(contact, "telephone1") == "+47 99 99 99 99"
    assert story.value(contact, "nickname") == "Kai"


def test_changes_outside_the_portal_are_explained(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    older_edit = {"jobtitle": "Head of Yesterday", "department": "Fleet"}
    contact, (older, newer) = edited(page, demo, story, older_edit, {"jobtitle": "Head of Today"})
    page.goto(older)
    expect(outcome(page, "Job Title")).to_contain_text("Superseded", timeout=PATIENCE)
    expect(outcome(page, "Job Title").get_by_role("link", name="newer edit")).to_be_visible()

    department = row(page, "Department").get_attribute("data-field")
    story._post("decide", {"field": department, "decision": "rejected"})
    wait_until(
        lambda: "Withdrawn" in page.request.get(older).text(), seconds=30, what="the mirror has read the decision"
    )
    page.reload()
    expect(outcome(page, "Department")).to_contain_text("decided in the CRM itself")
    assert_no_violations_in_any_look(page, sees="Withdrawn")

    story.delete(contact)
    page.goto(newer)
    expect(row(page, "Job Title")).to_contain_text("Contact deleted", timeout=PATIENCE)
    expect(row(page, "Job Title").get_by_text("Reject…")).to_be_visible()
    expect(row(page, "Job Title").get_by_role("button", name="Approve")).to_have_count(0)
    assert_no_violations_in_any_look(page, sees="Contact deleted")


def test_silent_crm_leaves_decision_being_written(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    contact, (address,) = edited(page, demo, story, {"jobtitle": "Head of Patience"})
    page.goto(address)
    expect_live_values(page)
    story.faults({"method": "POST", "path": "$batch", "hold": "before_commit"})

    approve(page, "Job Title")

    expect(outcome(page, "Job Title")).to_contain_text("being written", timeout=PATIENCE)
    assert story.value(contact, "jobtitle") != "Head of Patience"
    assert_no_violations_in_any_look(page, sees="being written")
    story.heal()
    expect(outcome(page, "Job Title")).to_contain_text("Written", timeout=PATIENCE)


def test_countdown_does_not_shift_the_rows(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    _, (address,) = edited(page, demo, story, {"jobtitle": "Head of Clocks", "nickname": "Kai"} | NEW_ADDRESS)
    page.goto(address)
    expect(page.locator(".belongs")).to_contain_text("owner")
    places = "[...document.querySelectorAll('.field')].map(row => row.getBoundingClientRect().top)"
    before = page.evaluate(places)

    approve(page, "Job Title")
    hint = outcome(page, "Job Title").locator("[data-left]")
    seen = [hint.inner_text()]
    expect(hint).not_to_have_text(seen[0])
    assert page.evaluate(places) == before
    expect(outcome(page, "Job Title")).to_contain_text("read back", timeout=PATIENCE)
    assert page.evaluate(places) == before


def test_countdown_is_accessible(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    _, (address,) = edited(page, demo, story, {"jobtitle": "Head of Clocks"} | NEW_ADDRESS)
    # Block the requests that would replace the countdown, so that axe has enough time.
    page.route(re.compile(r"[?&]live="), lambda route: route.fulfill(status=204))
    page.goto(address)

    approve(page, "Job Title")
    page.get_by_role("button", name="Approve 3 fields of Address").click()

    expect(page.get_by_role("button", name="Undo all 3 of Address")).to_be_visible()
    assert_no_violations_in_any_look(page, sees="written in")


def test_second_reviewer_sees_presence_and_earlier_decision(page: Page, rob: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    contact, (address,) = edited(page, demo, story, {"jobtitle": "Head of Two"})
    page.goto(address)
    with page.expect_response(lambda answer: answer.url.endswith("/presence")):
        page.reload()
    rob.goto(address)
    expect(rob.locator(".presence")).to_contain_text("Rita Lindqvist has this open")
    button = rob.get_by_role("button", name="Approve Job Title", exact=True)
    expect(button).to_be_visible()

    approve(page, "Job Title")
    button.click()

    expect(row(rob, "Job Title")).to_contain_text(
        "Approved by Rita Lindqvist in the meantime; your decision was not saved."
    )
    expect(outcome(rob, "Job Title")).to_contain_text("Approved by Rita Lindqvist")
    assert_no_violations_in_any_look(rob, sees="your decision was not saved")
    expect(outcome(page, "Job Title")).to_contain_text("Written", timeout=PATIENCE)
    assert len(ledger(demo, str(contact))) == 1


def test_colleagues_answer_appears_on_the_page(page: Page, rob: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    _, (address,) = edited(page, demo, story, {"jobtitle": "Head of Questions"})
    page.goto(address)

    page.locator("#whom").select_option(label="Rob Marchetti")
    page.locator("#question").fill("Is this right?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".said")).to_contain_text("Unanswered")
    rob.goto(address)
    rob.get_by_label("Answer to Rita Lindqvist").fill("Yes, since May.")
    rob.get_by_role("button", name="Answer", exact=True).click()
    expect(rob.locator(".said")).to_contain_text("Rob Marchetti answered")

    page.reload()
    expect(page.locator(".said")).to_contain_text("Yes, since May.")
    page.get_by_text("History of this contact").click()
    expect(page.locator(".past")).to_contain_text("this edit")
    assert_no_violations_in_any_look(page, sees="Yes, since May.")


def test_group_parking_and_history_work_without_scripts(
    chromium: Browser, page: Page, demo: Demo, story: World
) -> None:
    context: BrowserContext = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    plain = context.new_page()
    sign_in(plain, demo)
    _, (address,) = edited(plain, demo, story, NEW_ADDRESS)
    plain.goto(address)

    plain.get_by_role("link", name="Split Address").click()
    expect(plain.get_by_role("button", name=re.compile("^Approve Address 1: City"))).to_be_visible()

    plain.locator(".arrange").get_by_text("Park…").click()
    plain.get_by_role("button", name=re.compile("^Tomorrow")).click()
    expect(plain.get_by_text("Parked until")).to_be_visible()
    plain.get_by_text("History of this contact").click()
    plain.get_by_role("link", name=re.compile("^Earlier edits")).click()
    expect(plain.get_by_role("heading", name=re.compile("^History of"))).to_be_visible()
    assert plain.evaluate("document.documentElement.scrollWidth") <= 390
    plain.goto(address)
    plain.get_by_role("button", name="Approve 3 fields of Address").click()
    expect(plain.locator(".outcome")).to_have_count(3)
    context.close()


def test_split_group_and_history_are_accessible(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    _, (address,) = edited(page, demo, story, NEW_ADDRESS)

    page.goto(f"{address}?split=address")
    expect(page.get_by_role("link", name="Decide together Address")).to_be_visible()
    page.locator(".arrange").get_by_text("Park…").click()
    assert_no_violations_in_any_look(page, sees="decided one by one")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the open menu fits on a phone"
    page.goto(f"{address}history")
    assert_no_violations_in_any_look(page, sees="Harbour Quay 6")
    for _ in looks(page):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
