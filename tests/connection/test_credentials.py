"""The expiry of secrets and certificates: on the connection page, and in mails 30, 14 and 3 days before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from dataverse_sandbox.config import CLIENT_SECRET
from dataverse_sandbox.server import SandboxServer
from syncapp import preferences
from syncapp.connection import clients, credentials
from syncapp.models import Alert, Message
from syncapp.notifications import alerts
from tests.support.certificates import certificate, day_of_end
from tests.support.people import ada, browser
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db


def in_days(days: int) -> Any:
    return datetime.now(UTC).date() + timedelta(days=days)


def mails() -> list[str]:
    """Return the texts of the mails about credentials."""
    alerts.queue_alerts()
    found = Message.objects.filter(kind="operations", details__code__startswith="credential")
    return [message.details["text"] for message in found]


@pytest.fixture(autouse=True)
def reader(settings: Any) -> None:
    preferences.change(by=None, operations_address="ops@contoso.example")
    settings.CRM_CLIENT_SECRET = "a secret"


@pytest.mark.parametrize(
    ("days", "is_mailed"), [(31, False), (30, True), (15, True), (14, True), (3, True), (0, True), (-1, True)]
)
def test_mail_is_sent_thirty_days_before_expiry(settings: Any, days: int, is_mailed: bool) -> None:
    settings.CRM_CLIENT_SECRET_ENDS = in_days(days)

    assert bool(mails()) is is_mailed


def test_each_expiry_warning_is_mailed_once(settings: Any) -> None:
    for days in (30, 29, 20, 14, 13, 3, 2, 1):
        settings.CRM_CLIENT_SECRET_ENDS = in_days(days)
        mails()
        mails()

    left = [text.split(" expires in ")[1].split(",")[0] for text in mails()]
    assert sorted(left) == ["14 days", "3 days", "30 days"]


def test_replaced_secret_ends_warnings(settings: Any) -> None:
    settings.CRM_CLIENT_SECRET_ENDS = in_days(3)
    mails()
    settings.CRM_CLIENT_SECRET_ENDS = in_days(700)

    assert len(mails()) == 1
    assert not Alert.objects.filter(code__startswith="credential").exists()


def test_expiry_of_each_credential_is_mailed(settings: Any) -> None:
    pem = certificate(days=13).pem
    settings.CRM_CLIENT_CERTIFICATE = pem
    settings.CRM_CLIENT_SECRET_2, settings.CRM_CLIENT_SECRET_2_ENDS = "another", in_days(2)

    texts = mails()

    assert any(f"certificate CRM_CLIENT_CERTIFICATE expires in 13 days, on {day_of_end(pem)}" in text for text in texts)
    assert any("client secret CRM_CLIENT_SECRET_2 expires in 2 days" in text for text in texts)


def test_page_shows_expiry_of_each_credential(settings: Any) -> None:
    pem = certificate(days=400).pem
    settings.CRM_CLIENT_CERTIFICATE, settings.CRM_CLIENT_SECRET_ENDS = pem, None

    words = Screen(browser(ada()).get("/settings/connection/")).words

    assert f"on {day_of_end(pem)}" in words
    assert "The expiration date of CRM_CLIENT_SECRET is unknown. Set CRM_CLIENT_SECRET_ENDS." in words
    assert "PRIVATE KEY" not in words


def test_page_shows_no_secret(settings: Any) -> None:
    settings.CRM_CLIENT_SECRET = "hidden-value"

    assert "hidden-value" not in browser(ada()).get("/settings/connection/").content.decode()


@pytest.fixture
def registered(sandbox: SandboxServer) -> Iterator[str]:
    """Register a certificate instead of the secret; yield it with its key."""
    pem = certificate().without_key
    address = f"{sandbox.url}/sandbox/credentials"
    requests.put(address, json={"certificates": [pem]}, timeout=30).raise_for_status()
    yield certificate().pem
    requests.put(address, json={"secrets": {CLIENT_SECRET: None}}, timeout=30).raise_for_status()


def test_portal_reads_crm_with_certificate(settings: Any, registered: str) -> None:
    settings.CRM_CLIENT_CERTIFICATE, settings.CRM_CLIENT_SECRET, settings.SIGN_IN_CLIENT_SECRET = registered, "", ""

    assert clients.crm().who_am_i().user_id
    assert len(credentials.of_sign_in()) == 1


def test_sign_in_may_have_its_own_secret(settings: Any) -> None:
    settings.SIGN_IN_CLIENT_SECRET = "of the other registration"

    assert credentials.of_sign_in() == ("of the other registration",)
    assert credentials.of_crm() == ("a secret",)
