"""The processes of deploy/, over TLS and behind a proxy: sign in, edit, approve, restart one portal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import chromium  # noqa: F401  (a fixture is found by its name)
from tests.deployment.installation import HOST, Installation, running_installation
from tests.support.servers import Server, wait_until

pytestmark = pytest.mark.long
TITLE = "Head of Deployment"


@pytest.fixture(scope="module")
def installed() -> Iterator[Installation]:
    with running_installation() as made:
        yield made


@pytest.fixture
def rita(chromium: Browser, installed: Installation) -> Iterator[Page]:  # noqa: F811  (the fixture imported above)
    """Return a tab in which Rita is signed in."""
    # Both certificates are their own authorities.
    context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{installed.url}/review/")
    page.get_by_role("button", name="Sign in with Microsoft").click()
    page.get_by_role("button", name=re.compile("^Rita")).click()
    expect(page.get_by_role("navigation", name="State")).to_be_visible()
    yield page
    context.close()


def ledger(page: Page, installed: Installation, contact: str) -> list[dict[str, Any]]:
    """Return the portal's writes of a contact."""
    lines = page.request.get(f"{installed.crm}/sandbox/ledger").json()
    return [line for line in lines if line["id"] == contact and "jobtitle" in line["changes"] and not line["plugin"]]


def logged(process: Server) -> list[dict[str, str]]:
    """Return the lines that a process logged as JSON."""
    return [json.loads(line) for line in process.output().splitlines() if line.startswith("{")]


def edit_in_outlook(page: Page, installed: Installation) -> tuple[str, str]:
    """Change the first contact as Outlook does; return its id and name."""
    page.goto(f"{installed.crm}/outlook/")
    page.locator("table a, li a").first.click()
    page.locator("[name=jobtitle]").fill(TITLE)
    page.get_by_role("button", name="Save in Outlook").click()
    expect(page.locator(".told")).to_contain_text(TITLE)
    return page.url.rpartition("/")[2].partition("?")[0], page.locator("h1").inner_text()


def test_edit_is_approved_through_the_proxy(rita: Page, installed: Installation) -> None:
    contact, name = edit_in_outlook(rita, installed)
    before = len(ledger(rita, installed, contact))

    def shown() -> bool:
        rita.goto(f"{installed.url}/review/?order=newest&q={name}")
        return rita.get_by_text(TITLE).count() > 0

    wait_until(shown, seconds=60, what="the edit is in the queue")
    field = rita.locator(".field", has_text=TITLE)
    field.get_by_role("button", name="Approve").first.click()

    wait_until(lambda: len(ledger(rita, installed, contact)) > before, seconds=60, what="the value is in the CRM")
    assert ledger(rita, installed, contact)[-1]["changes"]["jobtitle"][1] == TITLE
    assert any(line.get("job", "").startswith("delivery:") for line in logged(installed.workers["writing"]))


def test_unencrypted_address_redirects_to_https(installed: Installation) -> None:
    response = requests.get(f"{installed.http_url}/review/?q=Ann", allow_redirects=False, timeout=10)

    assert (response.status_code, response.headers["location"]) == (301, f"https://{HOST}/review/?q=Ann")


def test_restart_of_one_portal_fails_no_request(rita: Page, installed: Installation) -> None:
    for port in list(installed.portals):
        stopped = installed.portals.pop(port)
        stopped.process.terminate()
        statuses = [rita.request.get(f"{installed.url}/review/").status for _ in range(20)]
        assert stopped.process.wait(timeout=60) == 0
        installed.start_portal(port)

        assert set(statuses) == {200}


def test_log_contains_request_id(rita: Page, installed: Installation) -> None:
    response = rita.request.get(f"{installed.url}/no-such-page")

    named = {line.get("request") for portal in installed.portals.values() for line in logged(portal)}
    assert response.headers["x-request-id"] in named
