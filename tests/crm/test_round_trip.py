"""The CRM's clock and limits, read from the headers of an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from syncapp.crm.round_trip import RoundTrip, round_trip
from syncapp.crm.staging.records import Identity

SENT = datetime(2026, 11, 20, 14, 2, 10, tzinfo=UTC)
US = Identity(UUID(int=1), UUID(int=2), UUID(int=3))


def measured(**headers: str) -> RoundTrip:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return round_trip(US, named, token_seconds=0.4, sent_at=SENT, answered_at=SENT + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("date", "difference"),
    [
        ("Fri, 20 Nov 2026 14:02:10 GMT", 0.0),
        ("Fri, 20 Nov 2026 14:03:10 GMT", 60.0),
        ("Fri, 20 Nov 2026 14:02:08 GMT", -2.0),
        ("yesterday", None),
        ("", None),
    ],
)
def test_clock_difference_is_read_from_date(date, difference):
    assert measured(date=date).clock_difference == difference


def test_limits_are_read_from_headers():
    found = measured(
        x_ms_ratelimit_burst_remaining_xrm_requests="5959",
        x_ms_ratelimit_time_remaining_xrm_requests="1,198.50",
        x_ms_dop_hint="8",
    )

    assert (found.requests_left, found.execution_seconds_left, found.advised_parallel_calls) == (5959, 1198.5, 8)


def test_missing_or_invalid_limits_are_unknown():
    assert measured().requests_left is None
    assert measured(x_ms_ratelimit_burst_remaining_xrm_requests="many").requests_left is None
