"""Sign-in of a public client: PKCE without a secret, device codes."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from dataverse_sandbox import config
from dataverse_sandbox.tests.caller import Sandbox
from dataverse_sandbox.tests.test_sign_in import authorize, press, redeem, tenant

PUBLIC = {"client_id": config.PUBLIC_CLIENT_ID}
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def ask(sandbox: Sandbox, client_id: str = config.PUBLIC_CLIENT_ID) -> Any:
    form = {"client_id": client_id, "scope": "openid"}
    return sandbox.session.post(f"{tenant(sandbox)}/oauth2/v2.0/devicecode", data=form).json()


def enter(sandbox: Sandbox, code: str, person: str) -> requests.Response:
    return sandbox.session.post(f"{tenant(sandbox)}/oauth2/deviceauth", data={"code": code, "person": person})


def poll(sandbox: Sandbox, device_code: str) -> Any:
    form = {**PUBLIC, "grant_type": DEVICE_CODE, "device_code": device_code}
    return sandbox.session.post(sandbox.token_url, data=form).json()


def who(sandbox: Sandbox, token: str) -> str:
    answer = requests.get(f"{sandbox.api}WhoAmI", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    return str(answer.json()["UserId"])


def test_public_client_signs_in_without_secret(sandbox: Sandbox) -> None:
    code = press(sandbox, "Ada Brennan", **PUBLIC)["code"][0]

    answer = redeem(sandbox, code, **PUBLIC, client_secret="").json()

    assert who(sandbox, answer["access_token"]) == config.person("Ada Brennan").user_id


def test_public_client_needs_pkce(sandbox: Sandbox) -> None:
    assert authorize(sandbox, **PUBLIC, code_challenge="").status_code == 400
    assert authorize(sandbox, **PUBLIC).status_code == 200


def test_code_of_another_client_is_refused(sandbox: Sandbox) -> None:
    code = press(sandbox, "Ada Brennan")["code"][0]

    assert redeem(sandbox, code, **PUBLIC, client_secret="").json()["error"] == "invalid_grant"


def test_public_client_gets_no_application_token(sandbox: Sandbox) -> None:
    form = {**PUBLIC, "grant_type": "client_credentials", "scope": f"{sandbox.url}/.default"}

    assert sandbox.session.post(sandbox.token_url, data=form).status_code == 401


def test_device_code_stays_pending_until_sign_in(sandbox: Sandbox) -> None:
    asked = ask(sandbox)
    assert poll(sandbox, asked["device_code"])["error"] == "authorization_pending"
    assert sandbox.session.get(asked["verification_uri"]).status_code == 200

    entered = enter(sandbox, f" {asked['user_code'].lower()} ", "Ada Brennan")

    assert "signed in" in entered.text
    token = poll(sandbox, asked["device_code"])["access_token"]
    assert who(sandbox, token) == config.person("Ada Brennan").user_id
    assert poll(sandbox, asked["device_code"])["error"] == "bad_verification_code"


def test_declined_device_code_gives_no_token(sandbox: Sandbox) -> None:
    asked = ask(sandbox)

    enter(sandbox, asked["user_code"], "")

    assert poll(sandbox, asked["device_code"])["error"] == "authorization_declined"


@pytest.mark.parametrize("code", ["WRONG", ""])
def test_wrong_user_code_is_refused(sandbox: Sandbox, code: str) -> None:
    assert enter(sandbox, code, "Ada Brennan").status_code == 400


def test_confidential_client_gets_no_device_code(sandbox: Sandbox) -> None:
    assert ask(sandbox, config.CLIENT_ID)["error"] == "invalid_client"
