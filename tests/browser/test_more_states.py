"""States that need more than a click: corrections, own edits, viewers, lost answers, expired links."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from playwright.sync_api import Page, expect

from syncapp.models import Person
from syncapp.notifications import links
from syncapp.notifications.links import Intent
from tests.browser.axe import assert_no_violations_in_any_look
from tests.browser.conftest import Demo
from tests.browser.test_mail import link_in, mail_about_edit, sign_in_from_link
from tests.browser.test_review import edit_in_outlook, ledger, new_contact, open_edit, sign_in
from tests.browser.test_states import PATIENCE, approve, arrived, edited, expect_live_values, outcome, row
from tests.browser.test_states import story as story
from tests.support.servers import wait_until
from tests.support.world import World

pytestmark = pytest.mark.browser


def edited_by(story: World, page: Page, demo: Demo, who: str, **changes: Any) -> str:
    """Return the address of an edit by this person."""
    contact = new_contact(story)
    story._post("outlook", {"user": who, "contact": str(contact), "changes": changes})
    return arrived(page, demo, story, contact, 1)[0]


def test_corrections_of_every_type_are_accessible(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    account = min(story.rows("accounts", select="accountid,name"), key=lambda one: str(one["name"]))
    changes = {"jobtitle": "Head of Corrections", "birthdate": "1980-05-17", "preferredcontactmethodcode": 3}
    contact, (address,) = edited(page, demo, story, changes | {"parentcustomerid": f"account:{account['accountid']}"})
    page.goto(address)
    for label in ("Job Title", "Birthday", "Preferred Method of Contact"):
        row(page, label).locator("label[title^=Correct]").click()
    company = row(page, "Company Name")
    company.locator("label[title^=Correct]").click()
    company.get_by_label("Company Name, corrected").fill("a")
    page.keyboard.press("Enter")

    expect(company.get_by_role("radio").first).to_be_focused()
    assert_no_violations_in_any_look(page, sees="The proposal stays in the history.")
    name = company.locator(".lookup .chip").nth(1).inner_text().rpartition(" (")[0]
    company.get_by_role("radio").nth(1).check()
    company.get_by_role("button", name="Approve correction").click()

    expect(outcome(page, "Company Name")).to_contain_text("Approved")
    expect(company).to_contain_text(f"Corrected to {name}")
    expect(outcome(page, "Company Name")).to_contain_text("Written", timeout=PATIENCE)
    assert [set(entry["changes"]) & {"parentcustomerid"} for entry in ledger(demo, str(contact))] == [
        {"parentcustomerid"}
    ]


def test_pages_without_decision_buttons_explain_why(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    address = edited_by(story, page, demo, "Rita Lindqvist", jobtitle="Head of Herself")
    page.goto(address)
    expect(page.locator(".record")).to_contain_text("Your own edit")
    expect(page.get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)
    assert_no_violations_in_any_look(page, sees="another reviewer must decide it")

    page.goto("about:blank")  # the open page would request its parts without a session
    page.context.clear_cookies()
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, demo, "Vera")
    page.goto(address)
    expect(page.get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)
    assert_no_violations_in_any_look(page, sees="deciding needs the Reviewer role")


def test_page_says_lost_answer_is_being_checked(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    contact, (address,) = edited(page, demo, story, {"jobtitle": "Head of Lost Answers"})
    page.goto(address)
    expect_live_values(page)
    story.faults({"method": "PATCH", "path": f"contacts({contact})", "hold": "after_commit"})

    approve(page, "Job Title")
    wait_until(lambda: ledger(demo, str(contact)), seconds=30, what="the CRM has the value, and its response is held")
    story.heal(drop=True)
    story.faults({"method": "GET", "path": f"contacts({contact})", "status": 503})

    expect(outcome(page, "Job Title")).to_contain_text("Checking the CRM", timeout=PATIENCE)
    page.route(re.compile(r"[?&]live="), lambda route: route.fulfill(status=204))
    assert_no_violations_in_any_look(page, sees="its answer was lost")
    page.unroute(re.compile(r"[?&]live="))
    story.heal()
    page.reload()
    expect(outcome(page, "Job Title")).to_contain_text("Written", timeout=2 * PATIENCE)
    assert len(ledger(demo, str(contact))) == 1


def test_recognized_decision_is_accessible(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    _, (address,) = edited(page, demo, story, {"jobtitle": "Head of Backups"})

    story.decided_by_a_lost_portal(address.rstrip("/").rpartition("/")[2], by="Rita Lindqvist")

    wait_until(
        lambda: "before a restore" in page.request.get(address).text(), seconds=60, what="the mark is recognized"
    )
    page.goto(address)
    expect(page.locator("#recognized")).to_contain_text("decided through the portal by Rita Lindqvist before")
    expect(outcome(page, "Job Title")).to_contain_text("by Rita Lindqvist on ")
    assert_no_violations_in_any_look(page, sees="before a restore")


def test_expired_link_leads_to_edit_without_preselection(page: Page, demo: Demo) -> None:
    contact, mail = mail_about_edit(page, demo, "Head of Old Letters")
    good = link_in(mail, "Approve")
    sign_in_from_link(page, good)
    reader = Person(pk=_id_in(link_in(mail, "stop them")))
    record = _id_in(good)

    with time_machine.travel(datetime.now(UTC) - timedelta(days=40)):
        old = links.to_record(record, recipient=reader, intent=Intent.APPROVE)
    page.goto(demo.portal + "/l/" + old.rpartition("/")[2])

    expect(page.locator(".record")).to_contain_text("Head of Old Letters")
    assert_no_violations_in_any_look(page, sees="This link is old")
    expect(page.locator("input[name^='tick.']:checked")).to_have_count(0)
    assert ledger(demo, contact) == []


def _id_in(link: str) -> uuid.UUID:
    """Return the id at the beginning of a link in a mail."""
    found = links.decode_id(link.rpartition("/")[2][:22])
    assert found is not None
    return found


def test_idle_page_warns_and_keypress_extends_session(page: Page, demo: Demo) -> None:
    page.clock.install()
    sign_in(page, demo)
    asked_by_itself = []
    page.on("request", lambda request: asked_by_itself.append(request) if "/review/fresh" in request.url else None)
    page.wait_for_load_state()  # the scripts record when they start, and the page is visible before that

    page.clock.fast_forward("28:10")
    expect(page.get_by_text("You will be signed out in two minutes")).to_be_visible()
    assert asked_by_itself
    assert all(request.headers.get("by-itself") == "1" for request in asked_by_itself)
    assert_no_violations_in_any_look(page, sees="You will be signed out in two minutes")

    with page.expect_response(lambda answer: answer.url.endswith("/sign-in/stay") and answer.status == 204):
        page.keyboard.press("Shift")
    expect(page.get_by_text("You will be signed out in two minutes")).to_have_count(0)


def test_each_conflict_choice_is_written(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    proposed = {"jobtitle": "Head of Choices", "nickname": "Kai", "assistantname": "Ida Moe"}
    contact, (address,) = edited(page, demo, story, proposed)
    page.goto(address)
    page.get_by_role("button", name="Approve all 3").click()
    expect(outcome(page, "Assistant")).to_contain_text("Approved")
    story.form(contact, jobtitle="Typed in CRM", nickname="Of CRM", assistantname="Somebody")
    for label in ("Job Title", "Nickname", "Assistant"):
        expect(row(page, label).locator(".conflict")).to_contain_text("nothing was overwritten", timeout=PATIENCE)

    row(page, "Job Title").get_by_role("button", name="Keep CRM value").click()
    expect(outcome(page, "Job Title")).to_be_visible()
    row(page, "Nickname").get_by_role("button", name="Write proposal").click()
    expect(outcome(page, "Nickname")).to_be_visible()
    row(page, "Assistant").get_by_placeholder("Enter a value").fill("Mina Clarke")
    row(page, "Assistant").get_by_role("button", name="Write this value").click()

    for label in ("Nickname", "Assistant"):
        expect(outcome(page, label)).to_contain_text("Written", timeout=PATIENCE)
    held = [story.value(contact, column) for column in proposed]
    assert held == ["Typed in CRM", "Kai", "Mina Clarke"]


def test_earlier_crm_value_is_tagged_and_put_back(page: Page, demo: Demo, story: World) -> None:
    sign_in(page, demo)
    contact, (address,) = edited(page, demo, story, {"jobtitle": "Head of Echoes"})
    before, phone = story.value(contact, "jobtitle"), str(story.value(contact, "telephone1"))
    page.goto(address)
    approve(page, "Job Title")
    expect(outcome(page, "Job Title")).to_contain_text("read back", timeout=PATIENCE)

    story.outlook(contact, jobtitle=before, telephone1=phone.replace(" ", "-"))
    page.wait_for_timeout(1100)  # edits are dated in whole seconds
    story.outlook(contact, department="Fleet")
    arrived(page, demo, story, contact, 3)
    page.reload()
    others = page.get_by_role("link", name=re.compile("^by Jonas Weber"))
    expect(others).to_have_count(2)
    others.first.click()
    expect(row(page, "Job Title")).to_contain_text("the CRM’s value until")
    expect(row(page, "Business Phone")).to_contain_text("format")
    row(page, "Job Title").get_by_text("Reject…").click()
    assert_no_violations_in_any_look(page, sees="1 more edit of this contact waits")

    page.goto(address)
    row(page, "Job Title").get_by_text("Put back…").click()
    row(page, "Job Title").get_by_label("Why put the old value back?").fill("It was a mistake.")
    assert_no_violations_in_any_look(page, sees="Why put the old value back?")
    row(page, "Job Title").get_by_role("button", name="Put the old value back").click()
    expect(outcome(page, "Job Title")).to_contain_text("Old value put back", timeout=PATIENCE)
    wait_until(lambda: story.value(contact, "jobtitle") == before, seconds=30, what="the CRM has the old value")


def test_row_shows_written_after_opening_next_contact(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Leaving")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Leaving")
    row = page.locator(f"#row-{page.locator('#record').get_attribute('data-record')}")

    page.keyboard.press("a")

    expect(page.locator("#record")).not_to_contain_text("Head of Leaving")
    expect(row).to_contain_text(re.compile(r"Undo \d+ s"))
    place = row.bounding_box()
    expect(row).to_contain_text("Written", timeout=40_000)
    assert row.bounding_box() == place
