"""The queue from the keyboard alone: at machine speed no key and no focus is lost, and the CRM's ledger agrees."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_review import edit_in_outlook, open_edit, sign_in
from tests.servers import wait_until

pytestmark = pytest.mark.browser
EDITS = int(os.environ.get("KEYBOARD_EDITS", "8"))
APPROVED, REJECTED = 410000001, 410000002
# One outcome a field, again and again: approve, reject with the first reason, approve, correct.
PATTERN = ("approve", "reject", "approve", "correct", "approve")


def ask(demo: Demo, method: str, path: str, **options: Any) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, f"{demo.sandbox}{path}", timeout=30, **options)
        answer.raise_for_status()
        return answer.json()


def contacts(demo: Demo, count: int) -> list[dict[str, str]]:
    token = ask(demo, "POST", "/sandbox/token", json={"user": "Jonas Weber"})["access_token"]
    path = f"/api/data/v9.2/contacts?$select=contactid,fullname&$orderby=contactid&$top={count}"
    rows: list[dict[str, str]] = ask(demo, "GET", path, headers={"Authorization": f"Bearer {token}"})["value"]
    return rows


def edit_many(demo: Demo, count: int) -> tuple[int, str]:
    """Edits of mixed size, the newest of all; how many fields they change, and whose edit was the last."""
    fields, people = 0, contacts(demo, count)
    for number, contact in enumerate(people):
        changes = {"jobtitle": f"Keyboard {number}", "telephone1": f"+47 55 {number:06}"}
        wanted = dict(list(changes.items())[: 1 + number % 2])
        edit = {"user": "Jonas Weber", "contact": contact["contactid"], "changes": wanted}
        ask(demo, "POST", "/sandbox/outlook", json=edit)
        fields += len(wanted)
    return fields, people[-1]["fullname"]


def decisions_since(demo: Demo, seq: int) -> dict[str, dict[str, Any]]:
    """What the portal wrote into the staging rows: columns by row, each row at most once."""
    found: dict[str, dict[str, Any]] = {}
    for entry in ask(demo, "GET", f"/sandbox/ledger?since={seq}"):
        columns = {name: new for name, (_, new) in entry["changes"].items()}
        # Older edits of the same fields are superseded by ours; nobody pressed a key for those.
        if entry["table"] == "osync_syncfield" and columns.get("osync_decision") in (APPROVED, REJECTED):
            assert entry["id"] not in found, "one field was decided twice"
            found[entry["id"]] = columns
    return found


def press(page: Page, outcome: str, number: int) -> None:
    page.keyboard.press({"approve": "a", "reject": "r", "correct": "e"}[outcome])
    if outcome == "correct":
        page.keyboard.type(f" C{number}!")
    if outcome != "approve":
        page.keyboard.press("Enter")


@pytest.mark.timeout(600)  # a second of work on a free machine is many on a busy one
def test_many_edits_are_decided_by_keys_at_machine_speed(page: Page, demo: Demo) -> None:
    seq = max((entry["seq"] for entry in ask(demo, "GET", "/sandbox/ledger")), default=0)
    fields, last = edit_many(demo, EDITS)
    plan = [PATTERN[number % len(PATTERN)] for number in range(fields)]
    sign_in(page, demo)
    fresh = f"{demo.portal}/review/?order=newest&age=fresh"
    # The mirror keeps the order of the edits: where the last one is, all are. It may be beyond the first 50 rows.
    found = f"{fresh}&{urlencode({'q': last})}"
    wait_until(lambda: page.goto(found) and page.locator(".item", has_text=last).count(), seconds=60, what="the edits")
    page.goto(fresh)
    loads: list[str] = []
    page.on("load", lambda tab: loads.append(tab.url))
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if sent.headers.get("hx-target") == "record" else None)

    started = time.monotonic()
    for number, outcome in enumerate(plan):
        press(page, outcome, number)
    wait_until(lambda: len(decisions_since(demo, seq)) >= fields, seconds=500, what="every field is decided in the CRM")
    seconds = time.monotonic() - started

    assert page.evaluate("document.activeElement.matches('#record .field')"), "the focus was lost"
    expect(page.locator(".items a[aria-current]")).to_be_in_viewport()
    assert loads == []
    assert [url for url in asked if "/decide" not in url] == [], "each next contact comes with a decision's answer"
    written = decisions_since(demo, seq)
    counts = Counter(row["osync_decision"] for row in written.values())
    assert counts == {APPROVED: len(plan) - plan.count("reject"), REJECTED: plan.count("reject")}
    typed = {f"C{number}!" for number, outcome in enumerate(plan) if outcome == "correct"}
    applied = {str(row.get("osync_appliedvalue") or "").rpartition(" ")[2] for row in written.values()}
    assert typed <= applied, "a typed character was lost"
    assert seconds < 500


def test_a_key_takes_back_the_last_decision_even_from_the_next_contact(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, 8, jobtitle="Head of Second Thoughts", telephone1="+47 55 88 88 88")
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
    assert len(undoing) == 1, "both by one request"


def test_letters_that_are_typed_decide_nothing(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, 9, jobtitle="Head of Letters")
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


def test_help_opens_and_closes_and_gives_the_focus_back(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
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

    expect(page.get_by_text("1 contact selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 contact selected")).to_be_hidden()
