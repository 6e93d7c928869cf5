"""`make screens`: the screenshots in docs/screens/, taken from a running demo.

`python -m tools.screens http://127.0.0.1:8000 docs/screens`
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import chromium

WIDE, NARROW = (1440, 900), (390, 844)
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
Scheme = Literal["light", "dark"]
RULE = "Formats of phone numbers"
VIEWS: tuple[tuple[str, tuple[int, int], Scheme], ...] = (
    ("", WIDE, "light"),
    ("-dark", WIDE, "dark"),
    ("-390", NARROW, "light"),
)
# Pages with an address, by the person who sees them; pages reached only by clicks are below.
PAGES = {
    "Rita": {
        "queue": "/review/",
        "queue-narrowed": "/review/?kind=format",
        "activity": "/activity/",
        "evidence": "/activity/evidence/",
        "evidence-of-today": "/activity/evidence/?period=today",
        "numbers": "/numbers/",
        "me": "/settings/me",
    },
    "Ada": {
        "settings": "/settings/",
        "settings-mails": "/settings/mails/",
        "settings-rules": "/settings/rules/",
        "settings-rule-new": "/settings/rules/new",
        "settings-capture": "/settings/capture/",
        "settings-people": "/settings/people/",
        "settings-connection": "/settings/connection/",
        "settings-file": "/settings/file/",
        "start-over": "/demo/start-over",
    },
    "Fred": {
        "filters": "/filters/",
        "filter-runs": "/filters/runs/",
        "filter-plan": "/filters/plan",
        "filter-risk": "/filters/risk/",
        "user-lists": "/filters/lists/",
        "policies": "/filters/policies/",
        "policy-new": "/filters/policies/new",
        "everybody": "/filters/everybody/",
    },
}


def main(portal: str, folder: Path) -> None:
    """Sign in as each person and take screenshots of their pages: wide in both color schemes, and narrow."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium.find() or None, args=ARGUMENTS)
        _write_a_rule(browser, portal)
        mail = _mail_about_an_edit(browser, portal)
        for suffix, size, scheme in VIEWS:
            view = View(browser, portal, folder, suffix, size, scheme)
            _take_outside(view, mail)
            for person, pages in PAGES.items():
                page = view.signed_in(person)
                for name, path in pages.items():
                    page.goto(portal + path)
                    view.take(page, name)
                BEYOND[person](view, page)
                page.context.close()
        browser.close()


@dataclass(frozen=True)
class View:
    """A window size and color scheme in which every page is taken."""

    browser: Browser
    portal: str
    folder: Path
    suffix: str
    size: tuple[int, int]
    scheme: Scheme

    def page(self) -> Page:
        return new_page(self.browser, self.size, self.scheme)

    def signed_in(self, person: str) -> Page:
        page = self.page()
        sign_in(page, self.portal, person)
        return page

    def take(self, page: Page, name: str) -> None:
        """Take a screenshot of the visible part once the page has loaded."""
        page.wait_for_load_state("networkidle")
        page.mouse.move(0, 0)
        page.screenshot(path=self.folder / f"{name}{self.suffix}.jpg", type="jpeg", quality=72)


def new_page(browser: Browser, size: tuple[int, int], scheme: Scheme) -> Page:
    """Open a window of this size."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    return context.new_page()


def _take_outside(view: View, mail: dict[str, str]) -> None:
    """Take the pages that need no sign-in, the page for people without a role, and a mail."""
    page = view.page()
    page.goto(view.portal)
    view.take(page, "sign-in")
    wishes = re.search(r"http\S+/mails/\S+", mail["text"])
    if wishes:
        page.goto(wishes[0])
        view.take(page, "mail-wishes")
    page.context.close()
    page = view.page()  # the portal's pages forbid the styles of a mail
    page.set_content(mail["html"])
    view.take(page, "mail")
    page.context.close()
    nils = view.signed_in("Nils")
    view.take(nils, "no-access")
    nils.context.close()


def sign_in(page: Page, portal: str, person: str) -> None:
    """Sign in at the sandbox as one of the demo's people."""
    page.goto(f"{portal}/sign-in/start")
    page.get_by_role("button", name=person).first.click()
    page.wait_for_load_state("networkidle")


