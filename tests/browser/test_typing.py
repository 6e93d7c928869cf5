"""Text typed into a refused input or during a request never decides; keys work again afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_review import ledger, sign_in
from tests.browser.test_states import PATIENCE, approve, edited, expect_live_values, outcome, row, story
from tests.support.world import World

pytestmark = pytest.mark.browser
__all__ = ["story"]
# Contains every letter that is a command.
SENTENCE = "already known by phone, just ask Rex or use AA RR / ?"
ADDRESS = {"address1_line1": "Harbour Quay 6", "address1_city": "Bergen"}


@pytest.fixture
def tab(chromium: Browser, demo: Demo) -> Iterator[Page]:
    """Return Rita's tab; it fails the test on script errors, but not on refusals, which the browser logs as errors."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(page, demo)
    yield page
    context.close()
    assert complaints == []


def refusal(page: Page, act: Callable[[], object]) -> None:
    """Submit something that is refused, and wait for the refusal."""
    with page.expect_response(lambda answer: answer.status in (409, 422)):
        act()
    expect(page.locator("#record[data-refused]")).to_be_attached()


def in_focus(page: Page) -> Locator:
    """Return the refused input, which has the focus and is tied to its message."""
    refused = page.locator("#record [aria-invalid=true]").first
    expect(refused).to_be_focused()
    expect(page.locator(f"#{refused.get_attribute('aria-describedby')}")).to_be_visible()
    return refused


def type_and_decide_nothing(page: Page, demo: Demo, contact: Any) -> None:
    """Type a sentence at the focus, and assert that no request is sent, no field decided, nothing written."""
    undecided = page.locator("#record .field:not(.settled)").count()
    written = ledger(demo, str(contact))
    steps = re.compile(r"/(decide|undo|put-back|approve-after-all|ask|remark|park|assign|reply)\b")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if steps.search(request.url) else None)

    page.keyboard.type(SENTENCE, delay=15)

    page.wait_for_timeout(300)
    assert sent == []
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert page.locator("#record .field:not(.settled)").count() == undecided
    assert ledger(demo, str(contact)) == written


def fill_too_long(field: Locator, length: int) -> None:
    """Fill in more than the browser lets people type, as an extension or a script can."""
    field.evaluate("(one, length) => { one.removeAttribute('maxlength'); one.value = 'x'.repeat(length); }", length)


def open_panel(page: Page, label: str, name: str) -> Locator:
    """Open the panel to reject or correct a field, and return the field's row."""
    field = row(page, label)
    field.locator(f"label:has(.open-{name})").click()
    return field


# --- one refusal for each panel --------------------------------------------------------------------------------


def reject_without_sentence(page: Page) -> None:
    open_panel(page, "Job Title", "reject").get_by_text("Other", exact=True).click()
    page.keyboard.press("Enter")


def reject_too_long(page: Page) -> None:
    field = open_panel(page, "Job Title", "reject")
    fill_too_long(field.get_by_label("More about the reason"), 501)
    field.get_by_role("button", name="Reject Job Title", exact=True).click()


def reject_all(page: Page) -> None:
    page.get_by_text("Reject all…").click()
    page.locator(".ask-all").get_by_text("Other", exact=True).click()
    page.get_by_role("button", name=re.compile("^Reject all")).click()


def reject_group(page: Page) -> None:
    page.locator(".field.group label:has(.open-reject)").click()
    page.locator(".field.group").get_by_text("Other", exact=True).click()
    page.keyboard.press("Enter")


