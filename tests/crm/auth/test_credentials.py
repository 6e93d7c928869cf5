"""Certificates and secrets, verified by the sandbox's sign-in service, and the change from one to the other."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import jwt
import pytest
import requests

from dataverse_sandbox.config import CLIENT_ID, CLIENT_SECRET, TENANT
from dataverse_sandbox.server import SandboxServer
from syncapp.crm.auth.credentials import Credential, read_certificate
from syncapp.crm.auth.sign_in import ClientCredentials, demo_session
from syncapp.crm.errors import CredentialsRefused
from tests.support.certificates import certificate, other_key

EXPIRED = "2020-01-31T00:00:00+00:00"
FIRST, SECOND = certificate(name="first"), certificate(name="second")


@pytest.fixture
def authority(sandbox_server: SandboxServer) -> Iterator[str]:
    """Yield the sandbox's authority, and restore its usual secret afterwards."""
    yield f"{sandbox_server.url.replace('http:', 'https:')}/{TENANT}"
    register(sandbox_server, {CLIENT_SECRET: None})


def register(server: SandboxServer, secrets: dict[str, str | None], *pems: str) -> None:
    body = {"secrets": secrets, "certificates": list(pems)}
    requests.put(f"{server.url}/sandbox/credentials", json=body, timeout=30).raise_for_status()


def tokens(authority: str, *credentials: Credential) -> ClientCredentials:
    return ClientCredentials(
        authority=authority,
        client_id=CLIENT_ID,
        credentials=credentials,
        scope="https://contoso.example/.default",
        session=demo_session(authority),
    )


def test_certificate_gets_a_token(authority: str, sandbox_server: SandboxServer) -> None:
    register(sandbox_server, {}, FIRST.without_key)

    assert tokens(authority, read_certificate(FIRST.pem)).token()


def test_unregistered_certificate_is_refused(authority: str, sandbox_server: SandboxServer) -> None:
    register(sandbox_server, {}, SECOND.without_key)

    with pytest.raises(CredentialsRefused, match="AADSTS700027"):
        tokens(authority, read_certificate(FIRST.pem)).token()


def test_expired_certificate_is_refused(authority: str, sandbox_server: SandboxServer) -> None:
    ended = certificate(days=-2)
    register(sandbox_server, {}, ended.without_key)

    with pytest.raises(CredentialsRefused, match="AADSTS1000502"):
        tokens(authority, read_certificate(ended.pem)).token()


@pytest.mark.parametrize(
    "credentials",
    [
        (read_certificate(FIRST.pem), read_certificate(SECOND.pem)),
        (read_certificate(FIRST.pem), "good secret"),
        ("old secret", "good secret"),
        ("unknown secret", read_certificate(SECOND.pem)),
    ],
    ids=["two certificates", "certificate, secret", "expired secret, secret", "wrong secret, certificate"],
)
def test_second_credential_replaces_a_refused_one(
    authority: str, sandbox_server: SandboxServer, credentials: Sequence[Credential]
) -> None:
    register(sandbox_server, {"old secret": EXPIRED, "good secret": None}, SECOND.without_key)

    assert tokens(authority, *credentials).token()
    with pytest.raises(CredentialsRefused):
        tokens(authority, credentials[0]).token()


def test_two_refused_credentials_raise_credentials_refused(authority: str, sandbox_server: SandboxServer) -> None:
    register(sandbox_server, {"good secret": None})

    with pytest.raises(CredentialsRefused, match="AADSTS7000215"):
        tokens(authority, "one", "two").token()


def test_last_accepted_credential_is_tried_first(
    authority: str, sandbox_server: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    register(sandbox_server, {"first": EXPIRED, "second": None})
    source = tokens(authority, "first", "second")
    source.token()
    assert "credential 1 of 2 was refused" in caplog.text
    source.forget()
    caplog.clear()

    assert source.token()
    assert "refused" not in caplog.text


def test_first_credential_is_retried_if_second_expires(authority: str, sandbox_server: SandboxServer) -> None:
    register(sandbox_server, {"first": EXPIRED, "second": None})
    source = tokens(authority, "first", "second")
    source.token()
    register(sandbox_server, {"first": None, "second": EXPIRED})
    source.forget()

    assert source.token()


def test_unknown_application_is_refused(authority: str, sandbox_server: SandboxServer) -> None:
    register(sandbox_server, {"good secret": None})
    source = ClientCredentials(
        authority=authority,
        client_id=str(uuid.uuid4()),
        credentials=["good secret", "other"],
        scope="https://contoso.example/.default",
        session=demo_session(authority),
    )

    with pytest.raises(CredentialsRefused, match="AADSTS700016"):
        source.token()


def test_certificate_with_escaped_line_breaks_is_read() -> None:
    text = FIRST.pem.replace("\n", "\\n")

    assert read_certificate(text).thumbprint == read_certificate(FIRST.pem).thumbprint


# --- what the sandbox's sign-in service verifies -----------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({}, None),
        ({"aud": "https://login.example/token"}, 700023),
        ({"exp": 1_000_000_000, "nbf": 999_999_000}, 700024),
        ({"iss": str(uuid.uuid4())}, 700021),
        ({"sub": str(uuid.uuid4())}, 700021),
    ],
)
def test_assertion_claims_are_verified(
    authority: str, sandbox_server: SandboxServer, changes: dict[str, Any], number: int | None
) -> None:
    register(sandbox_server, {}, FIRST.without_key)

    answer = answer_to_assertion(sandbox_server, authority, changes, key=FIRST.key)

    assert answer.get("error_codes") == ([number] if number else None), answer


def test_assertion_signed_by_another_key_is_refused(authority: str, sandbox_server: SandboxServer) -> None:
    register(sandbox_server, {}, FIRST.without_key)

    assert answer_to_assertion(sandbox_server, authority, {}, key=other_key())["error_codes"] == [700027]


def answer_to_assertion(server: SandboxServer, authority: str, changes: dict[str, Any], *, key: str) -> dict[str, Any]:
    """Return the token endpoint's answer to an assertion with some claims changed."""
    now = int(time.time())
    claims = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": f"{authority}/oauth2/v2.0/token", "jti": str(uuid.uuid4())}
    claims |= {"nbf": now, "exp": now + 300, **changes}
    thumbprint = bytes.fromhex(read_certificate(FIRST.pem).thumbprint)
    headers = {"x5t": jwt.utils.base64url_encode(thumbprint).decode()}
    body = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "scope": "https://contoso.example/.default",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, key, algorithm="RS256", headers=headers),
    }
    address = f"{server.url}/{TENANT}/oauth2/v2.0/token"
    found: dict[str, Any] = requests.post(address, data=body, timeout=30).json()
    return found
