"""Requests to the CRM: tokens, timeouts, the size limit, and the only place with retries.

Reads are retried after a transient error, and writes if they were certainly not applied (no connection, 429, 503 with
Retry-After). A write whose answer was lost is never sent again; its error has `may_have_applied`, and the caller reads
to find out.
"""

from __future__ import annotations

import copy
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from syncapp import metrics
from syncapp.crm import odata
from syncapp.crm.auth.tokens import TokenSource
from syncapp.crm.batch import Encoded
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import (
    CredentialsRefused,
    CrmError,
    ProtocolError,
    ServerFault,
    Throttled,
    TokenUnavailable,
    Unreachable,
)
from syncapp.crm.origins import Origin, trusted_link
from syncapp.crm.rate_limit.limiter import RATE_LIMITED, Lane, NoLimiter, RateLimiter
from syncapp.crm.responses import Response, failure, hint_of, request_id_of, throttled_parts
from syncapp.crm.sessions import DIRECT, OutgoingConnections, PerProcess, new_session, read_limited, was_never_sent

__all__ = ["Deadline", "Transport"]

logger = logging.getLogger(__name__)

# A worker must not sleep through its lease, so for a longer wait the caller reschedules.
_MAX_PAUSE = 10.0
_FIRST_PAUSE, _MAX_BACKOFF = 0.5, 8.0


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    url: str
    headers: Mapping[str, str]
    table: str
    body: bytes = b""
    writes: bool = False
    operations: int = 1


