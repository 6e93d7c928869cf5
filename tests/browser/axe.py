"""axe-core on a page in Chromium, in both color schemes and both widths without reloading it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDE, NARROW = (1440, 900), (390, 844)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# Names and roles are the same in the dark theme; only colors differ.
EVERYTHING: dict[str, Any] = {"resultTypes": ["violations"]}
BY_COLOR = EVERYTHING | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
_AXE = Axe()


def assert_no_violations(page: Page, *, sees: str = "", options: dict[str, Any] = EVERYTHING) -> None:
    """Assert that axe finds no violations on a page whose visible text contains `sees`."""
    text = page.locator("body").inner_text()
    assert sees in text, f"“{sees}” is not on the page:\n{text[:2000]}"
    results = _AXE.run(page, options=options)
    assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"


def looks(page: Page) -> Iterator[str]:
    """Show the open page light and dark, wide and narrow; yield the look's name."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width, height in (WIDE, NARROW):
            page.set_viewport_size({"width": width, "height": height})
            yield f"{scheme}, {width}"


def assert_no_violations_in_any_look(page: Page, *, sees: str = "") -> None:
    """Call `assert_no_violations` in every look: all rules in both widths, and the color rules in dark, too."""
    for look in looks(page):
        assert_no_violations(page, sees=sees, options=BY_COLOR if look.startswith("dark") else EVERYTHING)
