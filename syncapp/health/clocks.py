"""The difference between a process's clock and the database's, measured by the process itself.

Leases, due times and periodic tasks follow the database's clock alone. What people read and what a process sends to
others (sign-in, mails) follows its host's clock, so a large difference is a trouble.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from django.db.models.functions import Now

from syncapp.models import ProcessClock
from syncapp.models.jobs.job import database_now

MOST_SECONDS = 5.0  # NTP keeps hosts within milliseconds; a process that waits for a busy processor seems late
MEASURE_EVERY = 30.0  # seconds
LONGEST_QUESTION = 2.0  # seconds; while the database answers more slowly the difference cannot be told
RECENT = 300.0  # seconds; an older measurement may be that of a host that was switched off
KEPT = 24 * 3600.0  # seconds

WEB, WORKER, BEAT = ProcessClock.Role.WEB, ProcessClock.Role.WORKER, ProcessClock.Role.BEAT
_measured: dict[str, float] = {}  # by the role, when this process measured last


def note(role: str) -> None:
    """Measure this process's clock and keep the difference, at most every MEASURE_EVERY seconds."""
    if time.monotonic() - _measured.get(role, float("-inf")) < MEASURE_EVERY:
        return
    _measured[role] = time.monotonic()
    clock, _ = ProcessClock.objects.get_or_create(role=role, host=socket.gethostname()[:200])
    row = ProcessClock.objects.filter(pk=clock.pk)
    asked_at, begun = time.time(), time.monotonic()
    answer = row.values_list(Now(), flat=True).get()
    took = time.monotonic() - begun
    if took <= LONGEST_QUESTION:
        row.update(seconds_ahead=asked_at + took / 2 - answer.timestamp(), measured_at=Now())


def recent() -> Sequence[ProcessClock]:
    """Return what was measured lately, the largest difference first."""
    found = ProcessClock.objects.filter(measured_at__gt=database_now(plus=-RECENT))
    return sorted(found, key=lambda clock: abs(clock.seconds_ahead), reverse=True)


def wrong() -> Sequence[ProcessClock]:
    """Return the clocks that are further from the database's than MOST_SECONDS, the worst first."""
    return [clock for clock in recent() if abs(clock.seconds_ahead) > MOST_SECONDS]


def differences() -> dict[str, float]:
    """Return the largest difference of each role, in seconds ahead of the database's clock."""
    return {clock.role: clock.seconds_ahead for clock in reversed(recent())}


def forget_old() -> int:
    """Delete what hosts that are gone have left."""
    return ProcessClock.objects.filter(measured_at__lte=database_now(plus=-KEPT)).delete()[0]
