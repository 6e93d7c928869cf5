"""axe-core on a page that is open in Chromium, in both colour schemes and both widths without loading it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDE, NARROW = (1440, 900), (390, 844)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# What an element is called and does is the same in the dark; only colours are not.
EVERYTHING: dict[str, Any] = {"resultTypes": ["violations"]}
BY_COLOUR = EVERYTHING | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
_AXE = Axe()


def assert_no_violations(page: Page, *, sees: str = "", options: dict[str, Any] = EVERYTHING) -> None:
    """Nothing that axe objects to, on a page whose visible text really holds `sees`."""
    text = page.locator("body").inner_text()
    assert sees in text, f"“{sees}” is not on the page:\n{text[:2000]}"
    results = _AXE.run(page, options=options)
    assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"


def looks(page: Page) -> Iterator[str]:
    """Show the open page light and dark, wide and narrow; yields the look's name."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width, height in (WIDE, NARROW):
            page.set_viewport_size({"width": width, "height": height})
            yield f"{scheme}, {width}"


def assert_no_violations_in_any_look(page: Page, *, sees: str = "") -> None:
    """`assert_no_violations` in every look: every rule in both widths, those about colours in the dark as well."""
    for look in looks(page):
        assert_no_violations(page, sees=sees, options=BY_COLOUR if look.startswith("dark") else EVERYTHING)
