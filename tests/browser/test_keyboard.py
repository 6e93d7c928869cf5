"""The queue by keyboard alone: at machine speed no key and no focus is lost, and the CRM's ledger agrees."""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_review import edit_in_outlook, open_edit, sign_in
from tests.support.servers import wait_until

pytestmark = pytest.mark.browser
EDITS = int(os.environ.get("KEYBOARD_EDITS", "8"))
APPROVED, REJECTED = 410000001, 410000002
# The outcome of each row, in turn.
PATTERN = ("approve", "reject", "approve", "correct", "approve")


def ask(demo: Demo, method: str, path: str, **options: Any) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, f"{demo.sandbox}{path}", timeout=30, **options)
        answer.raise_for_status()
        return answer.json()


def read(demo: Demo, query: str) -> list[dict[str, Any]]:
    """Return rows as the Web API returns them."""
    token = ask(demo, "POST", "/sandbox/token", json={"user": "Jonas Weber"})["access_token"]
    rows: list[dict[str, Any]] = ask(
        demo, "GET", f"/api/data/v9.2/{query}", headers={"Authorization": f"Bearer {token}"}
    )["value"]
    return rows


def contacts(demo: Demo, count: int) -> list[dict[str, Any]]:
    columns = "contactid,fullname,preferredcontactmethodcode,birthdate,donotemail"
    # With an address, so that clearing it is a change.
    having = "$filter=emailaddress1 ne null"
    return read(demo, f"contacts?$select={columns}&{having}&$orderby=contactid&$top={count}")


@dataclass(frozen=True)
class ExpectedRow:
    """A row to be decided by key: its number of fields, and whether it has a text to correct."""

    fields: int
    is_text: bool


def edit_mixed(demo: Demo, count: int) -> tuple[list[ExpectedRow], list[str]]:
    """Make edits of every kind; return their rows, newest first, and the ids of the edits."""
    people, wanted = contacts(demo, count), {}
    time.sleep(1.1)  # edits are dated in whole seconds; those of an earlier test must not sort among these
    for number, contact in enumerate(people):
        wanted[contact["contactid"]] = changes = mixed(number, contact)
        edit = {"user": "Jonas Weber", "contact": contact["contactid"], "changes": changes}
        ask(demo, "POST", "/sandbox/outlook", json=edit)
    # The plug-in has staged the edits already; capture stages them later.
    wait_until(
        lambda: {edit["osync_targetid"] for edit in last_edits(demo, count)} == wanted.keys(),
        seconds=120,
        what="the edits are staged",
    )
    edits = last_edits(demo, count)
    rows = [row for edit in edits for row in rows_of(wanted[edit["osync_targetid"]])]
    return rows, [edit["osync_syncrecordid"] for edit in edits]


def last_edits(demo: Demo, count: int) -> list[dict[str, Any]]:
    """Return the last edits in the order of the queue, newest first, then by id."""
    rows = read(demo, "osync_syncrecords?$select=osync_targetid,osync_editedon,osync_syncrecordid")
    rows.sort(key=lambda row: (row["osync_editedon"], row["osync_syncrecordid"]), reverse=True)
    return rows[:count]


def rows_of(changes: dict[str, Any]) -> list[ExpectedRow]:
    if "address1_city" in changes:
        return [ExpectedRow(len(changes), is_text=False)]
    return [ExpectedRow(1, is_text="jobtitle" in changes)] * len(changes)


def mixed(number: int, contact: dict[str, Any]) -> dict[str, Any]:
    """Return the changes of an edit: one text, two, a group, a choice, a date, yes or no, a cleared value."""
    kinds: tuple[dict[str, Any], ...] = (
        {"jobtitle": f"Keyboard {number}"},
        {"jobtitle": f"Keyboard {number}", "telephone1": f"+47 55 {number:06}"},
        {
            "address1_line1": f"Quay {number}",
            "address1_city": f"Bergen {number}",
            "address1_postalcode": f"{5000 + number}",
        },
        {"preferredcontactmethodcode": 2 if contact["preferredcontactmethodcode"] != 2 else 3},
        {"birthdate": "1980-05-17" if contact["birthdate"] != "1980-05-17" else "1980-05-18"},
        {"donotemail": not contact["donotemail"]},
        {"emailaddress1": None},
    )
    return kinds[number % len(kinds)]


