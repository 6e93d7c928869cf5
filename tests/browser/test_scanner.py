"""A mail scanner that opens every link of every mail and runs its scripts changes nothing."""

from __future__ import annotations

import hashlib

import pytest
import requests
from django.apps import apps
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser

from tests.browser.sent_links import post_office, sent_links  # noqa: F401  (fixtures are found by their names)
from tests.support import people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def state() -> dict[str, tuple[int, str]]:
    """Return the row count and checksum of every table except sessions, which a signed-in visit renews."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model is not Session:
            rows = sorted(repr(row) for row in model._default_manager.order_by().values_list())
            found[model._meta.db_table] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    return found


def test_anonymous_scanner_changes_nothing(links: list[str], chromium: Browser) -> None:
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


def test_scanner_with_session_changes_nothing(links: list[str]) -> None:
    rita, ada = people.browser(people.rita()), people.browser(people.ada())
    before = state()

    for link in links:
        path = "/" + link.split("/", 3)[3]
        client = ada if path.startswith("/filters/") else rita
        for method in (client.head, client.get):
            assert method(path, follow=True).status_code == 200

    assert state() == before


def test_comparison_detects_a_change_by_post(links: list[str]) -> None:
    before = state()

    wishes = next(link for link in links if "/mails/" in link)
    with requests.Session() as session:
        session.trust_env = False
        session.post(wishes, data={"List-Unsubscribe": "One-Click"}, timeout=20)

    changed = {table for table, found in state().items() if found != before[table]}
    assert changed == {"syncapp_person", "syncapp_auditentry", "syncapp_auditvalue"}