def correct(label: str, value: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        field = open_panel(page, label, "correct")
        field.locator(".ask-correct .input[name^=value]").fill(value)
        field.get_by_role("button", name="Approve correction").click()

    return act


def correct_too_long(label: str, length: int) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        field = open_panel(page, label, "correct")
        fill_too_long(field.locator(".ask-correct .input[name^=value]"), length)
        field.get_by_role("button", name="Approve correction").click()

    return act


def correct_choice(label: str) -> Callable[[Page], None]:
    """Select an option that the CRM no longer has."""

    def act(page: Page) -> None:
        field = open_panel(page, label, "correct")
        made_up = "(box) => { (box.selectedOptions?.[0] ?? box).value = '99'; box.checked = true; }"
        field.locator(".ask-correct :is(select, input[type=checkbox])").first.evaluate(made_up)
        field.get_by_role("button", name="Approve correction").click()

    return act


def correct_lookup(page: Page) -> None:
    field = open_panel(page, "Company Name", "correct")
    field.get_by_label("Company Name, corrected").fill("Alp")
    field.get_by_role("button", name="Approve correction").click()


def ask_without_text(page: Page) -> None:
    page.get_by_role("button", name="Ask", exact=True).click()


def remark_nothing(page: Page) -> None:
    page.get_by_role("button", name="Comment", exact=True).click()


def park_without_day(page: Page) -> None:
    page.locator(".arrange summary", has_text="Park").click()
    page.get_by_role("button", name="Park").click()


REFUSALS: dict[str, tuple[Callable[[Page], None], dict[str, Any]]] = {
    "reject all": (reject_all, {"nickname": "Kai"}),
    "reject group": (reject_group, ADDRESS),
    "reason too long": (reject_too_long, {}),
    "text": (correct_too_long("Job Title", 101), {}),
    "e-mail": (correct_too_long("Email", 101), {"emailaddress1": "kai@contoso.example"}),
    "amount": (correct("Credit Limit", "abc"), {"creditlimit": 4711}),
    "date": (correct("Birthday", "0099-01-01"), {"birthdate": "1980-05-17"}),
    "lines": (correct_too_long("Description", 2001), {"description": "One\nTwo"}),
    "choice": (correct_choice("Preferred Method of Contact"), {"preferredcontactmethodcode": 4}),
    "choices": (correct_choice("Topics of Interest"), {"osync_topics": "410000001"}),
    "yes or no": (correct_choice("Marketing Only"), {"marketingonly": True}),
    "ask": (ask_without_text, {}),
    "remark": (remark_nothing, {}),
    "park": (park_without_day, {}),
}


def opened(page: Page, demo: Demo, story: World, changes: dict[str, Any]) -> Any:
    """Open an edit with a job title and these changes, and return its contact."""
    contact, (address,) = edited(page, demo, story, {"jobtitle": "Head of Typing", "department": "Fleet", **changes})
    page.goto(address)
    expect_live_values(page)
    return contact


def test_typing_after_a_refused_reason_decides_nothing(tab: Page, demo: Demo, story: World) -> None:
    contact = opened(tab, demo, story, {})

    refusal(tab, lambda: reject_without_sentence(tab))

    reason = in_focus(tab)
    type_and_decide_nothing(tab, demo, contact)
    expect(reason).to_have_value(SENTENCE)
    tab.keyboard.press("Enter")
    expect(outcome(tab, "Job Title")).to_contain_text("Rejected")


def test_typing_after_a_refused_lookup_decides_nothing(tab: Page, demo: Demo, story: World) -> None:
    account = min(story.rows("accounts", select="accountid,name"), key=lambda one: str(one["name"]))
    contact = opened(tab, demo, story, {"parentcustomerid": f"account:{account['accountid']}"})

    refusal(tab, lambda: correct_lookup(tab))

    name = in_focus(tab)
    type_and_decide_nothing(tab, demo, contact)
    expect(name).to_have_value(f"Alp{SENTENCE}")


def test_keys_typed_before_refusal_stay_in_input(tab: Page, demo: Demo, story: World) -> None:
    contact = opened(tab, demo, story, {})
    tab.route(re.compile("/decide"), lambda route: (tab.wait_for_timeout(600), route.continue_()))
    open_panel(tab, "Job Title", "reject").get_by_text("Other", exact=True).click()

    tab.keyboard.press("Enter")
    tab.keyboard.type("already", delay=5)
    tab.keyboard.press("Enter")

    expect(tab.locator("#record[data-refused]")).to_be_attached()
    expect(in_focus(tab)).to_have_value("already")
    expect(tab.locator("#record .field.settled")).to_have_count(0)
    assert ledger(demo, str(contact)) == []


def test_single_letter_keys_can_be_switched_off(tab: Page, demo: Demo, story: World) -> None:
    def switch(*, on: bool) -> None:
        tab.goto(f"{demo.portal}/settings/me")
        tab.get_by_label("Use single-letter keys in Review and on the Users page").set_checked(on)
        tab.locator("section", has_text="Keyboard").last.get_by_role("button", name="Save").click()
        expect(tab.get_by_text("Saved.")).to_be_visible()

    switch(on=False)
    try:
        contact = opened(tab, demo, story, {})
        expect(tab.locator(".key-hint")).to_have_count(0)
        tab.locator("#record .field").first.focus()
        type_and_decide_nothing(tab, demo, contact)
        tab.keyboard.press("ArrowDown")
        expect(tab.locator("#record .field").nth(1)).to_be_focused()
        tab.get_by_role("button", name="Keyboard shortcuts").click()
        expect(tab.get_by_text("Single-letter keys are off.")).to_be_visible()
    finally:
        switch(on=True)


@pytest.mark.long
@pytest.mark.parametrize("name", REFUSALS)
def test_typing_after_a_refusal_decides_nothing(tab: Page, demo: Demo, story: World, name: str) -> None:
    act, changes = REFUSALS[name]
    contact = opened(tab, demo, story, changes)

    refusal(tab, lambda: act(tab))

    refused = in_focus(tab)
    type_and_decide_nothing(tab, demo, contact)
    if name in ("reject all", "reject group", "amount", "ask", "remark"):
        assert refused.input_value().endswith(SENTENCE)


@pytest.mark.long
def test_typing_after_a_missing_required_reason_decides_nothing(
    tab: Page, chromium: Browser, demo: Demo, story: World
) -> None:
    ada = chromium.new_context().new_page()
    sign_in(ada, demo, "Ada")

    def require(*, on: bool) -> None:
        ada.goto(f"{demo.portal}/settings/")
        box = ada.get_by_label("Require a reason for rejecting")
        box.set_checked(on)
        ada.locator("form", has=box).get_by_role("button", name="Save").click()

    require(on=True)
    try:
        contact = opened(tab, demo, story, {})
        field = open_panel(tab, "Job Title", "reject")
        refusal(tab, field.get_by_role("button", name="Reject Job Title", exact=True).click)
        expect(in_focus(tab)).to_have_attribute("type", "radio")
        type_and_decide_nothing(tab, demo, contact)
    finally:
        require(on=False)
        ada.context.close()


@pytest.mark.long
def test_typing_after_refused_conflict_value_decides_nothing(tab: Page, demo: Demo, story: World) -> None:
    contact = opened(tab, demo, story, {})
    approve(tab, "Job Title")
    story.form(contact, jobtitle="Typed in CRM")
    expect(row(tab, "Job Title").locator(".conflict")).to_contain_text("nothing was overwritten", timeout=PATIENCE)

    refusal(tab, row(tab, "Job Title").get_by_role("button", name="Write this value").click)

    value = in_focus(tab)
    type_and_decide_nothing(tab, demo, contact)
    expect(value).to_have_value(SENTENCE)


@pytest.mark.long
@pytest.mark.parametrize(
    ("key", "opener", "button"),
    [("a", "Put back…", "Put the old value back"), ("r", "Approve after all…", "Approve after all")],
)
def test_typing_after_refused_follow_up_decides_nothing(
    tab: Page, demo: Demo, story: World, key: str, opener: str, button: str
) -> None:
    contact = opened(tab, demo, story, {})
    row(tab, "Job Title").focus()
    tab.keyboard.press(key)
    tab.keyboard.press("Enter")
    done = "read back" if key == "a" else "Rejected"
    expect(outcome(tab, "Job Title")).to_contain_text(done, timeout=PATIENCE)
    expect(row(tab, "Job Title").get_by_text(opener)).to_be_visible(timeout=PATIENCE)
    row(tab, "Job Title").get_by_text(opener).click()

    refusal(tab, row(tab, "Job Title").get_by_role("button", name=button).click)

    reason = in_focus(tab)
    type_and_decide_nothing(tab, demo, contact)
    expect(reason).to_have_value(SENTENCE)


@pytest.mark.long
def test_typing_after_an_empty_answer_decides_nothing(tab: Page, demo: Demo, story: World) -> None:
    contact = opened(tab, demo, story, {})
    tab.locator("#whom").select_option(label="Rob Marchetti")
    tab.locator("#question").fill("Is this right?")
    tab.get_by_role("button", name="Ask", exact=True).click()
    expect(tab.locator(".said")).to_contain_text("Unanswered")

    refusal(tab, tab.get_by_role("button", name="Answer", exact=True).click)

    answer = in_focus(tab)
    type_and_decide_nothing(tab, demo, contact)
    expect(answer).to_have_value(SENTENCE)