def edit_many(demo: Demo, count: int) -> tuple[int, str]:
    """Make edits of mixed size; return the number of changed fields and the name of the last contact."""
    fields, people = 0, contacts(demo, count)
    for number, contact in enumerate(people):
        # New values in each test: values of an earlier test may have been approved and would be no change.
        changes = {"jobtitle": f"Keyboard {uuid.uuid4().hex[:8]}", "telephone1": f"+47 {uuid.uuid4().int % 10**8:08}"}
        wanted = dict(list(changes.items())[: 1 + number % 2])
        edit = {"user": "Jonas Weber", "contact": contact["contactid"], "changes": wanted}
        ask(demo, "POST", "/sandbox/outlook", json=edit)
        fields += len(wanted)
    return fields, people[-1]["fullname"]


def wait_for_last_edit(page: Page, demo: Demo) -> None:
    """Wait until the page of the edit that was staged last can be opened; the page has to be signed in."""
    (last,) = read(demo, "osync_syncrecords?$select=osync_syncrecordid&$orderby=versionnumber desc&$top=1")
    page_of_last = f"{demo.portal}/review/{last['osync_syncrecordid']}/"
    wait_until(lambda: page.request.get(page_of_last).ok, seconds=60, what="the last edit")


def staged(demo: Demo) -> set[str]:
    """Return the ids of all staging rows."""
    return {row["osync_syncfieldid"] for row in read(demo, "osync_syncfields?$select=osync_syncfieldid")}


