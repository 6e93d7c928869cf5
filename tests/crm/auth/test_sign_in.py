"""Sign-in: a genuine token passes, and every token that differs from it in one respect is refused."""

from __future__ import annotations

import time
from contextlib import nullcontext
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from syncapp.crm.auth.id_tokens import verified_claims
from syncapp.crm.auth.sign_in import Claims, SignIn, SignInRefused, demo_session
from syncapp.crm.errors import TokenUnavailable
from tests.crm.auth import authority as a
from tests.crm.local_server import http, json_answer

DENIED = {"error": "access_denied", "error_description": "<script>"}
OTHER = "99999999-9999-9999-9999-999999999999"


def _refused(started, **query) -> str:
    with pytest.raises(SignInRefused) as caught:
        started.finish(**query)
    return caught.value.reason


def test_genuine_token_gives_claims():
    with a.started_sign_in() as started:
        claims = started.finish()

    assert claims == Claims(
        oid=UUID(a.PERSON),
        tenant_id=UUID(a.TENANT),
        name="Rita",
        address="rita@contoso.example",
        roles=frozenset({"Reviewer"}),
    )


def test_redirect_has_minimal_scope_and_pkce():
    with a.started_sign_in() as started:
        query = parse_qs(urlsplit(started.flow["auth_uri"]).query)

    assert query["response_mode"] == ["query"]
    assert query["code_challenge_method"] == ["S256"]
    assert set(query["scope"][0].split()) == {"openid", "profile"}
    assert query["redirect_uri"] == [a.REDIRECT]
    assert query["state"]
    assert query["nonce"]


def test_code_exchange_sends_code_verifier():
    with a.started_sign_in() as started:
        started.finish()
        (exchange,) = [r for r in started.authority.server.requests if r.target.endswith("/token")]
        sent = parse_qs(exchange.body.decode())

    assert sent["code_verifier"] == [started.flow["code_verifier"]]
    assert sent["redirect_uri"] == [a.REDIRECT]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": f"https://login.example/{a.TENANT}/v2.0"},
        {"aud": OTHER},
        {"aud": [a.CLIENT]},
        {"aud": [a.CLIENT, OTHER]},
        {"tid": OTHER},
        {"tid": a.TENANT.replace("-", "")},
        {"ver": "1.0"},
        {"ver": 2.0},
        {"nonce": "of another sign-in"},
        {"nonce": 5},
        {"exp": int(time.time()) - 130},
        {"exp": "tomorrow"},
        {"exp": 1e400},
        {"nbf": int(time.time()) + 3600},
        {"iat": int(time.time()) + 3600},
        {"oid": "rita"},
        {"oid": None},
        {"roles": "Administrator"},
        {"roles": {"Administrator": True}},
        {"roles": ["Reviewer", 5]},
    ],
    ids=lambda changes: next(iter(changes)),  # without the values, some of which depend on the clock
)
def test_wrong_claim_is_refused(changes):
    with a.started_sign_in() as started:
        started.authority.changes = changes

        assert _refused(started)


@pytest.mark.parametrize(("expected", "is_ours"), [("mine", True), ("of another sign-in", False), ("", False)])
def test_wrong_nonce_is_refused_without_msal(expected, is_ours):
    with a.started_sign_in() as started:
        started.authority.changes = {"nonce": expected and "mine"}
        known = {"keys": started.sign_in._keys, "client_id": a.CLIENT, "tenant_id": UUID(a.TENANT)}
        with nullcontext() if is_ours else pytest.raises(SignInRefused, match="another sign-in"):
            verified_claims(started.authority.id_token(), nonce=expected, **known)


@pytest.mark.parametrize("claim", ["iss", "aud", "tid", "ver", "nonce", "exp", "nbf", "iat", "oid"])
def test_missing_claim_is_refused(claim):
    with a.started_sign_in() as started:
        started.authority.left_out = (claim,)

        assert _refused(started)


def test_token_without_roles_grants_no_roles():
    with a.started_sign_in() as started:
        started.authority.left_out = ("roles",)

        assert started.finish().roles == frozenset()


def test_one_minute_of_clock_skew_is_accepted():
    now = int(time.time())
    with a.started_sign_in() as started:
        started.authority.changes = {"exp": now - 60, "nbf": now + 60, "iat": now + 60}

        assert started.finish().name == "Rita"


def test_unsigned_token_is_refused():
    with a.started_sign_in() as started:
        started.authority.whole_token = a.unsigned(a.claims_of(started.authority.id_token()))

        assert _refused(started)


def test_hmac_token_signed_with_public_key_is_refused():
    with a.started_sign_in() as started:
        claims = a.claims_of(started.authority.id_token())
        header = {"alg": "HS256", "kid": "current", "typ": "JWT"}
        started.authority.whole_token = a.signed_by_hand(claims, header, a.public_pem("current"))

        assert _refused(started)


