"""Delays of audit entries, and the time that the portal waits for them.

An entry counts as late if a listing after its change did not contain it; the delay is then the number of seconds from
the change until the entry was seen. Two clocks measure this, so the connection check warns if they differ.
"""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta

from django.db.models import Max

from syncapp.models import Capture, CaptureEntry

ASSUMED_DELAY = 15.0  # seconds; assumed until MIN_MEASURED entries have been seen
MIN_MEASURED = 20
MIN_PATIENCE, MAX_PATIENCE = timedelta(seconds=10), timedelta(minutes=10)
MIN_OVERLAP, MAX_OVERLAP = timedelta(seconds=30), timedelta(hours=1)
_LONGEST_DELAY_PERIOD = timedelta(days=7)
_MEDIAN_SAMPLE_SIZE = 200  # entries
# Entries have times in whole seconds.
_ROUNDING = timedelta(seconds=1)


def patience(capture: Capture) -> timedelta:
    """Return how long to wait for an entry: twice the longest measured delay, within limits."""
    return min(max(MIN_PATIENCE, _twice_longest(capture)), MAX_PATIENCE)


def overlap(capture: Capture) -> timedelta:
    """Return how far before the newest entry the next listing begins."""
    return min(max(MIN_OVERLAP, _twice_longest(capture)), MAX_OVERLAP)


def _twice_longest(capture: Capture) -> timedelta:
    return timedelta(seconds=2 * (ASSUMED_DELAY if capture.worst_delay is None else capture.worst_delay))


def delay_of(happened_at: datetime, *, now: datetime, listed_at: datetime | None) -> float | None:
    """Return the delay in seconds of an entry first seen just now; None if it is not late.

    `listed_at` is when the last complete listing began.
    """
    if listed_at is None or listed_at <= happened_at + _ROUNDING:
        return None
    return max(0.0, (now - happened_at).total_seconds())


def update(now: datetime) -> None:
    """Store the median delay of the newest entries, and the longest delay of the last seven days.

    Entries that were not late count as 0.
    """
    newest = CaptureEntry.objects.order_by("-happened_at").values_list("delay", flat=True)[:_MEDIAN_SAMPLE_SIZE]
    found = [delay or 0.0 for delay in newest]
    recent = CaptureEntry.objects.filter(happened_at__gt=now - _LONGEST_DELAY_PERIOD)
    longest = recent.aggregate(longest=Max("delay"))["longest"]
    if longest is None and len(found) >= MIN_MEASURED:
        longest = 0.0
    Capture.objects.update(median_delay=statistics.median(found) if found else None, worst_delay=longest)
