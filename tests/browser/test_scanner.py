"""A mail scanner opens every link of every mail, runs its scripts and follows where it leads: nothing changes."""

from __future__ import annotations

import hashlib
import re
from html import unescape

import pytest
import requests
from django.apps import apps
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from syncapp import messages, preferences
from syncapp.mirror import arrivals
from syncapp.models import Person
from syncapp.review import notices, together
from tests import people
from tests.browser.axe import assert_no_violations_in_any_look
from tests.emails.conftest import PostOffice, post_office, send_due  # noqa: F401  (a fixture is found by its name)
from tests.factories import know_columns, make_editor, make_field, make_record
from tests.web import scenes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
KINDS = {"new_edits", "digest", "overdue", "outcome", "question", "answer", "operations", "test"}


@pytest.fixture
def links(
    live_server: LiveServer,
    post_office: PostOffice,  # noqa: F811  (the fixture itself)
    settings: Settings,
) -> list[str]:
    """Every address in every kind of mail: in the text, in the HTML, in the headers."""
    settings.BASE_URL = live_server.url
    assert {message.kind for message in every_kind_of_mail()} == KINDS
    found = {link for mail in post_office.mails() for link in addresses(mail.text, mail.html, str(mail.headers))}
    assert len(post_office.mails()) == len(KINDS)
    assert {link.split("/")[3] for link in found} == {"l", "mails", "review"}
    return sorted(found)


def addresses(*texts: str) -> set[str]:
    return {unescape(link) for text in texts for link in re.findall(r"http://localhost:[^\s\"'<>)]+", text)}


def every_kind_of_mail() -> list[messages.Message]:
    know_columns()
    preferences.change(by=None, tell_editors=True)
    rita = people.rita()
    make_field(make_record("Somebody who waits as well"))
    Person.objects.update(told_until=0)
    record = make_record(editor=make_editor(address="jonas@contoso.example"))
    make_field(record, "jobtitle")
    make_field(record, "telephone1", original_value="1", proposed_value="2")
    arrivals.note([record.pk])
    notices.tell_new_edits()
    told = messages.Message.objects.get().details
    messages.queue("digest", to=rita, details=told)
    messages.queue("overdue", to=rita, details={"records": [str(record.pk)], "count": 1})
    question = together.ask(record.pk, whom=rita, text="Is she the same?", by=people.rob())
    together.answer(question.pk, text="She is.", by=rita)
    details = {"code": "worker", "text": "No worker answers.", "since": "today", "over": False}
    messages.queue("operations", to=rita, details=details)
    messages.queue("test", to=rita)
    other = make_field(make_record("Tomasz", editor=make_editor(address="jonas@contoso.example")))
    scenes.settled(scenes.approved(other, by=rita))
    notices.tell_outcomes([other.record_id])
    send_due()
    return list(messages.Message.objects.all())


def state() -> dict[str, tuple[int, str]]:
    """Row count and checksum of every table but the sessions', which a signed-in visit renews."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model is not Session:
            rows = sorted(repr(row) for row in model._default_manager.order_by().values_list())
            found[model._meta.db_table] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    return found


def test_opening_every_link_without_signing_in_changes_nothing(links: list[str], chromium: Browser) -> None:
    before = state()

    with requests.Session() as session:
        session.trust_env = False
        for link in links:
            for method in ("HEAD", "GET"):
                assert session.request(method, link, timeout=20).status_code == 200
    scanner = chromium.new_context()
    page = scanner.new_page()
    for link in links:
        page.goto(link, wait_until="networkidle")
    scanner.close()

    assert state() == before


def test_a_scanner_with_the_readers_session_changes_nothing_either(links: list[str]) -> None:
    client = people.browser(people.rita())
    before = state()

    for link in links:
        path = "/" + link.split("/", 3)[3]
        for method in (client.head, client.get):
            assert method(path, follow=True).status_code == 200

    assert state() == before


def test_a_post_is_seen_by_the_same_comparison(links: list[str]) -> None:
    before = state()

    wishes = next(link for link in links if "/mails/" in link)
    with requests.Session() as session:
        session.trust_env = False
        session.post(wishes, data={"List-Unsubscribe": "One-Click"}, timeout=20)

    changed = {table for table, found in state().items() if found != before[table]}
    assert changed == {"syncapp_person", "syncapp_auditentry", "syncapp_auditvalue"}


def test_axe_finds_nothing_on_the_pages_that_need_no_sign_in(
    links: list[str], chromium: Browser, live_server: LiveServer
) -> None:
    tab = chromium.new_context().new_page()
    wishes = next(link for link in links if "/mails/" in link)

    for address, words in ((wishes, "How often do you want to be told?"), (wishes[:-4], "This link is not complete")):
        tab.goto(address)
        assert_no_violations_in_any_look(tab, sees=words)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.context.close()


def test_axe_finds_nothing_on_the_page_a_link_leads_to(
    links: list[str], chromium: Browser, live_server: LiveServer
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
    assert_no_violations_in_any_look(tab, sees="is not here (any more)")
    window.close()