def test_foreign_signature_with_known_key_id_is_refused():
    with a.started_sign_in() as started:
        started.authority.key = "another signer"

        assert _refused(started)


def test_unpublished_signing_key_is_refused():
    with a.started_sign_in() as started:
        started.authority.key = started.authority.key_id = "another signer"

        assert _refused(started)


def test_token_without_key_id_is_refused():
    with a.started_sign_in() as started:
        started.authority.key_id = None

        assert _refused(started)


def test_other_signing_algorithm_is_refused():
    with a.started_sign_in() as started:
        started.authority.algorithm = "RS384"

        assert _refused(started)


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_short_signing_key_is_refused():
    with a.started_sign_in() as started:
        started.authority.key = started.authority.key_id = "short"

        assert _refused(started)


def test_changed_payload_is_refused():
    with a.started_sign_in() as started:
        head, _, signature = str(started.authority.id_token()).split(".")
        started.authority.changes = {"roles": ["Administrator"]}
        payload = str(started.authority.id_token()).split(".")[1]
        started.authority.whole_token = f"{head}.{payload}.{signature}"

        assert _refused(started)


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "....", 5, ["x"], {"a": 1}, "é.é.é", "x" * 70_000])
def test_malformed_token_is_refused(token):
    with a.started_sign_in() as started:
        started.authority.whole_token = token

        assert _refused(started)


def test_missing_id_token_is_refused():
    with a.started_sign_in() as started:
        started.authority.token_answer = json_answer({"access_token": "x", "token_type": "Bearer", "expires_in": 1})

        assert _refused(started)


def test_wrong_state_is_refused_before_code_exchange():
    with a.started_sign_in() as started:
        before = len(started.authority.server.requests)

        assert _refused(started, state="of another tab")
        assert len(started.authority.server.requests) == before


def test_missing_flow_is_refused():
    with a.started_sign_in() as started:
        started.flow = {"state": ""}

        assert _refused(started)


def test_only_error_code_is_reported():
    with a.started_sign_in() as started, pytest.raises(SignInRefused) as caught:
        started.sign_in.finish(started.flow, {**DENIED, "state": started.flow["state"]})

    assert caught.value.reason == "The sign-in service said access_denied."


def test_invalid_error_code_is_not_repeated():
    with a.started_sign_in() as started, pytest.raises(SignInRefused) as caught:
        started.sign_in.finish(started.flow, {"error": "<script>", "state": started.flow["state"]})

    assert "<script>" not in caught.value.reason


def test_new_signing_key_is_found_without_restart(monkeypatch):
    monkeypatch.setattr("syncapp.crm.auth.id_tokens._REFRESH_PAUSE_SECONDS", 0)
    with a.started_sign_in() as started:
        started.finish()
        started.authority.published.append("rolled over")
        started.authority.key = started.authority.key_id = "rolled over"

        assert started.finish().name == "Rita"


def test_unknown_key_ids_do_not_reload_keys():
    with a.started_sign_in() as started:
        started.authority.key_id = "made up"
        for _ in range(5):
            _refused(started)
        asked = [r for r in started.authority.server.requests if r.target.endswith("/keys")]

    assert len(asked) == 1


@pytest.mark.parametrize(
    "document",
    [
        {"jwks_uri": "https://evil.example/keys"},
        {"jwks_uri": None},
        {"issuer": "https://evil.example/v2.0"},
    ],
    ids=str,
)
def test_discovery_document_naming_other_host_is_refused(document):
    with a.started_sign_in() as started:
        started.authority.discovery = document

        with pytest.raises(TokenUnavailable):
            started.finish()


def test_silent_sign_in_service_raises_transient_error():
    with a.started_sign_in() as started:
        started.authority.token_answer = b""

        with pytest.raises(TokenUnavailable) as caught:
            started.finish()

    assert caught.value.is_transient


def test_failing_sign_in_service_is_transient():
    with a.started_sign_in() as started:
        started.authority.token_answer = http(503)

        with pytest.raises(TokenUnavailable):
            started.finish()


def test_no_user_token_stays_in_memory():
    with a.started_sign_in() as started:
        started.finish()
        cache = started.sign_in._applications.current.token_cache

    assert not list(cache.search("AccessToken"))
    assert not list(cache.search("Account"))


@pytest.mark.parametrize("tenant", ["common", "organizations", "contoso.example", ""])
def test_multi_tenant_authority_is_refused(tenant):
    with pytest.raises(ValueError, match="one tenant"):
        SignIn(authority=f"https://login.microsoftonline.com/{tenant}", client_id="x", credentials=["x"])


def test_plain_http_is_refused_for_remote_authority():
    with pytest.raises(ValueError, match="without TLS"):
        demo_session(f"https://login.microsoftonline.com/{a.TENANT}")
