"""Signing in: one good token passes, and every forgery that differs from it in one thing is refused."""

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


def _refused(visit, **query) -> str:
    with pytest.raises(SignInRefused) as caught:
        visit.come_back(**query)
    return caught.value.reason


def test_a_genuine_token_says_who_came_back():
    with a.visit() as visit:
        claims = visit.come_back()

    assert claims == Claims(
        oid=UUID(a.PERSON),
        tenant_id=UUID(a.TENANT),
        name="Rita",
        address="rita@contoso.example",
        roles=frozenset({"Reviewer"}),
    )


def test_the_way_out_asks_for_little_and_proves_itself():
    with a.visit() as visit:
        query = parse_qs(urlsplit(visit.flow["auth_uri"]).query)

    assert query["response_mode"] == ["query"]
    assert query["code_challenge_method"] == ["S256"]
    assert set(query["scope"][0].split()) == {"openid", "profile"}
    assert query["redirect_uri"] == [a.REDIRECT]
    assert query["state"]
    assert query["nonce"]


def test_the_exchange_sends_the_code_verifier_of_this_flow():
    with a.visit() as visit:
        visit.come_back()
        (exchange,) = [r for r in visit.authority.server.requests if r.target.endswith("/token")]
        sent = parse_qs(exchange.body.decode())

    assert sent["code_verifier"] == [visit.flow["code_verifier"]]
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
    ids=lambda changes: next(iter(changes)),  # not the values: the clock is in some of them
)
def test_a_token_with_one_wrong_claim_is_refused(changes):
    with a.visit() as visit:
        visit.authority.changes = changes

        assert _refused(visit)


@pytest.mark.parametrize(("expected", "is_ours"), [("mine", True), ("of another sign-in", False), ("", False)])
def test_the_nonce_is_compared_here_whatever_msal_compares(expected, is_ours):
    with a.visit() as visit:
        visit.authority.changes = {"nonce": expected and "mine"}
        known = {"keys": visit.sign_in._keys, "client_id": a.CLIENT, "tenant_id": UUID(a.TENANT)}
        with nullcontext() if is_ours else pytest.raises(SignInRefused, match="another sign-in"):
            verified_claims(visit.authority.id_token(), nonce=expected, **known)


@pytest.mark.parametrize("claim", ["iss", "aud", "tid", "ver", "nonce", "exp", "nbf", "iat", "oid"])
def test_a_token_that_lacks_a_claim_is_refused(claim):
    with a.visit() as visit:
        visit.authority.left_out = (claim,)

        assert _refused(visit)


def test_a_token_without_roles_gives_no_access():
    with a.visit() as visit:
        visit.authority.left_out = ("roles",)

        assert visit.come_back().roles == frozenset()


def test_a_clock_that_is_a_minute_off_keeps_nobody_out():
    now = int(time.time())
    with a.visit() as visit:
        visit.authority.changes = {"exp": now - 60, "nbf": now + 60, "iat": now + 60}

        assert visit.come_back().name == "Rita"


def test_an_unsigned_token_is_refused():
    with a.visit() as visit:
        visit.authority.whole_token = a.unsigned(a.claims_of(visit.authority.id_token()))

        assert _refused(visit)


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused():
    with a.visit() as visit:
        claims = a.claims_of(visit.authority.id_token())
        header = {"alg": "HS256", "kid": "current", "typ": "JWT"}
        visit.authority.whole_token = a.signed_by_hand(claims, header, a.public_pem("current"))

        assert _refused(visit)


def test_a_token_signed_by_somebody_else_under_the_tenants_key_id_is_refused():
    with a.visit() as visit:
        visit.authority.key = "somebody else"

        assert _refused(visit)


def test_a_token_with_a_key_the_tenant_never_published_is_refused():
    with a.visit() as visit:
        visit.authority.key = visit.authority.key_id = "somebody else"

        assert _refused(visit)


def test_a_token_that_names_no_key_is_refused():
    with a.visit() as visit:
        visit.authority.key_id = None

        assert _refused(visit)


