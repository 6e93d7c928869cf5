"""Sign-in: the authorize page, codes, PKCE, ID tokens, and refusals."""

from __future__ import annotations

import base64
import datetime
import hashlib
import html
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
import time_machine

from dataverse_sandbox import config
from dataverse_sandbox.tests.caller import Sandbox

CALLBACK = "http://127.0.0.1:8000/sign-in/callback"
VERIFIER = "a-verifier-that-is-at-least-forty-three-characters-long"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
WANTED = {
    "client_id": config.CLIENT_ID,
    "response_type": "code",
    "redirect_uri": CALLBACK,
    "scope": "openid profile offline_access",
    "state": "st&te",
    "nonce": "n-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "response_mode": "query",
}


def tenant(sandbox: Sandbox) -> str:
    return f"{sandbox.url}/{config.TENANT}"


def authorize(sandbox: Sandbox, **changes: str) -> requests.Response:
    wanted = {name: value for name, value in {**WANTED, **changes}.items() if value}
    return sandbox.session.get(f"{tenant(sandbox)}/oauth2/v2.0/authorize", params=wanted)


def press(sandbox: Sandbox, person: str, **changes: str) -> dict[str, list[str]]:
    """Open the page, press a button and return the redirect's query, as a browser does."""
    page = authorize(sandbox, **changes)
    fields = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
    form = {name: html.unescape(value) for name, value in fields.items()}
    answer = sandbox.session.post(page.url, data={**form, "person": person}, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(f"{CALLBACK}?")
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def redeem(sandbox: Sandbox, code: str, **changes: str) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": config.CLIENT_ID,
        "client_secret": config.CLIENT_SECRET,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    return sandbox.session.post(sandbox.token_url, data={name: value for name, value in form.items() if value})


def claims(sandbox: Sandbox, token: str) -> dict[str, Any]:
    [key] = sandbox.session.get(f"{tenant(sandbox)}/discovery/v2.0/keys").json()["keys"]
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    public = jwt.PyJWK(key)
    return jwt.decode(token, public, algorithms=["RS256"], audience=config.CLIENT_ID)


def test_rita_signs_in_with_her_role(sandbox: Sandbox) -> None:
    back = press(sandbox, "Rita Lindqvist")
    answer = redeem(sandbox, back["code"][0]).json()

    found = claims(sandbox, answer["id_token"])
    assert back["state"] == ["st&te"]
    assert found["iss"] == f"https://127.0.0.1:{sandbox.server.port}/{config.TENANT}/v2.0"
    assert (found["tid"], found["ver"], found["nonce"]) == (config.TENANT, "2.0", "n-1")
    assert (found["name"], found["roles"]) == ("Rita Lindqvist", ["Reviewer"])
    assert found["exp"] > found["iat"] >= found["nbf"]


@pytest.mark.parametrize(
    ("person", "roles"),
    [
        ("Rob Marchetti", ["Reviewer"]),
        ("Fred Okafor", ["FilterManager"]),
        ("Frida Solberg", ["FilterManager"]),
        ("Ada Brennan", ["Administrator", "Reviewer"]),
        ("Vera Castellano", ["Viewer"]),
        ("Nils Hagen", None),
    ],
)
def test_each_person_has_their_roles(sandbox: Sandbox, person: str, roles: list[str] | None) -> None:
    answer = redeem(sandbox, press(sandbox, person)["code"][0]).json()

    assert claims(sandbox, answer["id_token"]).get("roles") == roles


def test_object_id_identifies_crm_user(sandbox: Sandbox) -> None:
    answer = redeem(sandbox, press(sandbox, "Rita Lindqvist")["code"][0]).json()
    oid = claims(sandbox, answer["id_token"])["oid"]

    [user] = sandbox.rows(f"systemusers?$filter=azureactivedirectoryobjectid eq {oid}")

    assert user["fullname"] == "Rita Lindqvist"


def test_page_has_button_per_person(sandbox: Sandbox) -> None:
    page = authorize(sandbox)

    assert page.status_code == 200
    assert re.findall(r'name="person" value="([^"]+)"', page.text) == [person.name for person in config.PEOPLE]
    assert "stand-in" in page.text


def test_cancel_returns_access_denied(sandbox: Sandbox) -> None:
    back = press(sandbox, "")

    assert back["error"] == ["access_denied"]
    assert back["state"] == ["st&te"]


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"code_verifier": "wrong-" + VERIFIER}, 501481),
        ({"code_verifier": ""}, 501481),
        ({"redirect_uri": "http://127.0.0.1:8000/elsewhere"}, 500112),
        ({"code": "unknown"}, 54005),
        ({"client_secret": "guess"}, 7000215),
        ({"client_id": "33333333-3333-3333-3333-333333333333"}, 700016),
        ({"grant_type": "password"}, 70003),
    ],
)
def test_code_redeemed_with_other_details_is_refused(sandbox: Sandbox, changes: dict[str, str], number: int) -> None:
    code = press(sandbox, "Rita Lindqvist")["code"][0]

    refused = redeem(sandbox, **{"code": code, **changes})

    assert refused.status_code == (401 if "client_secret" in changes else 400)
    assert refused.json()["error_codes"] == [number]
    assert "id_token" not in refused.json()


def test_verifier_is_refused_for_code_without_challenge(sandbox: Sandbox) -> None:
    codes = [press(sandbox, "Rita Lindqvist", code_challenge="")["code"][0] for _ in range(2)]

    assert redeem(sandbox, codes[0], code_verifier="").status_code == 200
    assert redeem(sandbox, codes[1]).status_code == 400


def test_code_works_once(sandbox: Sandbox) -> None:
    code = press(sandbox, "Rita Lindqvist")["code"][0]

    assert redeem(sandbox, code).status_code == 200
    assert redeem(sandbox, code).json()["error"] == "invalid_grant"


