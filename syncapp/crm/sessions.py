"""How we hold a connection: one `requests` session a process, with nothing taken from around us."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Generic, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from syncapp.crm.errors import ProtocolError

USER_AGENT = "outlook-sync-portal"
# More than the CRM's own limit of 52 at once is never useful.
_CONNECTIONS = 40
_CHUNK = 65_536

Held = TypeVar("Held")


class PerProcess(Generic[Held]):
    """Something made at first use and made anew after a fork, because sockets must not be shared."""

    def __init__(self, make: Callable[[], Held]) -> None:
        self._make = make
        self._held: tuple[int, Held] | None = None

    def get(self) -> Held:
        """This process's own; two threads that come first at once may each make one, harmlessly."""
        held = self._held
        if held is None or held[0] != os.getpid():
            held = self._held = (os.getpid(), self._make())
        return held[1]

    def drop(self) -> None:
        """The next `get` makes a new one."""
        self._held = None


def new_session(kind: type[requests.Session] = requests.Session) -> requests.Session:
    """A session without proxies, certificates or passwords from the environment, cookies or retries.

    Cookies are dropped because the CRM's affinity cookie would pin all requests to one of its
    servers ("Send parallel requests"); retries happen in `Transport` only.
    """
    session = kind()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = USER_AGENT
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=0))
    return session


def read_limited(response: requests.Response, *, max_bytes: int, until: float) -> bytes:
    """The whole body, if it arrives before `until` (monotonic clock) and unpacks to `max_bytes` at most.

    Raises ProtocolError when it is too large, `requests.Timeout` when it dribbles in, and
    `requests.ConnectionError` when it breaks off.
    """
    body = bytearray()
    try:
        while chunk := _next_chunk(response, until):
            body += chunk
            if len(body) > max_bytes:
                raise ProtocolError("The CRM's answer is too large.", code="size")
    except requests.Timeout:
        raise
    except (HTTPError, OSError) as error:
        raise requests.ConnectionError("The answer broke off.") from error
    return bytes(body)


def _next_chunk(response: requests.Response, until: float) -> bytes:
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise requests.Timeout("The answer took too long.")
    connection = response.raw.connection
    if connection is not None and connection.sock is not None:
        connection.sock.settimeout(remaining)
    chunk: bytes = response.raw.read1(_CHUNK, decode_content=True)
    return chunk


def never_sent(error: requests.RequestException) -> bool:
    """Whether a request failed before a single byte of it could have reached the other side."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
