"""`make film`: screenshots of a review at human speed, and layout shifts without user input.

`python -m tests.support.film http://127.0.0.1:8000 film`
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.support import chromium
from tools.screens import ARGUMENTS, WIDE, new_page, sign_in

RECORDS = 8
PAUSE = 1200  # milliseconds between two keys: a person who reads before deciding
# What moved without a key or click in the half second before it ("Layout Instability API", hadRecentInput). Shifts from
# before the call do not count: a busy machine paints a page in parts while it loads.
WATCH = """
window.moved = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const what = entry.sources.map((one) => one.node?.id || one.node?.className || one.node?.nodeName);
    window.moved.push({ value: entry.value, what });
  }
}).observe({ type: "layout-shift" });
"""


def decide_slowly(
    page: Page, *, records: int, pause: float, take_screenshot: Callable[[str], None] = lambda name: None
) -> list[dict[str, Any]]:
    """Decide edits of the open queue by keys, alternating approve and reject; return layout shifts."""
    page.evaluate(WATCH)
    for number in range(records):
        name = page.locator("#record").get_attribute("data-record")
        for _ in range(12):  # fields of one edit
            take_screenshot(f"{number}-before")
            _decide(page, number)
            page.wait_for_timeout(pause / 2)
            take_screenshot(f"{number}-after")
            page.wait_for_timeout(pause / 2)
            if page.locator("#record").get_attribute("data-record") != name:
                break
    page.wait_for_timeout(3000)  # countdowns end, the worker writes, new edits arrive
    take_screenshot("end")
    moved: list[dict[str, Any]] = page.evaluate("window.moved")
    return moved


def _decide(page: Page, number: int) -> None:
    if number % 4 == 3:
        page.keyboard.press("r")
        page.wait_for_timeout(300)
        page.keyboard.press("Enter")
    else:
        page.keyboard.press("a")


def main(portal: str, folder: Path) -> None:
    """Take the screenshots and print the layout shifts."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = 0

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium.find() or None, args=ARGUMENTS)
        page = new_page(browser, WIDE, "light")
        sign_in(page, portal, "Rita")

        def take_screenshot(name: str) -> None:
            nonlocal taken
            taken += 1
            page.screenshot(path=folder / f"{taken:03}-{name}.jpg", type="jpeg", quality=60)

        moved = decide_slowly(page, records=RECORDS, pause=PAUSE, take_screenshot=take_screenshot)
        browser.close()
    total = sum(one["value"] for one in moved)
    sys.stdout.write(f"{taken} pictures in {folder}; moved by itself: {total:.4f} {moved or ''}\n")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]))