def decisions_since(demo: Demo, seq: int, *, but: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """Return the portal's writes to the staging rows except `but`: columns by row, each row at most once."""
    found: dict[str, dict[str, Any]] = {}
    for entry in ask(demo, "GET", f"/sandbox/ledger?since={seq}"):
        columns = {name: new for name, (_, new) in entry["changes"].items()}
        # Older edits of the same fields were superseded by these, not decided by a key.
        is_ours = entry["table"] == "osync_syncfield" and entry["id"] not in but
        if is_ours and columns.get("osync_decision") in (APPROVED, REJECTED):
            assert entry["id"] not in found, "one field was decided twice"
            found[entry["id"]] = columns
    return found


def outcome(number: int, row: ExpectedRow) -> str:
    """Return the outcome for the row's number; only a text can be corrected by typing."""
    wanted = PATTERN[number % len(PATTERN)]
    return "approve" if wanted == "correct" and not row.is_text else wanted


def press(page: Page, wanted: str, number: int) -> None:
    page.keyboard.press({"approve": "a", "reject": "r", "correct": "e"}[wanted])
    if wanted == "correct":
        page.keyboard.type(f" C{number}!")
    if wanted != "approve":
        page.keyboard.press("Enter")


@pytest.mark.timeout(600)  # work of one second on an idle machine takes many seconds on a busy one
def test_keys_at_machine_speed_decide_everything(page: Page, demo: Demo) -> None:
    seq = max((entry["seq"] for entry in ask(demo, "GET", "/sandbox/ledger")), default=0)
    before = staged(demo)  # another test's decisions may still be in progress
    asked_about, edits = edit_mixed(demo, EDITS)
    plan = [(row, outcome(number, row)) for number, row in enumerate(asked_about)]
    fields = sum(row.fields for row in asked_about)
    sign_in(page, demo)
    for edit in edits:
        address = f"{demo.portal}/review/{edit}/"
        wait_until(lambda address=address: page.request.get(address).ok, seconds=60, what="the edit has arrived")
    page.goto(f"{demo.portal}/review/?order=newest&age=fresh")
    loads: list[str] = []
    page.on("load", lambda tab: loads.append(tab.url))
    requested: list[str] = []
    page.on("request", lambda sent: requested.append(sent.url) if sent.headers.get("hx-target") == "record" else None)

    started = time.monotonic()
    for number, (_, wanted) in enumerate(plan):
        press(page, wanted, number)
    wait_until(
        lambda: len(decisions_since(demo, seq, but=before)) >= fields,
        seconds=500,
        what="every field is decided in the CRM",
    )
    seconds = time.monotonic() - started

    assert page.evaluate("document.activeElement.matches('#record .field')"), "the focus was lost"
    expect(page.locator(".items a[aria-current]")).to_be_in_viewport()
    assert loads == []
    assert [url for url in requested if "/decide" not in url] == [], (
        "each next contact arrives in the response to a decision"
    )
    written = decisions_since(demo, seq, but=before)
    counts = Counter(row["osync_decision"] for row in written.values())
    rejected = sum(row.fields for row, wanted in plan if wanted == "reject")
    assert counts == {APPROVED: fields - rejected, REJECTED: rejected}
    typed = {f"C{number}!" for number, (_, wanted) in enumerate(plan) if wanted == "correct"}
    applied = {str(row.get("osync_appliedvalue") or "").rpartition(" ")[2] for row in written.values()}
    assert typed <= applied, "a typed character was lost"
    assert seconds < 500


def test_undo_key_works_from_next_contact(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Second Thoughts", telephone1="+47 55 88 88 88")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Second Thoughts")
    expect(page.locator(".belongs")).to_contain_text("owner")
    belongs = page.locator(".belongs").inner_text()
    undoing: list[str] = []
    page.on("request", lambda sent: undoing.append(sent.url) if "/undo" in sent.url else None)

    with page.expect_response(lambda answer: "/undo" in answer.url):
        page.keyboard.press("A")
        page.keyboard.press("u")

    phone = page.locator(".field", has_text="Business Phone")
    expect(phone.get_by_role("button", name="Approve").first).to_be_visible()
    title = page.locator(".field", has_text="Job Title")
    expect(title.get_by_role("button", name="Approve").first).to_be_visible()
    expect(title.locator(".value", has_text="Head of Second Thoughts")).to_be_visible()
    expect(phone).to_be_focused()
    expect(page.locator(".belongs")).to_have_text(belongs)
    assert len(undoing) == 1, "one request undoes both fields"


@pytest.mark.long
def test_undo_key_works_after_a_reload(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Reloading", department="Reloading")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Reloading")
    with page.expect_response(lambda answer: "/decide" in answer.url):
        page.keyboard.press("A")
    page.reload()

    with page.expect_response(lambda answer: "/undo" in answer.url):
        page.keyboard.press("u")

    expect(page.locator("#flash p")).to_have_text("2 undone.")
    title = page.locator(".field", has_text="Job Title")
    expect(title.get_by_role("button", name="Approve").first).to_be_visible()


@pytest.mark.long
def test_key_after_group_undo_decides_the_group(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, address1_line1="Quay 31", address1_city="Tromso")
    sign_in(page, demo)
    open_edit(page, demo, name, "Quay 31")
    group = page.locator(".field", has_text="decided together")

    with page.expect_response(lambda answer: "/undo" in answer.url):
        page.keyboard.press("A")
        page.keyboard.press("u")

    expect(group).to_be_focused()
    page.keyboard.press("a")
    expect(page.locator("#flash p")).to_have_text("2 approved.")


def test_ignored_keys_do_not_block_later_keys(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, birthdate="1980-05-17", assistantname="Ida Moe")
    sign_in(page, demo)
    open_edit(page, demo, name, "Ida Moe")

    page.keyboard.press("a")
    for key in ("e", "1", "Escape", "a"):
        page.keyboard.press(key)

    # Other edits of the demo may propose the same values. Until the last answer, the page says that a key was lost.
    expect(page.locator("#record")).not_to_contain_text(name)
    expect(page.locator("#flash p")).to_have_text("1 approved.")


def test_typed_letters_decide_nothing(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Letters")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Letters")

    page.keyboard.press("r")
    page.locator(".ask-reject input.input").first.focus()
    page.keyboard.type("aajk")
    expect(page.locator(".ask-reject input.input:focus")).to_have_value("aajk")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("aAurx")
    expect(page.locator("#q")).to_have_value("aAurx")

    assert page.locator(".field .outcome").count() == 0
    assert page.locator(".open-reject:checked").count() == 0


def test_closing_help_returns_the_focus(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Help", department="Keys")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Help")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("j")
    expect(page.locator("#record .field:focus")).to_have_count(1)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#record .field:focus")).to_have_count(1)
    assert page.locator(".field .outcome").count() == 0


def test_keys_work_after_the_mouse_was_used(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    page.locator("#record .field .value").first.click()
    page.keyboard.press("x")

    expect(page.get_by_text("1 edit selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 edit selected")).to_be_hidden()


def test_key_repeats_the_earlier_rejection(page: Page, demo: Demo) -> None:
    contact, name = edit_in_outlook(page, demo, jobtitle="Head of Repetition")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Repetition")
    field = page.locator(".field", has_text="Head of Repetition")
    field.get_by_text("Reject…").click()
    field.get_by_text("Kept in CRM only").click()
    field.get_by_role("button", name="Reject Job Title").click()
    expect(field.locator(".outcome")).to_contain_text("Rejected")
    # By another person: capture adds the same value by the same person to the earlier rejection.
    edit = {"user": "Frida Solberg", "contact": contact, "changes": {"jobtitle": "Head of Repetition"}}
    ask(demo, "POST", "/sandbox/outlook", json=edit)
    open_edit(page, demo, name, "Rejected before by you")

    page.keyboard.press("R")

    expect(page.locator("#flash")).to_contain_text("1 rejected.")
