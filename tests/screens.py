"""`make screens`: the pictures of docs/screens/, taken from a running demo.

`python -m tests.screens http://127.0.0.1:8000 docs/screens`
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests import chromium

WIDE, NARROW = (1440, 900), (390, 844)
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
Scheme = Literal["light", "dark"]
VIEWS: tuple[tuple[str, tuple[int, int], Scheme], ...] = (
    ("", WIDE, "light"),
    ("-dark", WIDE, "dark"),
    ("-390", NARROW, "light"),
)
# What each of the demo's people sees; the record page is opened from the queue.
PAGES = {
    "Rita": {
        "queue": "/review/",
        "queue-narrowed": "/review/?kind=format",
        "activity": "/activity/",
        "evidence": "/activity/evidence/",
        "numbers": "/numbers/",
        "me": "/settings/me",
    },
    "Ada": {
        "settings": "/settings/",
        "settings-mails": "/settings/mails/",
        "settings-rules": "/settings/rules/",
        "settings-people": "/settings/people/",
        "settings-connection": "/settings/connection/",
        "settings-file": "/settings/file/",
    },
    "Fred": {
        "filters": "/filters/",
        "filter-runs": "/filters/runs/",
        "filter-plan": "/filters/plan",
        "filter-risk": "/filters/risk/",
        "policies": "/filters/policies/",
        "policy-new": "/filters/policies/new",
        "everybody": "/filters/everybody/",
    },
}


def main(portal: str, folder: Path) -> None:
    """Sign in as each of them and take their pages: wide in both colour schemes, and narrow."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium.find() or None, args=ARGUMENTS)
        for suffix, size, scheme in VIEWS:
            _take_sign_in(new_page(browser, size, scheme), portal, folder / f"sign-in{suffix}.jpg")
            for person, pages in PAGES.items():
                page = new_page(browser, size, scheme)
                sign_in(page, portal, person)
                for name, path in pages.items():
                    page.goto(portal + path)
                    _take(page, folder / f"{name}{suffix}.jpg")
                if person == "Rita":
                    _take_record(page, portal, folder / f"record{suffix}.jpg")
                page.context.close()
        browser.close()


def new_page(browser: Browser, size: tuple[int, int], scheme: Scheme) -> Page:
    """A window of this size."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    return context.new_page()


def _take_sign_in(page: Page, portal: str, file: Path) -> None:
    page.goto(portal)
    _take(page, file)
    page.context.close()


def sign_in(page: Page, portal: str, person: str) -> None:
    """Sign in at the sandbox as one of the demo's people."""
    page.goto(f"{portal}/sign-in/start")
    page.get_by_role("button", name=person).first.click()
    page.wait_for_load_state("networkidle")


def _take_record(page: Page, portal: str, file: Path) -> None:
    page.goto(f"{portal}/review/")
    with page.expect_response(lambda answer: answer.url.endswith("/read-again")):
        page.locator(".item a").nth(2).click()
    _take(page, file)


def _take(page: Page, file: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)
    page.screenshot(path=file, type="jpeg", quality=72)


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]))
