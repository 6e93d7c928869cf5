"""The difference between a process's clock and the database's clock, measured by the process itself.

Leases, due times and periodic tasks follow the database's clock alone. Displayed times, sign-in and mails follow the
host's clock, so a large difference is a trouble.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from django.db.models.functions import Now

from syncapp.models import ProcessClock
from syncapp.models.jobs.job import database_now

MAX_SECONDS = 5.0  # NTP keeps hosts within milliseconds, but a process that waits for a busy processor seems late
MEASURE_EVERY = 30.0  # seconds
MAX_QUERY_SECONDS = 2.0  # a slower answer is too imprecise to compare clocks by
RECENT = 300.0  # seconds; an older measurement may come from a host that was switched off
RETENTION = 24 * 3600.0  # seconds; for hosts that are gone

WEB, WORKER, BEAT = ProcessClock.Role.WEB, ProcessClock.Role.WORKER, ProcessClock.Role.BEAT
_measured_at: dict[str, float] = {}  # role ─▶ when this process last measured


def measure(role: str) -> None:
    """Measure this process's clock and store the difference, at most every MEASURE_EVERY seconds."""
    if time.monotonic() - _measured_at.get(role, float("-inf")) < MEASURE_EVERY:
        return
    _measured_at[role] = time.monotonic()
    clock, _ = ProcessClock.objects.get_or_create(role=role, host=socket.gethostname()[:200])
    row = ProcessClock.objects.filter(pk=clock.pk)
    wall_time, started = time.time(), time.monotonic()
    answer = row.values_list(Now(), flat=True).get()
    took = time.monotonic() - started
    if took <= MAX_QUERY_SECONDS:
        row.update(seconds_ahead=wall_time + took / 2 - answer.timestamp(), measured_at=Now())


def recently_measured() -> Sequence[ProcessClock]:
    """Return the clocks with a recent measurement, the largest difference first."""
    found = ProcessClock.objects.filter(measured_at__gt=database_now(plus=-RECENT))
    return sorted(found, key=lambda clock: abs(clock.seconds_ahead), reverse=True)


def wrong_clocks() -> Sequence[ProcessClock]:
    """Return the clocks that differ from the database's by more than MAX_SECONDS, the worst first."""
    return [clock for clock in recently_measured() if abs(clock.seconds_ahead) > MAX_SECONDS]


def largest_differences() -> dict[str, float]:
    """Return the largest difference per role, in seconds by which its clock is ahead of the database's."""
    return {clock.role: clock.seconds_ahead for clock in reversed(recently_measured())}


def delete_old() -> int:
    """Delete the measurements of hosts that are gone; return how many."""
    return ProcessClock.objects.filter(measured_at__lte=database_now(plus=-RETENTION)).delete()[0]
