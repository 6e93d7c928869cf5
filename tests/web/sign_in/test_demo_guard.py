"""Restriction of the demo to its own machine."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

PAGES = ("/sign-in", "/demo/start-over", "/healthz")
THROUGH_A_PROXY = [
    {"X-Forwarded-For": "203.0.113.9"},
    {"X-Forwarded-Proto": "https"},
    {"Forwarded": "for=203.0.113.9"},
    {"X-Real-IP": "203.0.113.9"},
    {"Via": "1.1 proxy"},
]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.9", "2001:db8::9", "", "unix"])
def test_other_machines_get_no_demo_page(db: None, page: str, address: str) -> None:
    answer = Client(REMOTE_ADDR=address, HTTP_HOST="127.0.0.1").get(page)

    assert answer.status_code == 403
    assert "set DEMO=off" in answer.content.decode()


@pytest.mark.parametrize("header", THROUGH_A_PROXY, ids=lambda header: next(iter(header)))
def test_proxies_get_no_demo_page(db: None, header: dict[str, str]) -> None:
    assert Client().get("/sign-in", headers=header).status_code == 403


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
def test_local_machine_gets_the_demo_page(db: None, address: str) -> None:
    assert Client(REMOTE_ADDR=address).get("/sign-in").status_code == 200


def test_real_installation_answers_through_its_proxy(db: None, settings: Settings) -> None:
    settings.DEMO = False

    browser = Client(REMOTE_ADDR="10.0.0.9", headers={"X-Forwarded-For": "203.0.113.9"})

    assert browser.get("/sign-in").status_code == 200