class Transport:
    """The HTTP side of the client, one per process and CRM; safe to use from several threads."""

    def __init__(
        self,
        *,
        origin: str,
        token_source: TokenSource,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        max_bytes: int = 20_000_000,
        retries: int = 3,
        session: requests.Session | None = None,
        outgoing: OutgoingConnections = DIRECT,
        api_path: str = odata.API_PATH,
        rate_limiter: RateLimiter | None = None,
        lane: Lane = Lane.INTERACTIVE,
        count: Callable[[int], None] = lambda operations: None,
    ) -> None:
        """Create the transport; `count` is called with each request's number of operations; a batch has several."""
        self._origin = Origin.parse(origin)
        self._tokens = token_source
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._max_bytes = max_bytes
        self._retries = retries
        self._sessions = PerProcess(lambda: session or new_session(outgoing=outgoing))
        self.api_path = api_path
        self.rate_limiter = rate_limiter or NoLimiter()
        self._lane = lane
        self._count = count
        self.sent = 0

    def in_lane(self, lane: Lane) -> Transport:
        """Return a transport on the same connections whose calls wait in another lane."""
        other = copy.copy(self)
        other._lane = lane
        other.sent = 0
        return other

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""
        self._sessions.get().close()
        self.rate_limiter.close()

    def get(
        self, path: str, *, headers: Mapping[str, str] | None = None, deadline: Deadline | None = None
    ) -> dict[str, Any]:
        """Return the JSON object at `path`, relative to the API path."""
        url = f"{self._origin}{self.api_path}{path}"
        return odata.parse_json(self._send(self._read_call(url, headers), deadline).body)

    def get_response(self, path: str, *, deadline: Deadline | None = None) -> Response:
        """Return the whole answer to a read, including its headers."""
        return self._send(self._read_call(f"{self._origin}{self.api_path}{path}", None), deadline)

    def renew_token(self) -> None:
        """Sign in again. Raises CredentialsRefused, TokenUnavailable."""
        self._tokens.forget()
        self._tokens.token()

    def follow(
        self, link: str, *, headers: Mapping[str, str] | None = None, deadline: Deadline | None = None
    ) -> dict[str, Any]:
        """Return the JSON object behind a link of the CRM. Raises ProtocolError if it leads elsewhere."""
        return odata.parse_json(self._send(self._read_call(self.check_link(link), headers), deadline).body)

    def check_link(self, link: str) -> str:
        """Return `link` if the bearer token may be sent there; '' stays ''. Raises ProtocolError."""
        return trusted_link(link, origin=self._origin, api_path=self.api_path) if link else ""

    def read_batch(
        self, batch: Encoded, *, headers: Mapping[str, str] | None = None, deadline: Deadline | None = None
    ) -> Response:
        """Return the answer to a batch that only reads."""
        return self._send(self._batch_call(batch, headers, writes=False), deadline)

    def write_batch(
        self, batch: Encoded, *, headers: Mapping[str, str] | None = None, deadline: Deadline | None = None
    ) -> Response:
        """Return the answer to a batch that writes; an error has `may_have_applied` if the writes may have happened."""
        return self._send(self._batch_call(batch, headers, writes=True), deadline)

    def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the answer to a single write; errors are those of `write_batch`."""
        url = f"{self._origin}{self.api_path}{path}"
        merged = {**odata.BASE_HEADERS, **({"Content-Type": "application/json"} if body is not None else {})}
        data = b"" if body is None else odata.body_of(body)
        return self._send(_Call(method, url, {**merged, **(headers or {})}, self._table_of(url), data, True), None)

    def _read_call(self, url: str, headers: Mapping[str, str] | None) -> _Call:
        return _Call("GET", url, {**odata.BASE_HEADERS, **(headers or {})}, self._table_of(url))

    def _table_of(self, url: str) -> str:
        # For the log only: without keys and filters, which may identify a person.
        return odata.table_of(urlsplit(url).path.removeprefix(self.api_path))

    def _batch_call(self, batch: Encoded, headers: Mapping[str, str] | None, *, writes: bool) -> _Call:
        merged = {**odata.BASE_HEADERS, **batch.headers, **(headers or {})}
        url = f"{self._origin}{self.api_path}$batch"
        return _Call("POST", url, merged, "$batch", batch.body, writes, batch.operations)

    def _send(self, call: _Call, deadline: Deadline | None) -> Response:
        uncertain = False
        for attempt in range(self._retries + 1):
            try:
                return self._send_renewing_token(call, deadline)
            except CrmError as error:
                uncertain = error.may_have_applied = uncertain or error.may_have_applied
                pause = error.retry_after
                if pause is None:
                    pause = self.jitter(min(_MAX_BACKOFF, _FIRST_PAUSE * 2**attempt))
                fits = pause <= _MAX_PAUSE and (deadline is None or pause < deadline.remaining())
                if attempt == self._retries or not fits or not _may_retry(call, error):
                    raise
                self.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _send_renewing_token(self, call: _Call, deadline: Deadline | None) -> Response:
        try:
            return self._send_once(call, deadline)
        except CredentialsRefused as error:
            if error.status != 401:
                raise
        self._tokens.forget()
        return self._send_once(call, deadline)

    def _send_once(self, call: _Call, deadline: Deadline | None) -> Response:
        # Get the token before taking a slot, which must not be held while the sign-in service is slow.
        token = self._tokens.token()
        with self.rate_limiter.slot(lane=self._lane, operations=call.operations, deadline=deadline) as slot:
            started = time.monotonic()
            self.sent += 1
            try:
                response = self._exchange(call, token, started, deadline)
                _log(call, started, str(response.status), request_id_of(response.headers))
                slot.hint = hint_of(response.headers)
                if response.is_multipart:
                    # A batch can be throttled halfway: the caller handles its parts, and the limiter pauses all calls.
                    if _ANY_429.search(response.body):
                        for part in throttled_parts(response):
                            slot.record_throttling(part.retry_after)
                elif response.status >= 300:
                    raise failure(response, asked=f"{call.method} {call.table}")
                return response
            except (Unreachable, ServerFault, ProtocolError) as error:
                error.may_have_applied = call.writes and error.code != _NEVER_SENT
                raise

    def _exchange(self, call: _Call, token: str, started: float, deadline: Deadline | None) -> Response:
        left = self._read_timeout if deadline is None else min(self._read_timeout, deadline.remaining())
        if left <= 0:
            raise Unreachable("No time was left for the request.", code=_NEVER_SENT)
        was_sent = True
        try:
            with self._sessions.get().request(
                call.method,
                call.url,
                headers={**call.headers, "Authorization": f"Bearer {token}"},
                data=call.body or None,
                timeout=(min(self._connect_timeout, left), left),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = read_limited(response, max_bytes=self._max_bytes, until=started + left)
        except requests.RequestException as error:
            reason = type(error).__name__
            _log(call, started, reason, "")
            was_sent = not was_never_sent(error)
            # The other connections of the pool may be dead as well, and finding out would cost a timeout each.
            self._sessions.get().close()
            code = "no_answer" if was_sent else _NEVER_SENT
            raise Unreachable(f"The CRM did not answer ({reason}).", code=code) from error
        finally:
            if was_sent:
                self._count(call.operations)
        return Response(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    def sleep(self, seconds: float) -> None:
        """Wait; a method, so that tests can replace it."""
        time.sleep(seconds)

    def jitter(self, max_seconds: float) -> float:
        """Return a random pause of up to `max_seconds` seconds, so that workers do not retry in step."""
        return secrets.SystemRandom().uniform(0, max_seconds)


_NEVER_SENT = "never_sent"
_ANY_429 = re.compile(rb"^HTTP/1\.[01] 429", re.MULTILINE)


def _may_retry(call: _Call, error: CrmError) -> bool:
    if isinstance(error, TokenUnavailable) or error.code == RATE_LIMITED:
        # A token request has its own time limits, which a deadline does not shorten. Our own rate limiter has already
        # made the call wait.
        return False
    if not call.writes:
        return error.is_transient
    if isinstance(error, ServerFault):
        # Retry-After on a 503 means that the service did not accept the request; if it did after all, `If-Match` turns
        # the retry into a 412 that still has `may_have_applied`.
        return error.status == 503 and error.retry_after is not None
    return isinstance(error, Throttled) or (error.is_transient and not error.may_have_applied)


def _log(call: _Call, started: float, outcome: str, request_id: str) -> None:
    duration = time.monotonic() - started
    metrics.CRM_REQUESTS.labels(call.method, call.table, outcome).observe(duration)
    logger.info("%s %s %s %.0f ms %s", call.method, call.table, outcome, duration * 1000, request_id)
