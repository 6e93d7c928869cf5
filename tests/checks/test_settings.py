"""Each invalid setting is reported at start-up; a valid configuration has no messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from dataverse_sandbox import tls
from tests.support.certificates import certificate, other_key

TENANT = "11111111-2222-3333-4444-555555555555"
REAL: dict[str, Any] = {
    "DEMO": False,
    "BASE_URL": "https://outlook-sync.contoso.example",
    "ALLOWED_HOSTS": ["outlook-sync.contoso.example"],
    "DATABASE_KIND": "postgresql",
    "SECRET_KEY": "k" * 60,
    "AUDIT_KEY": "a" * 60,
    "CRM_ORIGIN": "https://contoso.crm4.dynamics.com",
    "CRM_TENANT": TENANT,
    "CRM_AUTHORITY": f"https://login.microsoftonline.com/{TENANT}",
    "GRAPH_ORIGIN": "https://graph.microsoft.com",
    "CRM_CLIENT_ID": "an id",
    "CRM_CLIENT_SECRET": "a secret",
    "SIGN_IN_CLIENT_ID": "an id",
    "SIGN_IN_CLIENT_SECRET": "a secret",
    "REDIS_URL": "rediss://redis.contoso.example:6380/0",
    "MAIL_BACKEND": "smtp",
    "MAIL_FROM": "Outlook Sync <sync@contoso.example>",
    "SMTP_HOST": "smtp.contoso.example",
    "SMTP_SECURITY": "starttls",
}


def complaints(settings: Settings, **changes: Any) -> list[str]:
    for name, value in changes.items():
        setattr(settings, name, value)
    found = run_checks(tags=["osync"])
    assert all(message.hint for message in found)
    return [message.id for message in found]


def test_valid_configuration_passes(settings: Settings) -> None:
    assert complaints(settings, **REAL) == []


def test_revision_column_may_be_left_out(settings: Settings) -> None:
    assert complaints(settings, **REAL, CRM_NAMES={"contact_revision": ""}) == []
    assert complaints(settings, **REAL, CAPTURE="audit") == []


def test_default_demo_passes(settings: Settings) -> None:
    assert complaints(settings) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"HTTP_SECONDS": 40}, "osync.E001"),
        ({"SOFT_LIMIT": 50}, "osync.E001"),
        ({"HARD_LIMIT": 60}, "osync.E001"),
        ({"LEASE": 300}, "osync.E001"),
        ({"BROKER_VISIBILITY": 60}, "osync.E001"),
        ({"TICK": 0}, "osync.E002"),
        ({"RATE_LIMIT_URL": "http://redis.contoso.example"}, "osync.E014"),
        ({"RATE_LIMIT_URL": "redis.contoso.example:6379"}, "osync.E014"),
        ({"RATE_LIMIT_TIME_SCALE": 0}, "osync.E014"),
        ({"RATE_LIMIT_TIME_SCALE": -1}, "osync.E014"),
        ({"UNDO_SECONDS": -1}, "osync.E002"),
        ({"CRM_CLIENT_SECRET": ""}, "osync.E003"),
        ({"SIGN_IN_CLIENT_SECRET": ""}, "osync.E003"),
        ({"REDIS_URL": ""}, "osync.E003"),
        ({"SECRET_KEY": "k" * 49}, "osync.E004"),
        ({"SECRET_KEY": "demo-only-key-the-checks-refuse-it-anywhere-else-0123456789"}, "osync.E004"),
        ({"CRM_ORIGIN": "http://contoso.crm4.dynamics.com"}, "osync.E006"),
        ({"CRM_NAMES": {"contact_version": "new_version"}}, "osync.E034"),
        ({"CRM_NAMES": {"field_reason": ""}}, "osync.E034"),
        ({"CAPTURE": "plug-in"}, "osync.E035"),
        ({"CRM_NAMES": {"field_reason": "contacts?$top=1"}}, "osync.E034"),
        ({"CRM_ORIGIN": "https://contoso.crm4.dynamics.com/api"}, "osync.E006"),
        ({"CRM_ORIGIN": "https://somebody@contoso.crm4.dynamics.com"}, "osync.E006"),
        ({"CRM_ORIGIN": "https://contoso.crm4.dynamics.com:port"}, "osync.E006"),
        ({"CRM_ORIGIN": ""}, "osync.E006"),
        ({"CRM_ORIGIN": "https://169.254.169.254"}, "osync.E022"),
        ({"CRM_ORIGIN": "https://contoso.crm4.dynamics.com.evil.example"}, "osync.E022"),
        ({"CRM_AUTHORITY": f"https://login.evil.example/{TENANT}"}, "osync.E022"),
        ({"GRAPH_ORIGIN": "https://graph.evil.example"}, "osync.E022"),
        ({"GRAPH_ORIGIN": "http://graph.microsoft.com"}, "osync.E023"),
        ({"GRAPH_ORIGIN": "https://graph.microsoft.com/v1.0"}, "osync.E023"),
        ({"CRM_AUTHORITY": f"http://login.microsoftonline.com/{TENANT}"}, "osync.E023"),
        ({"CRM_AUTHORITY": "https://login.microsoftonline.com/common"}, "osync.E023"),
        ({"CRM_AUTHORITY": "https://login.microsoftonline.com/99999999-2222-3333-4444-555555555555"}, "osync.E023"),
        ({"ALLOWED_HOSTS": ["*"]}, "osync.E024"),
        ({"ALLOWED_HOSTS": [".contoso.example"]}, "osync.E024"),
        ({"ALLOWED_HOSTS": []}, "osync.E024"),
        ({"ALLOWED_HOSTS": ["portal.contoso.example"]}, "osync.W008"),
        ({"SESSION_IDLE_MINUTES": 0}, "osync.E026"),
        ({"SESSION_IDLE_MINUTES": 100_000}, "osync.E026"),
        ({"LINK_DAYS": 0}, "osync.E026"),
        ({"LINK_DAYS": 3650}, "osync.E026"),
        ({"SECOND_PERSON_ABOVE": -1}, "osync.E026"),
        ({"SECOND_PERSON_ABOVE": 1_000_000}, "osync.E026"),
        ({"DATABASE_PAGE_SECONDS": 0}, "osync.E026"),
        ({"DATABASE_CONNECT_SECONDS": 60}, "osync.E026"),
        ({"DATABASE_KIND": "dummy"}, "osync.E020"),
        ({"DATABASE_KIND": "mysql"}, "osync.E020"),
        ({"DATABASE_KIND": "sqlite3"}, "osync.W005"),
        ({"REDIS_URL": "redis://redis.contoso.example/0"}, "osync.W006"),
        ({"CA_BUNDLE": "/no/such/file.pem"}, "osync.E027"),
        ({"CA_BUNDLE": __file__}, "osync.E027"),
        ({"OUTGOING_PROXY": "proxy.contoso.example:3128"}, "osync.E027"),
        ({"OUTGOING_PROXY": "socks5://proxy.contoso.example:1080"}, "osync.E027"),
        ({"AUDIT_KEY": "short"}, "osync.W007"),
        ({"MAIL_BACKEND": ""}, "osync.W003"),
        ({"MAIL_BACKEND": "pigeon"}, "osync.E011"),
        ({"MAIL_FROM": "nobody"}, "osync.E012"),
        ({"SMTP_HOST": ""}, "osync.E012"),
        ({"MAIL_BACKEND": "graph", "GRAPH_CLIENT_SECRET": ""}, "osync.E012"),
        ({"SMTP_SECURITY": "ssl"}, "osync.E013"),
        ({"SMTP_SECURITY": "none"}, "osync.W004"),
        (
            {"CRM_TENANT": "common", "CRM_AUTHORITY": "https://login.microsoftonline.com/common"},
            "osync.E007",
        ),
        ({"BASE_URL": ""}, "osync.E008"),
        ({"BASE_URL": "http://outlook-sync.contoso.example"}, "osync.E008"),
        ({"FAILPOINTS": "some folder"}, "osync.E009"),
        ({"DEBUG": True}, "osync.E010"),
        ({"AUDIT_KEY": "k" * 60}, "osync.W001"),
        ({"FOUR_EYES": False}, "osync.W002"),
    ],
)
def test_invalid_setting_is_reported(settings: Settings, changes: dict[str, Any], expected: str) -> None:
    assert complaints(settings, **{**REAL, **changes}) == [expected]


@pytest.mark.parametrize(
    ("pem", "passphrase", "words"),
    [
        (certificate().pem, "", ""),
        (certificate(passphrase="open").pem, "open", ""),
        (certificate(passphrase="open").pem, "", "needs a passphrase"),
        (certificate(passphrase="open").pem, "shut", "passphrase may be wrong"),
        (certificate().without_key, "", "no private key"),
        (certificate().key, "", "no certificate"),
        (certificate().without_key + other_key(), "", "does not belong"),
        (certificate(days=-1).pem, "", "It expired on"),
        ("a file name", "", "no private key"),
    ],
)
def test_client_certificate_is_checked_at_startup(settings: Settings, pem: str, passphrase: str, words: str) -> None:
    changes = {"CRM_CLIENT_CERTIFICATE": pem, "CRM_CLIENT_CERTIFICATE_PASSPHRASE": passphrase}

    found = complaints(settings, **{**REAL, **changes, "CRM_CLIENT_SECRET": "", "SIGN_IN_CLIENT_SECRET": ""})

    assert found == (["osync.E031"] if words else [])
    (problem,) = [each.msg for each in run_checks(tags=["osync"])] or [""]
    assert words in problem


def test_graph_may_use_the_certificate(settings: Settings) -> None:
    graph = {"MAIL_BACKEND": "graph", "GRAPH_CLIENT_SECRET": "", "CRM_CLIENT_CERTIFICATE": certificate().pem}

    assert complaints(settings, **{**REAL, **graph}) == []


@pytest.mark.parametrize("changes", [{"BASE_URL": "http://portal.contoso.example"}, {"ALLOWED_HOSTS": ["*"]}])
def test_demo_with_outside_hosts_is_reported(settings: Settings, changes: dict[str, Any]) -> None:
    assert complaints(settings, **changes) == ["osync.E005"]


@pytest.mark.parametrize(
    "changes",
    [
        {"CRM_ORIGIN": "https://contoso.crm4.dynamics.com"},
        {"CRM_AUTHORITY": f"https://login.microsoftonline.com/{TENANT}"},
        {"GRAPH_ORIGIN": "https://graph.microsoft.com"},
        {"CRM_ORIGIN": "http://10.0.0.9:8001"},
    ],
)
def test_demo_with_real_services_is_reported(settings: Settings, changes: dict[str, Any]) -> None:
    assert complaints(settings, **changes) == ["osync.E021"]


@pytest.mark.parametrize(
    "changes",
    [
        {"CRM_ORIGIN": "https://contoso.crm.dynamics.com"},
        {"CRM_ORIGIN": "https://contoso.crm9.dynamics.com"},
        {"CRM_ORIGIN": "https://contoso.crm.microsoftdynamics.us"},
        {"CRM_ORIGIN": "https://contoso.crm.dynamics.cn"},
        {"CRM_AUTHORITY": f"https://login.microsoftonline.us/{TENANT}", "GRAPH_ORIGIN": "https://graph.microsoft.us"},
        {"CRM_ORIGIN": "https://127.0.0.1:8443", "OTHER_HOSTS": ["127.0.0.1"]},
        {"OUTGOING_PROXY": "http://portal:secret@proxy.contoso.example:3128/"},
        {"REDIS_URL": "redis://127.0.0.1/0"},
    ],
)
def test_microsoft_and_listed_hosts_pass(settings: Settings, changes: dict[str, Any]) -> None:
    assert complaints(settings, **{**REAL, **changes}) == []


def test_certificate_file_of_sandbox_passes(settings: Settings, tmp_path: Path) -> None:
    certificate, _ = tls.provide(tmp_path, host="127.0.0.1")

    assert complaints(settings, **REAL, CA_BUNDLE=str(certificate)) == []


def test_proxy_password_is_not_reported(settings: Settings) -> None:
    for name, value in {**REAL, "OUTGOING_PROXY": "ftp://portal:hush@proxy.contoso.example"}.items():
        setattr(settings, name, value)

    assert "hush" not in str(run_checks(tags=["osync"]))


def test_empty_configuration_gives_hints(settings: Settings) -> None:
    empty = {name: [] if name == "ALLOWED_HOSTS" else "" for name in REAL}

    assert complaints(settings, **{**empty, "DEMO": False})


@pytest.mark.parametrize(
    "url", ["", "redis://a:6379/0", "rediss://a:6380/0", "redis+socket:///tmp/a.sock", "unix:///a"]
)
def test_valid_rate_limit_urls_pass(settings: Settings, url: str) -> None:
    assert complaints(settings, RATE_LIMIT_URL=url) == []
