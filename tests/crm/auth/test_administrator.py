"""Sign-in of an administrator at the sandbox: browser with PKCE, device code."""

from __future__ import annotations

import html
import re
import threading
import webbrowser
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from dataverse_sandbox import config
from syncapp.crm.auth import administrator
from syncapp.crm.auth.authority import demo_session
from syncapp.crm.errors import CredentialsRefused, TokenUnavailable

SCOPE = "https://crm.example/user_impersonation"


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def application(sandbox):
    authority = f"{sandbox.url.replace('http:', 'https:')}/{config.TENANT}"
    session = demo_session(authority)
    return administrator.public_application(
        authority=authority, client_id=administrator.SAMPLE_CLIENT_ID, session=session
    )


def who(sandbox, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{sandbox.url}/api/data/v9.2/WhoAmI", headers=headers, timeout=10).json()["UserId"]


class Browser:
    """Chooses a person on the sign-in page and sends the form that returns to the application."""

    def __init__(self, session: requests.Session, person: str, *, exists: bool = True) -> None:
        self._session, self._person, self._exists = session, person, exists
        self.opened: list[str] = []

    def open(self, address: str, *_options: object) -> bool:
        """Replace `webbrowser.open`, which returns False if there is no browser."""
        if self._exists:
            self.opened.append(address)
            threading.Thread(target=self.sign_in, args=(address,), daemon=True).start()
        return self._exists

    def sign_in(self, address: str) -> None:
        """Press the person's button, then Continue."""
        page = self._session.get(address)
        answer = self._session.post(address, data={**fields_of(page.text), "person": self._person})
        target = re.search(r'action="([^"]*)"', answer.text).group(1)
        self._session.post(target, data=fields_of(answer.text))


def fields_of(page: str) -> dict[str, str]:
    found = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


@pytest.fixture(autouse=True)
def short_wait(monkeypatch):
    monkeypatch.setattr(administrator, "BROWSER_SECONDS", 20)


def test_browser_returns_to_loopback_with_pkce(sandbox, application, browser, monkeypatch):
    ada = Browser(browser, "Ada Brennan")
    monkeypatch.setattr(webbrowser, "open", ada.open)
    said: list[str] = []

    token = administrator.by_browser(application, scope=SCOPE, tell=said.append).token()

    assert who(sandbox, token) == config.person("Ada Brennan").user_id
    [address] = ada.opened
    query = parse_qs(urlsplit(address).query)
    assert query["code_challenge_method"] == ["S256"]
    assert urlsplit(query["redirect_uri"][0]).hostname == "localhost"
    assert len(said) == 1


def test_sign_in_address_is_shown_without_browser(sandbox, application, browser, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", Browser(browser, "", exists=False).open)
    ada = Browser(browser, "Ada Brennan")

    said = []

    def tell(text):
        said.append(text)
        shown = re.search(r"No browser could be opened.*\s(http\S+)", text, re.DOTALL)
        if shown:
            ada.open(shown.group(1))

    token = administrator.by_browser(application, scope=SCOPE, tell=tell).token()

    assert who(sandbox, token) == config.person("Ada Brennan").user_id
    assert "--device-code" in "".join(said)


def test_declined_browser_sign_in_is_refused(application, browser, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", Browser(browser, "").open)

    with pytest.raises(CredentialsRefused, match="access_denied"):
        administrator.by_browser(application, scope=SCOPE, tell=lambda text: None).token()


@pytest.mark.parametrize(("person", "is_refused"), [("Ada Brennan", False), ("", True)])
def test_device_code_sign_in_succeeds_unless_declined(sandbox, application, browser, person, is_refused):
    def tell(text):
        address, code = re.search(r"open (\S+) and enter the code (\w+)", text).groups()
        browser.post(address, data={"code": code, "person": person})

    source = administrator.by_device_code(application, scope=SCOPE, tell=tell)

    if is_refused:
        with pytest.raises(CredentialsRefused, match="authorization_declined"):
            source.token()
    else:
        assert who(sandbox, source.token()) == config.person("Ada Brennan").user_id


def test_token_from_file_is_kept_until_forgotten(tmp_path):
    path = tmp_path / "token"
    path.write_text("first")
    source = administrator.from_file(path)
    assert source.token() == "first"

    path.write_text("second")

    assert source.token() == "first"
    source.forget()
    assert source.token() == "second"


def test_unreachable_authority_is_transient():
    authority = f"https://127.0.0.1:9/{config.TENANT}"

    with pytest.raises(TokenUnavailable):
        administrator.public_application(authority=authority, client_id="x", session=demo_session(authority))
