"""HTTP sessions: one per process, with no settings from the environment."""

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
# Below the CRM's own limit of 52 concurrent requests.
_CONNECTIONS = 40
_CHUNK = 65_536
# Firewalls and load balancers drop idle connections after about a minute, often without notifying either end.
MAX_IDLE_SECONDS = 30.0

Held = TypeVar("Held")


@dataclass(frozen=True, slots=True)
class OutgoingConnections:
    """Settings of outgoing connections.

    `ca_bundle` is a file with certificate authorities to trust besides the public ones, `proxy` the address of the
    proxy for https; either may be empty.
    """

    ca_bundle: str = ""
    proxy: str = ""

    def with_authorities(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """Make `context` trust the company's authorities too, and return it."""
        if self.ca_bundle:
            context.load_verify_locations(self.ca_bundle)
        return context


DIRECT = OutgoingConnections()


class PerProcess(Generic[Held]):
    """A value created on first use in each process, because forks must not share sockets."""

    def __init__(self, make: Callable[[], Held]) -> None:
        self._make = make
        self._held: tuple[int, Held] | None = None

    def get(self) -> Held:
        """Return the value of this process; two threads may both create one at first, which is harmless."""
        held = self._held
        if held is None or held[0] != os.getpid():
            held = self._held = (os.getpid(), self._make())
        return held[1]

    def drop(self) -> None:
        """Discard the value; the next `get` creates a new one."""
        self._held = None


class _FreshConnections:
    """A mixin for pools that reopen idle connections, which may have been dropped without notice."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)  # type: ignore[misc]  # mixin

    def _get_conn(self, timeout: float | None = None) -> HTTPConnection:
        conn: HTTPConnection = super()._get_conn(timeout)  # type: ignore[misc]  # mixin
        if time.monotonic() - getattr(conn, "idle_since", time.monotonic()) > MAX_IDLE_SECONDS:
            conn.close()  # urllib3 reconnects when it is used
        return conn


class _HttpPool(_FreshConnections, HTTPConnectionPool):
    pass


class _HttpsPool(_FreshConnections, HTTPSConnectionPool):
    pass


_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _HttpPool, "https": _HttpsPool}


class _Adapter(HTTPAdapter):
    """An adapter that opens connections through `outgoing` and closes them when they have been idle."""

    def __init__(self, outgoing: OutgoingConnections) -> None:
        self._outgoing = outgoing
        super().__init__(pool_maxsize=_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        tls = self._outgoing.with_authorities(create_urllib3_context())  # requests adds the public authorities
        super().init_poolmanager(*args, ssl_context=tls, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        tls = self._outgoing.with_authorities(create_urllib3_context())
        manager: ProxyManager = super().proxy_manager_for(proxy, ssl_context=tls, proxy_ssl_context=tls, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


def new_session(
    kind: type[requests.Session] = requests.Session, *, outgoing: OutgoingConnections = DIRECT
) -> requests.Session:
    """Return a session without cookies or retries; it ignores the environment's proxies, certificates and passwords.

    Cookies are dropped because the CRM's affinity cookie would bind all requests to one server ("Send parallel
    requests"); only `Transport` retries.
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
    """Return the body if it arrives before `until` (monotonic clock) and has at most `max_bytes` decompressed.

    Raises ProtocolError when it is too large, `requests.Timeout` when it is too slow, and `requests.ConnectionError`
    when it is incomplete.
    """
    body = bytearray()
    try:
        while True:
            remaining = until - time.monotonic()
            if remaining <= 0:
                raise requests.Timeout("The answer took too long.")
            connection = response.raw.connection
            if connection is not None and connection.sock is not None:
                connection.sock.settimeout(remaining)
            chunk = response.raw.read1(_CHUNK, decode_content=True)
            if not chunk:
                return bytes(body)
            body += chunk
            if len(body) > max_bytes:
                raise ProtocolError("The CRM's answer is too large.", code="size")
    except requests.Timeout:
        raise
    except (HTTPError, OSError) as error:
        raise requests.ConnectionError("The answer broke off.") from error


def was_never_sent(error: requests.RequestException) -> bool:
    """Return whether a request failed before any of it could reach the server."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
