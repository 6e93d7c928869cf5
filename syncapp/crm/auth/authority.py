"""Sessions and MSAL applications for the sign-in service, shared by token requests and sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msal
import requests
from requests.adapters import HTTPAdapter

from syncapp.crm.errors import TokenUnavailable
from syncapp.crm.origins import Origin
from syncapp.crm.sessions import DIRECT, OutgoingConnections, new_session

# MSAL ships no types.
Application = Any

# MSAL's instance discovery works only for these hosts ("National clouds").
MICROSOFT_HOSTS = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    }
)
# Connect and read, in seconds: discovery and token request together stay below a worker's time limit.
_TIMEOUT = (5.0, 10.0)

# The exceptions that MSAL raises when the service is down or its answer is invalid.
MSAL_ERRORS = (
    requests.RequestException,
    msal.exceptions.MsalError,
    ValueError,
    RuntimeError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
)
# Those among them that indicate a temporary outage.
MSAL_UNAVAILABLE = (requests.RequestException, msal.exceptions.MsalServiceError)


class _LoginSession(requests.Session):
    """A session with a timeout and without redirects, which MSAL would follow.

    Each request opens a new connection: sign-ins are rare, and an old connection may have died.
    """

    def request(self, method: str | bytes, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]  # the base lists 14 optional arguments, passed on here untouched
        options["timeout"] = options.get("timeout") or _TIMEOUT
        options["allow_redirects"] = False
        self.close()  # requests in other threads keep their connections
        return super().request(method, url, **options)


def login_session(outgoing: OutgoingConnections = DIRECT) -> requests.Session:
    """Return a session for the sign-in service, with the same restrictions as the one for the CRM."""
    return new_session(_LoginSession, outgoing=outgoing)


class SandboxAdapter(HTTPAdapter):
    """An adapter that sends https requests as http, for the demo's sign-in service on this machine.

    MSAL requires an https authority; this way the sandbox needs no certificate.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if request.url and request.url.startswith("https://"):
            request.url = "http://" + request.url.removeprefix("https://")
        return super().send(request, *args, **options)


def demo_session(authority: str) -> requests.Session:
    """Return a login session that reaches `authority` without TLS. Raises ValueError unless it is on this machine."""
    origin = Origin.parse(authority)
    if not origin.is_loopback:
        raise ValueError("Only a sign-in service on this machine may be reached without TLS.")
    session = login_session()
    session.mount(f"https://{origin.host}:{origin.port}/", SandboxAdapter(max_retries=0))
    return session


class NullTokenCache(msal.TokenCache):  # type: ignore[misc]  # MSAL ships no types
    """A token cache that stores nothing, because the portal does not use the access tokens of users."""

    def add(self, event: Any, now: Any = None) -> None:
        """Ignore the tokens."""


def application(
    credential: str | dict[str, str], *, authority: str, client_id: str, session: requests.Session, **options: Any
) -> Application:
    """Return an MSAL application with a credential in MSAL's form.

    Raises TokenUnavailable when the authority's endpoints cannot be read.
    """
    known = urlsplit(authority).hostname in MICROSOFT_HOSTS
    try:
        return msal.ConfidentialClientApplication(
            client_id,
            authority=authority,
            client_credential=credential,
            http_client=session,
            instance_discovery=None if known else False,
            **options,
        )
    except MSAL_ERRORS as error:
        message = f"The sign-in service could not be reached ({type(error).__name__})."
        raise TokenUnavailable(message, code="authority") from error


def error_code_of(result: Mapping[str, Any]) -> str:
    """Return the OAuth error code of a result, or "error" if it is not made up of ASCII letters and underscores."""
    code = str(result.get("error", ""))
    return code if code.replace("_", "").isascii() and code.replace("_", "").isalpha() else "error"
