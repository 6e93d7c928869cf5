"""Measurements of one call: sign-in, answer time, the CRM's clock and its remaining limits. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from syncapp.crm.responses import hint_of
from syncapp.crm.staging.records import Identity


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """The measurements of one call with a fresh token. `clock_difference` is the CRM's time minus ours, in seconds.

    The headers with the limits are for debugging only and may be absent ("Service protection API limits"). A value
    whose header is absent is None.
    """

    identity: Identity
    token_seconds: float
    clock_difference: float | None
    requests_left: int | None
    execution_seconds_left: float | None
    advised_parallel_calls: int | None


def round_trip(
    identity: Identity, headers: Mapping[str, str], *, token_seconds: float, sent_at: datetime, answered_at: datetime
) -> RoundTrip:
    """Return the measurements of one call and what its headers say."""
    try:
        crm_time = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        clock_difference = None
    else:
        crm_time = crm_time if crm_time.tzinfo else crm_time.replace(tzinfo=UTC)
        # The header has whole seconds, rounded down, so the CRM's time is 0.5 s later on average.
        middle = sent_at + (answered_at - sent_at) / 2
        clock_difference = (crm_time + timedelta(seconds=0.5) - middle).total_seconds()
    requests = headers.get("x-ms-ratelimit-burst-remaining-xrm-requests", "").strip()
    seconds = headers.get("x-ms-ratelimit-time-remaining-xrm-requests", "").strip().replace(",", "")
    return RoundTrip(
        identity=identity,
        token_seconds=token_seconds,
        clock_difference=clock_difference,
        requests_left=int(requests) if re.fullmatch(r"[0-9]{1,9}", requests) else None,
        execution_seconds_left=float(seconds) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", seconds) else None,
        advised_parallel_calls=hint_of(headers),
    )
