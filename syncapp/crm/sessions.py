"""How we hold a connection: one `requests` session a process, with nothing taken from around us."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Generic, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from syncapp.crm.errors import ProtocolError

USER_AGENT = "outlook-sync-portal"
# More than the CRM's own limit of 52 at once is never useful.
_CONNECTIONS = 40
_CHUNK = 65_536
# Firewalls and load balancers forget idle lines after a minute or some, often without a word to either end.
MAX_IDLE_SECONDS = 30.0

Held = TypeVar("Held")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The company's way to services outside.

    `ca_bundle` is a file with certificates of authorities that are trusted besides the public ones; `proxy` the address
    through which https is reached; empty: none.
    """

    ca_bundle: str = ""
    proxy: str = ""

    def trusted_by(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """Return the context, which trusts the company's authorities from now on too."""
        if self.ca_bundle:
            context.load_verify_locations(self.ca_bundle)
        return context


DIRECT = Outgoing()


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


class _FreshConnections:
    """A pool whose lines are opened anew after a rest: nobody tells us of those that died meanwhile."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)  # type: ignore[misc]  # a mixin for urllib3's pools

    def _get_conn(self, timeout: float | None = None) -> HTTPConnection:
        conn: HTTPConnection = super()._get_conn(timeout)  # type: ignore[misc]  # see above
        if time.monotonic() - getattr(conn, "idle_since", time.monotonic()) > MAX_IDLE_SECONDS:
            conn.close()  # used again, it connects again
        return conn


class _HttpPool(_FreshConnections, HTTPConnectionPool):
    pass


class _HttpsPool(_FreshConnections, HTTPSConnectionPool):
    pass


_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _HttpPool, "https": _HttpsPool}


class _Adapter(HTTPAdapter):
    """Opens lines as `outgoing` says, and keeps them for a while only."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        super().__init__(pool_maxsize=_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        tls = self._outgoing.trusted_by(create_urllib3_context())  # requests adds the public authorities
        super().init_poolmanager(*args, ssl_context=tls, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        tls = self._outgoing.trusted_by(create_urllib3_context())
        manager: ProxyManager = super().proxy_manager_for(proxy, ssl_context=tls, proxy_ssl_context=tls, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


def new_session(kind: type[requests.Session] = requests.Session, *, outgoing: Outgoing = DIRECT) -> requests.Session:
    """A session without proxies, certificates or passwords from the environment, cookies or retries.

    Cookies are dropped because the CRM's affinity cookie would pin all requests to one of its
    servers ("Send parallel requests"); retries happen in `Transport` only.
    """
    session = kind()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = USER_AGENT
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(outgoing))
    if outgoing.proxy:
        session.proxies["https"] = outgoing.proxy
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
