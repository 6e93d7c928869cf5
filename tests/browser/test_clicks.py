"""Clicks made while a response is pending."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Demo
from tests.browser.test_keyboard import ask, decisions_since
from tests.browser.test_review import edit_in_outlook, open_edit, sign_in
from tests.support.servers import wait_until

pytestmark = pytest.mark.browser


def test_second_click_waits_for_first_answer(page: Page, demo: Demo) -> None:
    _, name = edit_in_outlook(page, demo, jobtitle="Head of Haste", telephone1="+47 55 90 90 90")
    sign_in(page, demo)
    open_edit(page, demo, name, "Head of Haste")
    seq = max((entry["seq"] for entry in _ledger(demo)), default=0)
    sent: list[str] = []

    def slowly(route: Route) -> None:
        sent.append(route.request.post_data or "")
        page.wait_for_timeout(400)
        route.continue_()

    page.route(re.compile("/decide"), slowly)
    title, phone = (page.locator(".field", has_text=label) for label in ("Job Title", "Business Phone"))
    title.get_by_role("button", name="Approve").first.click()
    phone.get_by_role("button", name="Approve").first.click(no_wait_after=True)
    title.locator(".field-actions").click(no_wait_after=True)

    expect(phone.locator(".outcome")).to_contain_text("Approved")
    expect(title.locator(".outcome")).to_contain_text("Approved")
    assert len(sent) == 2
    wait_until(lambda: len(decisions_since(demo, seq)) >= 2, seconds=60, what="both fields are written, each once")


def _ledger(demo: Demo) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(demo, "GET", "/sandbox/ledger")
    return found
