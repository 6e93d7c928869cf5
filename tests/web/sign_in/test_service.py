"""Failures of the sign-in service: the page, the breaker, and the probe that closes it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from dataverse_sandbox.server import SandboxServer
from syncapp.connection import clients
from syncapp.crm.errors import TokenUnavailable
from syncapp.health import troubles
from syncapp.jobs import breakers
from syncapp.models import Breaker
from syncapp.web.sign_in import views
from tests.support.servers import free_port
from tests.web.sign_in.conftest import HOST, begin, choose, new_browser

pytestmark = pytest.mark.django_db


def test_unavailable_sign_in_service_is_explained(settings: Settings) -> None:
    settings.BASE_URL = f"http://{HOST}"
    settings.CRM_AUTHORITY = f"https://127.0.0.1:{free_port()}/{settings.CRM_TENANT}"
    views.service.cache_clear()

    response = new_browser().get("/sign-in/start")

    assert response.status_code == 503
    assert "does not answer" in response.content.decode()
    (trouble,) = [trouble for trouble in troubles() if trouble.code == "sign_in"]
    assert trouble.text == "The sign-in service does not answer."


def test_successful_sign_in_resets_breaker(browser: Client, outside: requests.Session) -> None:
    clients.trip_sign_in_breaker(TokenUnavailable("no answer", code="authority"))

    browser.get(choose(outside, begin(browser), "Rita Lindqvist"))

    assert not breakers.all_open()


def make_probe_due() -> None:
    # A second ago: SQLite's clock cuts off microseconds, so "now" may still be ahead of it.
    Breaker.objects.update(next_probe_at=timezone.now() - timedelta(seconds=1))


def test_sign_in_service_is_probed_until_it_answers(sandbox: SandboxServer, settings: Settings) -> None:
    back = settings.CRM_AUTHORITY
    settings.CRM_AUTHORITY = f"https://127.0.0.1:{free_port()}/{settings.CRM_TENANT}"
    clients.trip_sign_in_breaker(TokenUnavailable("no answer", code="authority"))
    make_probe_due()
    clients.probe_sign_in()
    assert [breaker.name for breaker in breakers.all_open()] == ["sign_in"]

    settings.CRM_AUTHORITY = back
    clients.sign_in_service.cache_clear()
    clients.probe_sign_in()
    assert [breaker.name for breaker in breakers.all_open()] == ["sign_in"]  # not yet time to ask again
    make_probe_due()
    clients.probe_sign_in()

    assert not breakers.all_open()
