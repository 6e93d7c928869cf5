"""The sandbox's pages in a browser: accessible in every look, with buttons for faults."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import assert_no_violations_in_any_look, looks
from tests.browser.conftest import Demo

pytestmark = [pytest.mark.browser, pytest.mark.long]
PAGES = {
    "/sandbox/": "simulates Microsoft’s cloud",
    "/outlook/": "a stand-in for Outlook",
    "/writers/": "not the only one",
    "/mail/": "No mail leaves this machine",
    "/people/": "All people are fictitious",
    "/people/Jonas Weber": "Synchronization filters",
    "/ledger/": "newest first",
    "/auditing/": "own audit log",
    "/faults/": "on a bad day",
}


@pytest.mark.parametrize("path", PAGES)
def test_sandbox_pages_are_accessible_and_fit(page: Page, demo: Demo, path: str) -> None:
    page.goto(f"{demo.sandbox}{path}")

    assert_no_violations_in_any_look(page, sees=PAGES[path])
    assert [look for look in looks(page) if page.evaluate("document.documentElement.scrollWidth > innerWidth")] == []


def test_faults_can_be_started_and_ended(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.sandbox}/faults/")

    page.get_by_role("button", name="Start").first.click()
    expect(page.get_by_role("status")).to_contain_text("2000 ms late")
    page.get_by_role("button", name="End all faults").click()
    expect(page.get_by_role("status")).to_contain_text("No faults")
