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


def main(portal: str, folder: Path) -> None:
    """Sign in as Rita, and take each page wide and narrow, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium.find() or None, args=ARGUMENTS)
        _take_sign_in(browser, portal, folder)
        for name, size, scheme in _views():
            _take(browser, portal, folder, name, size, scheme)
        browser.close()


def _views() -> list[tuple[str, tuple[int, int], Scheme]]:
    return [("", WIDE, "light"), ("-dark", WIDE, "dark"), ("-390", NARROW, "light"), ("-390-dark", NARROW, "dark")]


def _take_sign_in(browser: Browser, portal: str, folder: Path) -> None:
    page = browser.new_page(viewport={"width": WIDE[0], "height": WIDE[1]})
    page.goto(portal)
    page.screenshot(path=folder / "sign-in.png")
    page.close()


def _take(browser: Browser, portal: str, folder: Path, suffix: str, size: tuple[int, int], scheme: Scheme) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    _sign_in(page, portal)
    page.screenshot(path=folder / f"queue{suffix}.png")
    with page.expect_response(lambda answer: answer.url.endswith("/read-again")):
        page.locator(".item a").nth(2).click()
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)
    page.screenshot(path=folder / f"record{suffix}.png")
    page.context.close()


def _sign_in(page: Page, portal: str) -> None:
    page.goto(f"{portal}/sign-in/start")
    page.get_by_role("button", name="Rita").click()
    page.wait_for_load_state("networkidle")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]))