def _beyond_the_queue(view: View, page: Page) -> None:
    """Take an open edit, its contact's history, and a selection."""
    page.goto(f"{view.portal}/review/")
    with page.expect_response(lambda answer: answer.url.endswith("/read-again")):
        page.locator(".item a").nth(2).click()
    view.take(page, "record")
    page.goto(page.url.partition("?")[0] + "history")
    view.take(page, "history")
    page.goto(f"{view.portal}/review/?kind=filled")
    for number in range(3):
        page.locator(".items input[name=record]").nth(number).check()
    page.get_by_role("button", name="Decide together…").click()
    view.take(page, "selection")


def _beyond_the_settings(view: View, page: Page) -> None:
    """Take a rule with its simulation, and one person."""
    page.goto(f"{view.portal}/settings/rules/")
    page.get_by_role("link", name=RULE).click()
    view.take(page, "settings-rule")
    page.goto(f"{view.portal}/settings/people/")
    page.locator("main").get_by_role("link", name="Rita Lindqvist").click()
    view.take(page, "settings-person")


def _beyond_the_matrix(view: View, page: Page) -> None:
    """Take a list, the explanation of one user, and a run: its preview, and its printout after it was discarded."""
    page.goto(f"{view.portal}/filters/lists/")
    page.locator("tbody a").first.click()
    view.take(page, "user-list")
    page.goto(f"{view.portal}/filters/?q=rita")
    page.locator("a.user").first.click()
    page.get_by_role("link", name="See why").click()
    view.take(page, "filter-user")
    page.goto(f"{view.portal}/filters/plan")
    page.get_by_label("Team", exact=True).select_option(label="Management")
    page.get_by_role("radio", name="Filters off").check()
    page.get_by_role("button", name="Preview").click()
    view.take(page, "filter-run-preview")
    page.get_by_role("button", name="Discard").click()
    page.goto(page.url + "paper")
    view.take(page, "filter-run-paper")


BEYOND = {"Rita": _beyond_the_queue, "Ada": _beyond_the_settings, "Fred": _beyond_the_matrix}


def _write_a_rule(browser: Browser, portal: str) -> None:
    """Create a rule that is simulated and stays paused, unless it exists."""
    page = new_page(browser, WIDE, "light")
    sign_in(page, portal, "Ada")
    page.goto(f"{portal}/settings/rules/")
    if not page.get_by_role("link", name=RULE).count():
        page.goto(f"{portal}/settings/rules/new")
        page.get_by_role("textbox", name="Name", exact=True).fill(RULE)
        page.get_by_text("Format only", exact=True).click()
        page.get_by_role("button", name="Save and simulate").click()
        page.get_by_role("heading", name=RULE).wait_for()
    page.context.close()


def _mail_about_an_edit(browser: Browser, portal: str) -> dict[str, str]:
    """Edit a contact in Outlook; return the mail about it to Rita, who has signed in before."""
    page = new_page(browser, WIDE, "light")
    page.goto(f"{portal}/sign-in/start")
    sandbox = "/".join(page.url.split("/")[:3])
    page.get_by_role("button", name="Rita").first.click()
    page.goto(f"{sandbox}/outlook/")
    page.locator("ul.contacts a").nth(20).click()
    page.locator("[name=jobtitle]").fill(f"Head of Pictures {datetime.now(UTC):%H:%M:%S}")
    page.get_by_role("button", name="Save in Outlook").click()
    for _ in range(60):
        mails = page.request.get(f"{sandbox}/mail/?format=json").json()
        found = [mail for mail in mails if "Head of Pictures" in mail["text"] and mail["to"].startswith("rita")]
        if found:
            page.context.close()
            return dict(found[0])
        page.wait_for_timeout(1000)
    raise SystemExit("No mail about the edit arrived; is backlog mode on?")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]))
