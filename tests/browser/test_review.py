"""A reviewer's work in a browser, from the edit in Outlook to the CRM's ledger."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from dataverse_sandbox.config import APPLICATION_USER_ID
from tests.browser.conftest import Demo
from tests.support.world import World

pytestmark = pytest.mark.browser


def sign_in(page: Page, demo: Demo, name: str = "Rita") -> None:
    page.goto(f"{demo.portal}/review/")
    page.get_by_role("button", name="Sign in with Microsoft").click()
    page.get_by_role("button", name=re.compile(f"^{name}")).click()
    expect(page.get_by_role("navigation", name="State")).to_be_visible()


def new_contact(story: World) -> uuid.UUID:
    """Create a contact with its own name for one test, because all tests of a process share one demo."""
    return story.new_contact(f"Contact {uuid.uuid4().hex[:8]}")


def edit_in_outlook(page: Page, demo: Demo, **changes: str) -> tuple[str, str]:
    """Change a new contact as Outlook does; return its id and name."""
    page.goto(f"{demo.sandbox}/outlook/{new_contact(World(demo.sandbox))}")
    for column, value in changes.items():
        page.locator(f"[name={column}]").fill(value)
    page.get_by_role("button", name="Save in Outlook").click()
    # Without the plug-in the edit is staged later.
    told = re.compile(f"{re.escape(next(iter(changes.values())))}|Saved in the CRM")
    expect(page.locator(".told")).to_contain_text(told)
    return page.url.rpartition("/")[2].partition("?")[0], page.locator("h1").inner_text()


def open_edit(page: Page, demo: Demo, name: str, value: str) -> None:
    """Wait for the edit at the top of the newest edits, and open it."""
    row = page.locator(".item a", has_text=name).first
    for _ in range(90):
        page.goto(f"{demo.portal}/review/?order=newest")
        if row.count():
            row.click()
            page.wait_for_url(re.compile(r"/review/[0-9a-f-]{36}/"))
            if page.locator(".record").get_by_text(value).count():
                return
        page.wait_for_timeout(500)
    raise AssertionError(f"the edit of {name} is not in the queue")


def ledger(demo: Demo, contact: str) -> list[dict[str, Any]]:
    """Return the portal's commits to one contact."""
    with requests.Session() as session:
        session.trust_env = False
        entries = session.get(f"{demo.sandbox}/sandbox/ledger", timeout=10).json()
    ours = str(APPLICATION_USER_ID)
    of_contact = [entry for entry in entries if entry["id"] == contact and entry["caller"] == ours]
    return [entry for entry in of_contact if not str(entry["tag"]).startswith("osync-capture-")]


def test_reviewer_approves_and_rejects_fields(page: Page, demo: Demo) -> None:
    contact, name = edit_in_outlook(page, demo, jobtitle="Head of Procurement 7", telephone1="+47 55 00 11 22")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Procurement 7")
    title, phone = (page.locator(".field", has_text=label) for label in ("Job Title", "Business Phone"))

    title.get_by_label("Select Job Title to approve").check()
    phone.get_by_text("Reject…").click()
    phone.get_by_text("Kept in CRM only").click()
    page.get_by_role("button", name="Approve 1, reject 1").click()

    expect(title.locator(".outcome")).to_contain_text("Approved")
    expect(title.locator(".outcome")).to_contain_text("Written", timeout=30_000)
    expect(phone.locator(".outcome")).to_contain_text("kept in CRM only")
    written = ledger(demo, contact)
    ours = {"jobtitle", "telephone1", "osync_revision"}
    assert [set(entry["changes"]) & ours for entry in written] == [{"jobtitle", "osync_revision"}]
    assert written[0]["changes"]["jobtitle"][1] == "Head of Procurement 7"


def test_undo_before_writing_reopens_the_field(page: Page, demo: Demo) -> None:
    contact, name = edit_in_outlook(page, demo, jobtitle="Head of Undoing")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Undoing")
    title = page.locator(".field", has_text="Job Title")

    title.get_by_role("button", name="Approve").first.click()
    title.get_by_role("button", name="Undo").click()

    expect(title.get_by_role("button", name="Approve").first).to_be_visible()
    assert ledger(demo, contact) == []


def test_review_works_without_scripts(chromium: Browser, page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Plain Pages")
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, demo)
    open_edit(plain, demo, name, "Head of Plain Pages")

    plain.locator(".field", has_text="Job Title").get_by_role("button", name="Approve").first.click()

    expect(plain.locator(".field", has_text="Job Title").locator(".outcome")).to_contain_text("Approved")
    context.close()


def test_typed_text_and_focus_survive_decision(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Typing", telephone1="+47 11 22 33 44")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Typing")
    phone = page.locator(".field", has_text="Business Phone")

    page.locator(".field", has_text="Job Title").get_by_role("button", name="Approve").first.click()
    expect(page.locator(".field", has_text="Job Title").locator(".outcome")).to_contain_text("Approved")
    phone.get_by_text("Reject…").click()
    reason = phone.get_by_label("More about the reason")
    reason.press_sequentially("half a sent")
    expect(page.locator(".field", has_text="Job Title").locator(".outcome")).to_contain_text("Written", timeout=30_000)

    expect(reason).to_have_value("half a sent")
    expect(reason).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (768, 1024), (1440, 900)])
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_review_pages_do_not_scroll_sideways(page: Page, demo: Demo, width: int, height: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    sign_in(page, demo)

    for path in ("/review/", page.locator(".item a").first.get_attribute("href") or ""):
        page.goto(demo.portal + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
