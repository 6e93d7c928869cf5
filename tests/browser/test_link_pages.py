"""The pages that mails link to, with and without signing in: accessible in every look."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from tests.browser.axe import assert_no_violations, assert_no_violations_in_any_look
from tests.browser.sent_links import post_office, sent_links  # noqa: F401  (fixtures are found by their names)
from tests.notifications.conftest import PostOffice
from tests.support import people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_public_pages_are_accessible(
    links: list[str],
    chromium: Browser,
    live_server: LiveServer,
) -> None:
    tab = chromium.new_context().new_page()
    wishes = next(link for link in links if "/mails/" in link)

    for address, words in ((wishes, "How often do you want mail?"), (wishes[:-4], "This link is incomplete")):
        tab.goto(address)
        assert_no_violations_in_any_look(tab, sees=words)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.context.close()


def test_every_mail_fits_a_phone(
    links: list[str],
    post_office: PostOffice,  # noqa: F811  (the fixture itself)
    chromium: Browser,
) -> None:
    tab = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()

    for mail in post_office.mails():
        tab.set_content(mail.html)
        assert_no_violations(tab, sees="Sent automatically")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, mail.subject
        assert tab.locator("img").count() == 0
    tab.context.close()


def test_linked_page_is_accessible(
    links: list[str],
    chromium: Browser,
    live_server: LiveServer,
) -> None:
    window = chromium.new_context()
    client = people.browser(people.rita())
    session = client.cookies["portal_session"].value
    window.add_cookies([{"name": "portal_session", "value": session, "url": live_server.url}])
    tab = window.new_page()

    for link in [link for link in links if "/l/" in link][:3]:
        tab.goto(link)
        assert_no_violations_in_any_look(tab, sees="Marta Villanueva")
    tab.goto(f"{live_server.url}/l/nothing")
    assert_no_violations_in_any_look(tab, sees="is no longer here")
    window.close()
