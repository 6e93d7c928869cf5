"""Calls under a rate limiter: when they take a slot, and what they report to it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from syncapp.crm import errors
from syncapp.crm.batch import Encoded
from syncapp.crm.rate_limit.in_process import InProcessLimiter
from syncapp.crm.rate_limit.limiter import (
    RATE_LIMITED,
    BaseLimiter,
    Grant,
    Lane,
    LimiterStatus,
    Limits,
    NoLimiter,
    Usage,
)
from syncapp.crm.transport import Deadline
from tests.crm.local_server import RecordingTransport, http, in_turn, serve
from tests.crm.test_transport import COMMITTED, OK, WRITE, _failing_read


class _Refused:
    """A token source whose secret is refused."""

    asked = 0

    def token(self) -> str:
        self.asked += 1
        raise errors.CredentialsRefused("no", code="invalid_client")

    def forget(self) -> None:
        pass


def test_refused_secret_takes_no_slot():
    tokens, limiter = _Refused(), RecordingLimiter()

    _, server, _ = _failing_read(in_turn(OK), errors.CredentialsRefused, token_source=tokens, rate_limiter=limiter)

    assert (tokens.asked, limiter.entered, server.requests) == (1, [], [])


class RecordingLimiter(BaseLimiter):
    """A limiter that records its calls and grants every slot at once."""

    def __init__(self) -> None:
        super().__init__()
        self.entered: list[tuple[Lane, int]] = []
        self.usages: list[Usage] = []

    def enter(self, lane: Lane, operations: int) -> Grant:
        self.entered.append((lane, operations))
        return Grant(0.0)

    def leave(self, grant: Grant, usage: Usage) -> None:
        self.usages.append(usage)

    def status(self) -> LimiterStatus:
        return NoLimiter().status()

    def close(self) -> None:
        pass


def _rate_limited(handler, **options):
    limiter = RecordingLimiter()
    with serve(handler) as server:
        transport = RecordingTransport(**{"origin": server.origin, "rate_limiter": limiter, **options})
        with suppress(errors.CrmError):
            transport.read_batch(Encoded(WRITE.headers, WRITE.body, operations=7))
    return limiter, server


def test_batch_takes_one_slot_for_all_operations():
    limiter, _ = _rate_limited(in_turn(COMMITTED), lane=Lane.BULK)

    assert limiter.entered == [(Lane.BULK, 7)]
    assert [usage.operations for usage in limiter.usages] == [7]


def test_each_retry_takes_a_slot():
    limiter, server = _rate_limited(in_turn(http(503), http(401), COMMITTED))

    assert len(limiter.entered) == len(server.requests) == 3


def test_lane_applies_only_to_transport_copy():
    limiter = RecordingLimiter()
    with serve(in_turn(OK)) as server:
        transport = RecordingTransport(origin=server.origin, rate_limiter=limiter)
        transport.in_lane(Lane.BULK).get("contacts")
        transport.get("contacts")

    assert [lane for lane, _ in limiter.entered] == [Lane.BULK, Lane.INTERACTIVE]


def test_429_and_hint_are_reported_to_limiter():
    limiter, _ = _rate_limited(in_turn(http(429, retry_after="120", x_ms_dop_hint="9")))

    (usage,) = limiter.usages
    assert (usage.pause, usage.hint) == (120.0, 9)


def test_429_inside_batch_is_reported_to_limiter():
    part = b"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 429 X\r\nRetry-After: 33\r\n\r\n{}\r\n--b--"
    limiter, _ = _rate_limited(in_turn(http(200, part, content_type="multipart/mixed; boundary=b")))

    assert [usage.pause for usage in limiter.usages] == [33.0]


def test_text_like_a_429_is_ignored():
    body = b'--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 X\r\n\r\n{"a":"HTTP/1.1 429"}\r\n--b--'
    limiter, _ = _rate_limited(in_turn(http(200, body, content_type="multipart/mixed; boundary=b")))

    assert [usage.pause for usage in limiter.usages] == [None]


@pytest.mark.parametrize("hint", ["", "0", "-3", "many", "99999"])
def test_invalid_concurrency_hint_is_ignored(hint):
    limiter, _ = _rate_limited(in_turn(http(200, b"{}", x_ms_dop_hint=hint)))

    assert [usage.hint for usage in limiter.usages] == [None]


def test_missing_response_is_reported_without_duration():
    limiter, _ = _rate_limited(in_turn(b""), retries=0)

    assert [usage.seconds for usage in limiter.usages] == [None]


def test_rate_limited_call_sends_nothing():
    rate_limiter = InProcessLimiter(Limits())
    rate_limiter.pause_for(1.5)
    with serve(in_turn(COMMITTED)) as server:
        transport = RecordingTransport(origin=server.origin, rate_limiter=rate_limiter)
        with pytest.raises(errors.Throttled) as caught:
            transport.write_batch(WRITE, deadline=Deadline.after(2))

    assert (server.requests, transport.pauses) == ([], [])
    assert (caught.value.code, caught.value.may_have_applied) == (RATE_LIMITED, False)
