"""From the mail to the decision in a browser: link, sign-in, preselected choice, second click."""

from __future__ import annotations

import re
import time

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_review import edit_in_outlook, ledger
from tests.support.servers import wait_until

pytestmark = pytest.mark.browser
QUIET_SECONDS = 8.0  # longer than reading new edits and sending the mails about them
RITA = "rita.lindqvist@contoso.example"


def mails(demo: Demo) -> list[dict[str, str]]:
    with requests.Session() as session:
        session.trust_env = False
        found: list[dict[str, str]] = session.get(f"{demo.sandbox}/mail/?format=json", timeout=10).json()
    return found


def mail_about(demo: Demo, words: str) -> dict[str, str]:
    """Wait for Rita's mail with these words; her colleagues get theirs in any order."""
    wait_until(lambda: _sent_to_rita(demo, words), seconds=120, what=f"a mail: {words}")
    return _sent_to_rita(demo, words)[0] | {"asked": words}


def _sent_to_rita(demo: Demo, words: str) -> list[dict[str, str]]:
    return [mail for mail in mails(demo) if words in mail["text"] and mail["to"] == RITA]


def wait_until_mails_are_sent(demo: Demo) -> None:
    """Wait until the mails of earlier tests are sent, because one mail names at most ten contacts."""
    known, since = -1, 0.0

    def is_quiet() -> bool:
        nonlocal known, since
        found = len(mails(demo))
        if found != known:
            known, since = found, time.monotonic()
        return time.monotonic() - since > QUIET_SECONDS

    wait_until(is_quiet, seconds=120, what="no further mail")


def link_in(mail: dict[str, str], word: str) -> str:
    """Return the link of this edit; the mail can contain others."""
    found = re.search(rf"{word}: +(http\S+)", mail["text"][mail["text"].index(mail["asked"]) :])
    assert found is not None
    return found[1]


def mail_about_edit(page: Page, demo: Demo, title: str) -> tuple[str, dict[str, str]]:
    """Edit a contact in Outlook; Rita's mail arrives although no one is signed in."""
    wait_until_mails_are_sent(demo)
    contact, _ = edit_in_outlook(page, demo, jobtitle=title, department=f"{title} department")
    return contact, mail_about(demo, title)


def sign_in_from_link(page: Page, link: str, name: str = "Rita") -> None:
    page.goto(link)
    page.get_by_role("button", name="Sign in with Microsoft").click()
    page.get_by_role("button", name=re.compile(f"^{name}")).click()
    page.wait_for_url(re.compile(r"/review/[0-9a-f-]{36}/\?link="))


def test_approve_link_preselects_and_enter_decides(page: Page, demo: Demo) -> None:
    contact, mail = mail_about_edit(page, demo, "Head of Mail Rooms")

    sign_in_from_link(page, link_in(mail, "Approve"))
    expect(page.get_by_text("Your mail asked to approve")).to_be_visible()
    expect(page.locator("input[name^='tick.']:checked")).to_have_count(2)
    assert ledger(demo, contact) == [], "opening the link decided nothing"
    expect(page.locator("#crm-now")).to_contain_text("read just now")
    expect(page.get_by_role("button", name="Approve 2")).to_be_focused()
    page.keyboard.press("Enter")
    wait_until(lambda: ledger(demo, contact), seconds=30, what="written")

    page.goto(link_in(mail, "Reject"))
    expect(page.get_by_text("Already decided")).to_be_visible()
    expect(page.locator(".record")).to_contain_text("last by Rita Lindqvist")
    assert len({entry["transaction"] for entry in ledger(demo, contact)}) == 1


@pytest.mark.long
def test_forwarded_or_truncated_link_leads_to_edit(page: Page, demo: Demo) -> None:
    _, mail = mail_about_edit(page, demo, "Head of Forwarding")
    link = link_in(mail, "Approve")

    sign_in_from_link(page, link, "Rob")
    expect(page.get_by_text("made for someone else")).to_be_visible()
    page.goto(link[:-8])
    expect(page.get_by_text("is incomplete")).to_be_visible()
    expect(page.locator("input[name^='tick.']:checked")).to_have_count(0)
    expect(page.locator(".record")).to_contain_text("Head of Forwarding")


@pytest.mark.long
def test_edit_opened_from_mail_fits_a_phone(page: Page, demo: Demo) -> None:
    _, mail = mail_about_edit(page, demo, "Head of Pockets")
    page.set_viewport_size({"width": 390, "height": 844})

    sign_in_from_link(page, link_in(mail, "Reject"))

    expect(page.get_by_text("Your mail asked to reject")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.long
def test_mail_preferences_need_no_sign_in(page: Page, demo: Demo) -> None:
    _, mail = mail_about_edit(page, demo, "Head of Wishes")

    page.goto(link_in(mail, "stop them"))
    page.get_by_label("Hourly digest").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Hourly digest")
    page.get_by_label("Immediately").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Immediately")
