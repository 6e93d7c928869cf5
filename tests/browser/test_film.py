"""Layout shifts that the browser measures while decisions, countdowns and new edits appear and disappear."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_keyboard import edit_many
from tests.browser.test_review import sign_in
from tests.support.film import decide_slowly

pytestmark = pytest.mark.browser


def test_layout_does_not_shift_without_input(page: Page, demo: Demo) -> None:
    sign_in(page, demo)

    moved = decide_slowly(page, records=3, pause=900)
    edit_many(demo, 2)
    expect(page.get_by_role("link", name=re.compile(r"Show \d+ new"))).to_be_visible(timeout=60_000)

    assert moved == []
    assert page.evaluate("window.moved") == []


@pytest.mark.parametrize("place", ["#waiting-in-bar", "#tab-waiting .count"])
def test_growing_count_does_not_shift_its_neighbors(place: str, page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    places = set()
    for count in ("9", "11", "108", "111"):
        page.evaluate("([place, count]) => { document.querySelector(place).textContent = count }", [place, count])
        lefts = "links => links.map((link) => Math.round(link.getBoundingClientRect().left))"
        places.add(tuple(page.locator(f"nav:has({place}) a").evaluate_all(lefts)))

    assert len(places) == 1


def test_layout_shifts_are_measured(page: Page, demo: Demo) -> None:
    sign_in(page, demo)
    decide_slowly(page, records=0, pause=0)

    page.evaluate("document.getElementById('list').insertAdjacentHTML('afterbegin', '<p>pushes</p><p>down</p>')")
    page.wait_for_timeout(500)

    assert page.evaluate("window.moved.length") > 0


@pytest.mark.parametrize("title", ["7 edits, 9 fields", "1,000 edits, 2,310 fields"])
@pytest.mark.parametrize("width", [1440, 390])
def test_new_edits_do_not_shift_the_header(page: Page, demo: Demo, title: str, width: int) -> None:
    sign_in(page, demo)
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("(title) => { document.querySelector('#list-title').textContent = title }", title)
    head = page.locator(".list-head")
    boxes = "all => all.map((one) => [one.getBoundingClientRect().left, one.getBoundingClientRect().right])"

    def places() -> list[list[float]]:
        found: list[list[float]] = head.locator("#tick-all, .orders a").evaluate_all(boxes)
        return found

    before = places()
    page.evaluate("document.querySelector('#fresh').innerHTML = '<a href=\"/review/\">Show 12 new</a>'")

    assert places() == before
    assert head.evaluate("(one) => one.scrollWidth - one.clientWidth") <= 0
    expect(head.get_by_role("link", name="Show 12 new")).to_be_visible()
