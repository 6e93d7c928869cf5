"""A German browser gets its time zone, dates and decimal comma without settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import assert_no_violations_in_any_look
from tests.browser.conftest import Demo

pytestmark = pytest.mark.browser


@pytest.fixture
def german(chromium: Browser, demo: Demo) -> Iterator[Page]:
    """Return the page of Vera's first sign-in in a German browser."""
    view = {"width": 1440, "height": 900}
    context = chromium.new_context(viewport=view, locale="de-DE", timezone_id="Europe/Berlin")
    page = context.new_page()
    page.goto(f"{demo.portal}/sign-in/start")
    page.get_by_role("button", name=re.compile("^Vera")).click()
    expect(page.get_by_role("link", name="Numbers")).to_be_visible()
    yield page
    context.close()


def test_german_browser_gets_german_formats(german: Page, demo: Demo):
    expect(german.get_by_text("Which time zone are you in?")).to_have_count(0)
    time = german.locator("time[title]").first
    expect(time).to_have_attribute("title", re.compile(r"^\w{3} \d\d\.\d\d\.\d{4}, \d\d:\d\d CES?T$"))

    german.goto(f"{demo.portal}/review/?field=creditlimit")
    expect(german.locator(".pane.record")).to_contain_text(re.compile(r"€\d{1,3}(\.\d{3})*,\d\d"))

    german.goto(f"{demo.portal}/settings/me")
    expect(german.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    expect(german.get_by_label("Dates and numbers")).to_have_value("de-DE")


def test_zone_question_is_asked_once_without_scripts(chromium: Browser, demo: Demo):
    context = chromium.new_context(java_script_enabled=False, locale="de-DE", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{demo.portal}/sign-in/start")
    page.get_by_role("button", name=re.compile("^Frida")).click()

    page.get_by_label("Which time zone are you in?").fill("Berlin")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("link", name="Filters", exact=True)).to_be_visible()
    expect(page.get_by_text("Which time zone are you in?")).to_have_count(0)
    context.close()


def test_zone_question_is_accessible(chromium: Browser, demo: Demo):
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script("Intl.DateTimeFormat.prototype.resolvedOptions = () => ({ timeZone: '' })")
    page = context.new_page()
    page.goto(f"{demo.portal}/sign-in/start")
    page.get_by_role("button", name=re.compile("^Rob")).click()

    assert_no_violations_in_any_look(page, sees="Which time zone are you in?")
    page.get_by_role("button", name="Keep UTC").click()
    expect(page.get_by_text("Which time zone are you in?")).to_have_count(0)
    context.close()