def test_a_token_of_another_algorithm_is_refused():
    with a.visit() as visit:
        visit.authority.algorithm = "RS384"

        assert _refused(visit)


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_key_that_is_too_short_is_refused():
    with a.visit() as visit:
        visit.authority.key = visit.authority.key_id = "short"

        assert _refused(visit)


def test_a_changed_payload_is_refused():
    with a.visit() as visit:
        head, _, signature = str(visit.authority.id_token()).split(".")
        visit.authority.changes = {"roles": ["Administrator"]}
        payload = str(visit.authority.id_token()).split(".")[1]
        visit.authority.whole_token = f"{head}.{payload}.{signature}"

        assert _refused(visit)


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "....", 5, ["x"], {"a": 1}, "é.é.é", "x" * 70_000])
def test_what_is_no_token_is_refused(token):
    with a.visit() as visit:
        visit.authority.whole_token = token

        assert _refused(visit)


def test_an_answer_without_an_id_token_is_refused():
    with a.visit() as visit:
        visit.authority.token_answer = json_answer({"access_token": "x", "token_type": "Bearer", "expires_in": 1})

        assert _refused(visit)


def test_a_wrong_state_is_refused_without_using_the_code():
    with a.visit() as visit:
        before = len(visit.authority.server.requests)

        assert _refused(visit, state="of another tab")
        assert len(visit.authority.server.requests) == before


def test_a_flow_that_was_lost_is_refused():
    with a.visit() as visit:
        visit.flow = {"state": ""}

        assert _refused(visit)


def test_an_error_from_the_service_is_named_and_nothing_else_of_it():
    with a.visit() as visit, pytest.raises(SignInRefused) as caught:
        visit.sign_in.finish(visit.flow, {**DENIED, "state": visit.flow["state"]})

    assert caught.value.reason == "The sign-in service said access_denied."


def test_an_error_word_that_is_none_is_not_repeated():
    with a.visit() as visit, pytest.raises(SignInRefused) as caught:
        visit.sign_in.finish(visit.flow, {"error": "<script>", "state": visit.flow["state"]})

    assert "<script>" not in caught.value.reason


def test_a_new_signing_key_is_found_without_a_restart(monkeypatch):
    monkeypatch.setattr("syncapp.crm.auth.id_tokens._REFRESH_PAUSE_SECONDS", 0)
    with a.visit() as visit:
        visit.come_back()
        visit.authority.published.append("rolled over")
        visit.authority.key = visit.authority.key_id = "rolled over"

        assert visit.come_back().name == "Rita"


def test_made_up_key_ids_do_not_make_us_ask_for_the_keys_each_time():
    with a.visit() as visit:
        visit.authority.key_id = "made up"
        for _ in range(5):
            _refused(visit)
        asked = [r for r in visit.authority.server.requests if r.target.endswith("/keys")]

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
def test_a_description_that_points_elsewhere_is_not_believed(document):
    with a.visit() as visit:
        visit.authority.discovery = document

        with pytest.raises(TokenUnavailable):
            visit.come_back()


def test_a_silent_sign_in_service_is_worth_another_try():
    with a.visit() as visit:
        visit.authority.token_answer = b""

        with pytest.raises(TokenUnavailable) as caught:
            visit.come_back()

    assert caught.value.transient


def test_a_sign_in_service_in_trouble_is_worth_another_try():
    with a.visit() as visit:
        visit.authority.token_answer = http(503)

        with pytest.raises(TokenUnavailable):
            visit.come_back()


def test_nothing_of_a_person_stays_in_memory():
    with a.visit() as visit:
        visit.come_back()
        cache = visit.sign_in._applications.get().token_cache

    assert not list(cache.search("AccessToken"))
    assert not list(cache.search("Account"))


@pytest.mark.parametrize("tenant", ["common", "organizations", "contoso.example", ""])
def test_the_authority_has_to_be_one_tenant(tenant):
    with pytest.raises(ValueError, match="one tenant"):
        SignIn(authority=f"https://login.microsoftonline.com/{tenant}", client_id="x", client_secret="x")


def test_only_this_machine_is_reached_without_tls():
    with pytest.raises(ValueError, match="without TLS"):
        demo_session(f"https://login.microsoftonline.com/{a.TENANT}")
