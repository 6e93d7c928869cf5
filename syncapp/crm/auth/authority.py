"""Reaching the sign-in service: its sessions and MSAL applications, in one way for both uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msal
import requests
from requests.adapters import HTTPAdapter

from syncapp.crm.errors import TokenUnavailable
from syncapp.crm.origins import Origin
from syncapp.crm.sessions import DIRECT, Outgoing, new_session

# The one type of MSAL that others name; it is untyped to us.
Application = Any

# Only at these hosts does MSAL's instance discovery make sense; elsewhere it would ask Microsoft
# about an authority that Microsoft does not know ("National clouds").
MICROSOFT_HOSTS = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    }
)
# Connect and read, in seconds: discovery and token together stay below a worker's time limit.
_TIMEOUT = (5.0, 10.0)

# What MSAL lets through when the service is away or talks nonsense; it has no error tree of its own.
MSAL_TROUBLE = (
    requests.RequestException,
    msal.exceptions.MsalError,
    ValueError,
    RuntimeError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
)
# What of it means that the service is away, and may be back soon.
MSAL_AWAY = (requests.RequestException, msal.exceptions.MsalServiceError)


class _LoginSession(requests.Session):
    """MSAL gives its requests no time limit and lets them follow redirects; this does neither.

    Each request opens a line of its own: people sign in now and then, and a line kept since then may have died.
    """

    def request(self, method: str | bytes, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]  # the base lists 14 optional arguments, passed on here untouched
        options["timeout"] = options.get("timeout") or _TIMEOUT
        options["allow_redirects"] = False
        self.close()  # requests under way in other threads keep their lines
        return super().request(method, url, **options)


def login_session(outgoing: Outgoing = DIRECT) -> requests.Session:
    """A session for the sign-in service, as closed as the one for the CRM."""
    return new_session(_LoginSession, outgoing=outgoing)


class SandboxAdapter(HTTPAdapter):
    """Sends https requests as http, for the demo's sign-in service on this machine.

    MSAL insists on https authorities; the sandbox needs no certificates this way.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if request.url and request.url.startswith("https://"):
            request.url = "http://" + request.url.removeprefix("https://")
        return super().send(request, *args, **options)


def demo_session(authority: str) -> requests.Session:
    """A login session that reaches `authority` without TLS; ValueError unless it is on this machine."""
    origin = Origin.parse(authority)
    if not origin.is_loopback:
        raise ValueError("Only a sign-in service on this machine may be reached without TLS.")
    session = login_session()
    session.mount(f"https://{origin.host}:{origin.port}/", SandboxAdapter(max_retries=0))
    return session


class ForgetfulCache(msal.TokenCache):  # type: ignore[misc]  # MSAL ships no types
    """Keeps nothing: the portal uses no user's access token, so none may pile up in memory."""

    def add(self, event: Any, now: Any = None) -> None:
        """Drops what MSAL wants remembered."""


def application(
    *, authority: str, client_id: str, client_secret: str, session: requests.Session, **options: Any
) -> Application:
    """MSAL's application; TokenUnavailable when the authority cannot be asked for its endpoints."""
    known = urlsplit(authority).hostname in MICROSOFT_HOSTS
    try:
        return msal.ConfidentialClientApplication(
            client_id,
            authority=authority,
            client_credential=client_secret,
            http_client=session,
            instance_discovery=None if known else False,
            **options,
        )
    except MSAL_TROUBLE as error:
        message = f"The sign-in service could not be reached ({type(error).__name__})."
        raise TokenUnavailable(message, code="authority") from error


def error_code_of(result: Mapping[str, Any]) -> str:
    """OAuth's error word of a result, fit for a message: letters and underscores only."""
    word = str(result.get("error", ""))
    return word if word.replace("_", "").isascii() and word.replace("_", "").isalpha() else "error"
