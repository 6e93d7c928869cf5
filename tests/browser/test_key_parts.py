"""The keyboard scripts, each alone on an empty page: action queue and key map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
SCRIPTS = Path(__file__).parents[2] / "syncapp" / "static" / "portal"
RECORD = """
<section id="record" data-record="c1">
  <div class="field" id="field" tabindex="-1"></div>
  <div class="ask"><input id="reason" name="text.f1"></div>
</section>
<ol class="items"><li class="item" id="row-c2"><a id="row" href="#">Contact</a></li></ol>
<input id="q">
"""
# Stand-ins for the scripts that the key map uses; each call is recorded by its name.
STAND_INS = """
const calls = [];
const noting = (known) => new Proxy(known, { get: (target, name) => target[name] ?? ((...args) => {
  calls.push([name, ...args.filter((each) => typeof each === "string" || typeof each === "number")].join(" "));
}) });
const commands = noting({});
const fields = noting({
  record: () => document.getElementById("record"), isSeen: () => true, here: () => null, isRefused: () => false,
  isPanelOpen: () => false, isTyping: (element) => element.matches("input"), moveOn: () => {},
});
const requests = noting({ isBusy: () => window.isBusy ?? false, isRecordBusy: () => window.isBusy ?? false });
"""


def load(page: Page, *names: str) -> None:
    for name in names:
        page.add_script_tag(path=SCRIPTS / name)


def press(page: Page, place: str, key: str) -> list[str]:
    """Return the calls that the key map makes for a key in an element."""
    page.evaluate("calls.length = 0")
    page.locator(place).press(key)
    calls: list[str] = page.evaluate("calls")
    return calls


@pytest.fixture
def key_map(page: Page) -> Page:
    page.set_content(RECORD)
    page.add_script_tag(content=STAND_INS)
    load(page, "keys.js")
    return page


def test_queued_actions_run_in_order_until_stopped(page: Page) -> None:
    load(page, "actions.js")

    done: Any = page.evaluate("""() => {
      const done = [], queue = new ActionQueue();
      ["a", "b", "c"].forEach((key) => queue.add(() => done.push(key), key));
      queue.runWhile(() => done.length < 2);
      return done;
    }""")

    assert done == ["a", "b"]


def test_refusal_keeps_clicks_and_typed_text(page: Page) -> None:
    load(page, "actions.js")

    typed, done = page.evaluate("""() => {
      const done = [], queue = new ActionQueue();
      queue.add(() => done.push("click"));
      ["n", "o", "Enter", "a"].forEach((key) => queue.add(() => done.push(key), key));
      const typed = queue.takeTyped();
      queue.runWhile(() => true);
      return [typed, done];
    }""")

    assert (typed, done) == (["n", "o"], ["click"])


@pytest.mark.parametrize(
    ("place", "key", "call"),
    [
        ("#field", "a", "approve"),
        ("#field", "Shift+A", "approveAll"),
        ("#field", "r", "reject"),
        ("#field", "Shift+R", "rejectAgain"),
        ("#field", "e", "correct"),
        ("#field", "u", "undo"),
        ("#field", "j", "step 1"),
        ("#field", "ArrowUp", "step -1"),
        ("#field", "x", "select c1"),
        ("#field", "p", "park"),
        ("#field", "m", "assign"),
        ("#field", "q", "ask"),
        ("#field", "c", "comment"),
        ("#field", "o", "openInCrm"),
        ("#field", "Shift+J", "openContact 1"),
        ("#field", "Shift+K", "openContact -1"),
        ("#field", "t", "openTab 1"),
        ("#row", "Shift+T", "openTab -1"),
        ("#row", "x", "select c2"),
        ("#row", "a", "say Press Enter to open this contact first."),
        ("#field", "?", "showKeys"),
        ("#field", "Escape", "clearSelection"),
        ("#reason", "Enter", "submit"),
    ],
)
def test_each_key_runs_its_command(key_map: Page, place: str, key: str, call: str) -> None:
    assert press(key_map, place, key) == [call]


def test_letters_in_an_input_are_typed(key_map: Page) -> None:
    assert press(key_map, "#q", "a") == []
    assert key_map.locator("#q").input_value() == "a"


def test_key_is_deferred_while_busy(key_map: Page) -> None:
    key_map.evaluate("window.isBusy = true")

    assert press(key_map, "#field", "a") == ["defer a"]
