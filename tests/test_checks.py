"""Each misconfiguration is named at start-up, and a right configuration is not complained about."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

REAL: dict[str, Any] = {
    "DEMO": False,
    "BASE_URL": "https://outlook-sync.contoso.example",
    "ALLOWED_HOSTS": ["outlook-sync.contoso.example"],
    "SECRET_KEY": "k" * 60,
    "AUDIT_KEY": "a" * 60,
    "CRM_ORIGIN": "https://contoso.crm4.dynamics.com",
    "CRM_TENANT": "11111111-2222-3333-4444-555555555555",
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


def test_a_real_configuration_has_no_complaints(settings: Settings) -> None:
    assert complaints(settings, **REAL) == []


def test_the_demo_as_it_is_has_no_complaints(settings: Settings) -> None:
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
        ({"GOVERNOR_URL": "http://redis.contoso.example"}, "osync.E014"),
        ({"GOVERNOR_URL": "redis.contoso.example:6379"}, "osync.E014"),
        ({"GOVERNOR_TIME_SCALE": 0}, "osync.E014"),
        ({"GOVERNOR_TIME_SCALE": -1}, "osync.E014"),
        ({"UNDO_SECONDS": -1}, "osync.E002"),
        ({"CRM_CLIENT_SECRET": ""}, "osync.E003"),
        ({"SIGN_IN_CLIENT_SECRET": ""}, "osync.E003"),
        ({"REDIS_URL": ""}, "osync.E003"),
        ({"SECRET_KEY": "k" * 49}, "osync.E004"),
        ({"SECRET_KEY": "demo-only-key-the-checks-refuse-it-anywhere-else-0123456789"}, "osync.E004"),
        ({"CRM_ORIGIN": "http://contoso.crm4.dynamics.com"}, "osync.E006"),
        ({"CRM_ORIGIN": "https://contoso.crm4.dynamics.com/api"}, "osync.E006"),
        ({"CRM_ORIGIN": "https://somebody@contoso.crm4.dynamics.com"}, "osync.E006"),
        ({"CRM_ORIGIN": "https://contoso.crm4.dynamics.com:port"}, "osync.E006"),
        ({"CRM_ORIGIN": ""}, "osync.E006"),
        ({"MAIL_BACKEND": ""}, "osync.W003"),
        ({"MAIL_BACKEND": "pigeon"}, "osync.E011"),
        ({"MAIL_FROM": "nobody"}, "osync.E012"),
        ({"SMTP_HOST": ""}, "osync.E012"),
        ({"MAIL_BACKEND": "graph", "GRAPH_CLIENT_SECRET": ""}, "osync.E012"),
        ({"SMTP_SECURITY": "ssl"}, "osync.E013"),
        ({"SMTP_SECURITY": "none"}, "osync.W004"),
        ({"CRM_TENANT": "common"}, "osync.E007"),
        ({"BASE_URL": ""}, "osync.E008"),
        ({"BASE_URL": "http://outlook-sync.contoso.example"}, "osync.E008"),
        ({"FAILPOINTS": "some folder"}, "osync.E009"),
        ({"DEBUG": True}, "osync.E010"),
        ({"AUDIT_KEY": "k" * 60}, "osync.W001"),
        ({"FOUR_EYES": False}, "osync.W002"),
    ],
)
def test_a_wrong_setting_is_named(settings: Settings, changes: dict[str, Any], expected: str) -> None:
    assert complaints(settings, **{**REAL, **changes}) == [expected]


@pytest.mark.parametrize("changes", [{"BASE_URL": "http://portal.contoso.example"}, {"ALLOWED_HOSTS": ["*"]}])
def test_the_demo_refuses_to_be_reached_from_outside(settings: Settings, changes: dict[str, Any]) -> None:
    assert complaints(settings, **changes) == ["osync.E005"]


def test_an_empty_configuration_is_complained_about_with_hints(settings: Settings) -> None:
    empty = {name: [] if name == "ALLOWED_HOSTS" else "" for name in REAL}

    assert complaints(settings, **{**empty, "DEMO": False})


@pytest.mark.parametrize(
    "url", ["", "redis://a:6379/0", "rediss://a:6380/0", "redis+socket:///tmp/a.sock", "unix:///a"]
)
def test_every_address_that_the_governor_understands_passes(settings: Settings, url: str) -> None:
    assert complaints(settings, GOVERNOR_URL=url) == []
