"""Microsoft's own client library, unchanged, signs in to the sandbox over real TLS."""

from __future__ import annotations

import html
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msal
import pytest
import requests
import trustme

from dataverse_sandbox import config
from dataverse_sandbox.config import EMPTY_WORLD
from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import plain_session

# MSAL recommends form_post; with "query" the browser also sends the SameSite cookie of the sign-in.
pytestmark = pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended:UserWarning")
CALLBACK = "http://127.0.0.1:8000/sign-in/callback"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Provide the origin of a sandbox with TLS and the bundle that trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(folder / "ca.pem")
    with SandboxServer(folder / "data.sqlite3", world=EMPTY_WORLD, tls=context) as server:
        yield server.url, folder / "ca.pem"


@pytest.fixture
def session(authority: tuple[str, Path]) -> Iterator[requests.Session]:
    with plain_session() as session:
        session.verify = str(authority[1])
        yield session


@pytest.fixture
def application(authority: tuple[str, Path], session: requests.Session) -> Any:
    return msal.ConfidentialClientApplication(
        config.CLIENT_ID,
        client_credential=config.CLIENT_SECRET,
        authority=f"{authority[0]}/{config.TENANT}",
        instance_discovery=False,
        http_client=session,
    )


def press(session: requests.Session, address: str, person: str) -> dict[str, str]:
    page = session.get(address)
    fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    form = {name: html.unescape(value) for name, value in fields}
    answer = session.post(page.url, data={**form, "person": person}, allow_redirects=False)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def test_application_token_works_with_web_api(
    application: Any, session: requests.Session, authority: tuple[str, Path]
) -> None:
    token = application.acquire_token_for_client([f"{authority[0]}/.default"])["access_token"]

    answer = session.get(f"{authority[0]}/api/data/v9.2/WhoAmI", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["UserId"] == config.APPLICATION_USER_ID
    assert answer.json()["@odata.context"].startswith(authority[0])


def test_user_signs_in_by_authorization_code(application: Any, session: requests.Session) -> None:
    flow = application.initiate_auth_code_flow([], redirect_uri=CALLBACK, response_mode="query")

    result = application.acquire_token_by_auth_code_flow(flow, press(session, flow["auth_uri"], "Ada Brennan"))

    assert result["id_token_claims"]["name"] == "Ada Brennan"
    assert result["id_token_claims"]["roles"] == ["Administrator", "Reviewer"]
    [account] = application.get_accounts()
    assert account["username"] == "ada.brennan@contoso.example"


def test_canceled_sign_in_returns_error(application: Any, session: requests.Session) -> None:
    flow = application.initiate_auth_code_flow([], redirect_uri=CALLBACK, response_mode="query")

    result = application.acquire_token_by_auth_code_flow(flow, press(session, flow["auth_uri"], ""))

    assert result["error"] == "access_denied"


def test_swapped_verifier_is_refused(application: Any, session: requests.Session) -> None:
    flow = application.initiate_auth_code_flow([], redirect_uri=CALLBACK, response_mode="query")
    back = press(session, flow["auth_uri"], "Ada Brennan")

    result = application.acquire_token_by_auth_code_flow({**flow, "code_verifier": "x" * 43}, back)

    assert result["error"] == "invalid_grant"
