"""Tokens for an administrator: browser sign-in with PKCE, device code, or a file.

The client is public and has no secret: by default it is that of Microsoft's samples ("Use OAuth authentication with
Microsoft Dataverse"), which a tenant may have blocked. Tokens are kept in memory only and never logged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msal
import requests

from syncapp.crm.auth.authority import (
    MICROSOFT_HOSTS,
    MSAL_ERRORS,
    MSAL_UNAVAILABLE,
    Application,
    NullTokenCache,
    error_code_of,
)
from syncapp.crm.errors import CredentialsRefused, TokenUnavailable

SAMPLE_CLIENT_ID = "51f81489-12ee-4a9e-aaae-a2591f45987d"
BROWSER_SECONDS = 300
_MAX_FILE_BYTES = 65_536


class AdministratorToken:
    """The token of a person, acquired when first needed, and again after the CRM has refused it."""

    def __init__(self, acquire: Callable[[], str]) -> None:
        self._acquire = acquire
        self._token = ""

    def token(self) -> str:
        """See `TokenSource`."""
        if not self._token:
            self._token = self._acquire()
        return self._token

    def forget(self) -> None:
        """See `TokenSource`."""
        self._token = ""


def public_application(*, authority: str, client_id: str, session: requests.Session) -> Application:
    """Return an MSAL application without a secret. Raises TokenUnavailable if the authority does not answer."""
    known = urlsplit(authority).hostname in MICROSOFT_HOSTS
    try:
        return msal.PublicClientApplication(
            client_id,
            authority=authority,
            http_client=session,
            instance_discovery=None if known else False,
            token_cache=NullTokenCache(),
        )
    except MSAL_ERRORS as error:
        message = f"The sign-in service could not be reached ({type(error).__name__})."
        raise TokenUnavailable(message, code="authority") from error


def by_browser(application: Application, *, scope: str, tell: Callable[[str], None]) -> AdministratorToken:
    """Sign in with a browser on this machine, which returns to a loopback address; PKCE binds the code to us."""

    def show(address: str) -> None:
        tell(
            "No browser could be opened. If this machine has none, stop this with Ctrl+C and add --device-code. "
            f"Otherwise open this address on this machine:\n\n  {address}\n"
        )

    def acquire() -> str:
        tell("Sign in as an administrator of the CRM, in the browser that opens.")
        # MSAL opens the browser, and calls `show` only if it finds none.
        return _token_of(
            lambda: application.acquire_token_interactive(
                [scope], auth_uri_callback=show, timeout=BROWSER_SECONDS, prompt="select_account"
            )
        )

    return AdministratorToken(acquire)


def by_device_code(application: Application, *, scope: str, tell: Callable[[str], None]) -> AdministratorToken:
    """Sign in on another device, where a person enters a short code."""

    def acquire() -> str:
        flow = _call_msal(lambda: application.initiate_device_flow([scope]))
        if "user_code" not in flow:
            raise CredentialsRefused(f"No device code was given: {error_code_of(flow)}.", code=error_code_of(flow))
        tell(f"{flow.get('message', '')}\n")
        return _token_of(lambda: application.acquire_token_by_device_flow(flow))

    return AdministratorToken(acquire)


def from_file(path: Path) -> AdministratorToken:
    """Use a token that another program wrote: plain, or the JSON of `az account get-access-token`."""

    def acquire() -> str:
        try:
            text = path.read_bytes()[:_MAX_FILE_BYTES].decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsRefused(f"The token file cannot be read ({type(error).__name__}).", code="file") from error
        token = _from_json(text) if text.startswith("{") else text
        if not token or not token.isascii() or any(character.isspace() for character in token):
            raise CredentialsRefused("The token file holds no token.", code="file")
        return token

    return AdministratorToken(acquire)


def _from_json(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return ""
    token = found.get("accessToken") or found.get("access_token")
    return token if isinstance(token, str) else ""


def _token_of(call: Callable[[], Any]) -> str:
    result = _call_msal(call)
    token = result.get("access_token")
    if isinstance(token, str) and token:
        return token
    code = error_code_of(result)
    description = str(result.get("error_description", ""))[:1000]
    raise CredentialsRefused(f"The sign-in was not completed: {code}. {description}".strip(), code=code)


def _call_msal(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        result: dict[str, Any] | None = call()
    except MSAL_UNAVAILABLE as error:
        raise TokenUnavailable("The sign-in service did not answer.", code="token_endpoint") from error
    except MSAL_ERRORS as error:
        raise CredentialsRefused(f"The sign-in was not completed ({type(error).__name__}).", code="sign_in") from error
    return result or {}
