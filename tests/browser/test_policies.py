"""The policy pages in a browser, from the form to the report: accessible in every look."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import assert_no_violations_in_any_look
from tests.browser.conftest import Demo
from tests.support.servers import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def fred(page: Page, demo: Demo) -> Page:
    page.goto(f"{demo.portal}/sign-in/start")
    page.get_by_role("button", name=re.compile("^Fred")).click()
    expect(page.get_by_role("link", name="Filters", exact=True)).to_be_visible()
    return page


def wait_for_words(page: Page, words: str) -> None:
    """Reload the page until it contains the words."""

    def says() -> bool:
        page.wait_for_timeout(1_000)
        page.reload()
        return words in page.locator("main").inner_text()

    wait_until(says, seconds=120, what=f"the page says {words}")


def test_policy_pages_are_accessible_from_form_to_report(fred: Page, demo: Demo):
    fred.goto(f"{demo.portal}/filters/policies/new")
    wait_for_words(fred, "Sales North")
    assert_no_violations_in_any_look(fred, sees="For everyone in")
    fred.get_by_label("Name", exact=True).fill("No appointments")
    fred.get_by_label("For everyone in").select_option(index=1)
    fred.get_by_role("button", name="Create in shadow mode").click()
    expect(fred.get_by_role("heading", name="No appointments")).to_be_visible()

    wait_for_words(fred, "in the group")

    assert_no_violations_in_any_look(fred, sees="Turn on repair")
    for path, sees in {"policies/": "No appointments", "everybody/": "System filters"}.items():
        fred.goto(f"{demo.portal}/filters/{path}")
        assert_no_violations_in_any_look(fred, sees=sees)
        assert fred.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
