"""The settings pages in a browser: accessible in every look; a new rule and the stop."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import assert_no_violations, assert_no_violations_in_any_look
from tests.browser.conftest import Demo

pytestmark = pytest.mark.browser


def sign_in(page: Page, demo: Demo) -> Page:
    page.goto(f"{demo.portal}/sign-in/start")
    page.get_by_role("button", name=re.compile("^Ada")).click()
    expect(page.get_by_role("link", name="Settings", exact=True)).to_be_visible()
    return page


@pytest.fixture
def ada(page: Page, demo: Demo) -> Page:
    return sign_in(page, demo)


def write_a_rule(page: Page, demo: Demo, name: str) -> None:
    page.goto(f"{demo.portal}/settings/rules/new")
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_text("Format only", exact=True).click()
    page.get_by_role("button", name="Save and simulate").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_settings_pages_are_accessible(ada: Page, demo: Demo):
    write_a_rule(ada, demo, "Looks at formats")
    assert_no_violations_in_any_look(ada, sees="Enable or remove")
    pages = {
        "/settings/": "Fields decided together",
        "/settings/rules/": "Looks at formats",
        "/settings/rules/new": "Kind of change",
        "/settings/capture/": "Capture is off",
        "/settings/capture/put-back/": "Make a plan",
        "/settings/capture/identities/?q=rita": "No users listed yet",
        "/settings/people/": "Ada Brennan",
        "/settings/me": "Your settings",
        "/settings/mails/": "Address for operations",
        "/settings/connection/": "Stop all CRM writes",
        "/settings/file/": "Export settings",
    }
    for path, sees in pages.items():
        ada.goto(f"{demo.portal}{path}")
        assert_no_violations_in_any_look(ada, sees=sees)
    ada.goto(f"{demo.portal}/settings/people/")
    ada.get_by_role("link", name="Ada Brennan").click()
    assert_no_violations_in_any_look(ada, sees="Last day away")


def test_refused_settings_form_is_accessible(window: BrowserContext, demo: Demo):
    # Another tab: Chromium logs an error for every refused request, and this one is intended.
    ada = sign_in(window.new_page(), demo)
    ada.goto(f"{demo.portal}/settings/")
    ada.get_by_label("Time to undo a decision (seconds)").fill("soon")
    ada.get_by_role("button", name="Save").first.click()
    assert_no_violations(ada, sees="Nothing was changed.")


def test_writing_is_stopped_by_keyboard(ada: Page, demo: Demo):
    ada.goto(f"{demo.portal}/settings/connection/")
    ada.get_by_label("Reason").focus()
    ada.keyboard.type("Looking at wrong values")
    ada.keyboard.press("Enter")
    expect(ada.locator(".banner")).to_contain_text("Looking at wrong values")
    ada.locator(".banner summary").press("Enter")
    expect(ada.locator(".banner details")).to_contain_text("Where to look: Settings, Connection.")
    assert_no_violations_in_any_look(ada, sees="Resume")

    ada.get_by_role("button", name="Resume").press("Enter")

    expect(ada.locator(".banner")).to_have_count(0)


def test_settings_fit_a_phone(ada: Page, demo: Demo):
    ada.set_viewport_size({"width": 390, "height": 844})
    for path in ("", "rules/", "rules/new", "capture/", "people/", "mails/", "connection/", "file/", "me"):
        ada.goto(f"{demo.portal}/settings/{path}")
        width = ada.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, path


def test_connection_check_runs_and_is_accessible(ada: Page, demo: Demo):
    ada.goto(f"{demo.portal}/settings/connection/check/")
    assert_no_violations_in_any_look(ada, sees="has not been checked yet")

    ada.get_by_role("button", name="Check now").click()

    expect(ada.get_by_role("heading", name="Privileges, for IT security")).to_be_visible(timeout=120_000)
    expect(ada.get_by_role("button", name="Check again")).to_be_visible()
    for finding in ada.locator("details.finding").all()[:6]:
        finding.locator("summary").press("Enter")
    assert_no_violations_in_any_look(ada, sees="These values must match")