def test_code_is_redeemed_once_by_concurrent_requests(sandbox: Sandbox) -> None:
    code = press(sandbox, "Rita Lindqvist")["code"][0]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: redeem(Sandbox(sandbox.server), code).status_code, range(8)))

    assert sorted(answers) == [200] + [400] * 7


def test_wrong_verifier_consumes_code(sandbox: Sandbox) -> None:
    code = press(sandbox, "Rita Lindqvist")["code"][0]
    redeem(sandbox, code, code_verifier="wrong-" + VERIFIER)

    assert redeem(sandbox, code).status_code == 400


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"redirect_uri": "https://evil.example/callback"}, 400),
        ({"redirect_uri": "http://127.0.0.1.evil.example/"}, 400),
        ({"redirect_uri": "javascript://127.0.0.1/%0aalert(1)"}, 400),
        ({"client_id": "33333333-3333-3333-3333-333333333333"}, 400),
        ({"response_type": "token"}, 400),
        ({"scope": "profile"}, 400),
        ({"response_mode": "fragment"}, 501),
        ({"code_challenge_method": "plain"}, 501),
    ],
)
def test_bad_authorize_request_is_not_redirected(sandbox: Sandbox, changes: dict[str, str], status: int) -> None:
    refused = authorize(sandbox, **changes)

    assert refused.status_code == status
    assert refused.history == []
    assert 'name="person"' not in refused.text


@pytest.mark.parametrize(("person", "key"), [("Rita Lindqvist", "code"), ("", "error")])
def test_form_post_returns_answer_in_form(sandbox: Sandbox, person: str, key: str) -> None:
    answer = sandbox.session.post(
        f"{tenant(sandbox)}/oauth2/v2.0/authorize",
        data={**WANTED, "response_mode": "form_post", "person": person},
        allow_redirects=False,
    )

    assert answer.status_code == 200
    assert f'<form method="post" action="{CALLBACK}">' in answer.text
    assert f'name="{key}"' in answer.text
    assert 'name="state" value="st&amp;te"' in answer.text


def test_tampered_form_cannot_redirect_elsewhere(sandbox: Sandbox) -> None:
    answer = sandbox.session.post(
        f"{tenant(sandbox)}/oauth2/v2.0/authorize",
        data={**WANTED, "redirect_uri": "https://evil.example/", "person": "Rita Lindqvist"},
        allow_redirects=False,
    )

    assert answer.status_code == 400


def test_hidden_fields_are_escaped(sandbox: Sandbox) -> None:
    page = authorize(sandbox, state='"><script>alert(1)</script>')

    assert "<script>" not in page.text


def test_discovery_uses_requested_host(sandbox: Sandbox) -> None:
    document = sandbox.session.get(f"{tenant(sandbox)}/v2.0/.well-known/openid-configuration").json()
    secure = tenant(sandbox).replace("http://", "https://")

    assert document["issuer"] == f"{secure}/v2.0"
    assert document["token_endpoint"] == f"{secure}/oauth2/v2.0/token"
    assert document["authorization_endpoint"] == f"{tenant(sandbox)}/oauth2/v2.0/authorize"
    assert document["jwks_uri"] == f"{tenant(sandbox)}/discovery/v2.0/keys"


def test_application_token_needs_secret_and_scope(sandbox: Sandbox) -> None:
    assert sandbox.ask_for_token().json()["expires_in"] == 3_599
    assert sandbox.ask_for_token("guess").json()["error"] == "invalid_client"
    form = {"grant_type": "client_credentials", "scope": "openid"}
    refused = sandbox.session.post(sandbox.token_url, data=form, auth=(config.CLIENT_ID, config.CLIENT_SECRET))
    assert refused.json()["error"] == "invalid_scope"


@pytest.mark.parametrize("authorization", ["", "Bearer nonsense", "Basic abc"])
def test_web_api_requires_valid_token(sandbox: Sandbox, authorization: str) -> None:
    refused = sandbox.get("contacts", Authorization=authorization)

    assert refused.status_code == 401
    assert "WWW-Authenticate" in refused.headers


def test_expired_tokens_are_refused(sandbox: Sandbox) -> None:
    sandbox.control("POST", "expire", {"access_tokens": True})
    assert sandbox.get("contacts").status_code == 401

    assert sandbox.sign_in().get("contacts").status_code == 200


def test_tokens_and_codes_expire(sandbox: Sandbox) -> None:
    code = press(sandbox, "Rita Lindqvist")["code"][0]
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)

    with time_machine.travel(tomorrow):
        assert sandbox.get("contacts").status_code == 401
        assert redeem(sandbox, code).json()["error_codes"] == [70008]
    assert sandbox.get("contacts").status_code == 200


def test_person_token_acts_as_that_person(sandbox: Sandbox) -> None:
    answer = redeem(sandbox, press(sandbox, "Rita Lindqvist")["code"][0]).json()
    own = sandbox.get("WhoAmI", Authorization=f"Bearer {answer['access_token']}").json()["UserId"]

    assert sandbox.get(f"systemusers({own})").json()["fullname"] == "Rita Lindqvist"


def test_logout_redirects_only_to_loopback(sandbox: Sandbox) -> None:
    address = f"{tenant(sandbox)}/oauth2/v2.0/logout"

    home = sandbox.session.get(address, params={"post_logout_redirect_uri": CALLBACK}, allow_redirects=False)
    away = sandbox.session.get(
        address, params={"post_logout_redirect_uri": "https://evil.example/"}, allow_redirects=False
    )
    assert (home.status_code, home.headers["Location"]) == (302, CALLBACK)
    assert away.status_code == 200
