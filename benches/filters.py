"""Filter runs for all users within the CRM's limits, with the portal's permission and in users' names; and a loop.

The sandbox enforces the published limits on a faster clock; all times are by that clock. The minimum is the best that
the limits allow: max(requests / 20, execution seconds / 4). The loop works like a desktop tool: one read per user, then
one request per filter, one at a time and ignoring limits. It runs for some users and is extrapolated, but never below
its own minimum.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.test import Client

from benches import stage, tables, workers
from benches.figures import Spread, heading, line, target
from benches.workers import Shift
from syncapp.connection import clients as connected
from syncapp.connection.clients import verified_client
from syncapp.crm.filters.records import FilterChange, FilterSwitch
from syncapp.mirror.filters import inventory
from syncapp.models import FilterAccess, FilterRow, FilterRun, FilterUser
from syncapp.models.sync_filters.filter import Access
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.runs import creation, preparation, transitions
from tests.support.people import browser, fred

TABLES = (*APPOINTMENT_TABLES, "contact")
WORKERS = 4
LOOPED = 500
# A run is stopped after SLOWEST times the minimum, plus GRACE seconds.
SLOWEST, GRACE = 2.5, 60.0
SAID_EVERY = 20.0  # seconds between two lines of progress
PUBLISHED_REQUESTS, PUBLISHED_EXECUTION = 20.0, 4.0  # per second
OPERATION = 0.04  # execution seconds that the sandbox charges for each operation
FACTOR = 1.2  # of the minimum; 1.11 is the best possible, because the rate limiter uses 90 % of the limits


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: users switched, seconds by the sandbox's clock, the workers' shifts, page times in ms."""

    users: int
    seconds: float
    shifts: tuple[Shift, ...]
    pages: Spread

    @property
    def answers(self) -> Counter[str]:
        return sum((shift.answers for shift in self.shifts), Counter())


def main() -> None:
    """Read all users without limits; then, with limits, switch filters off directly, on in users' names, and loop."""
    started = time.monotonic()
    assert inventory.take(verified_client()), "the inventory is complete"
    FilterAccess.objects.update(keeps_deletes_apart=True)  # meetings are counted by another job
    users = FilterUser.objects.people().count()
    heading(f"filter runs, {tables.vendor()}: {users:,} users, clock {clock_speed():g} times faster, {WORKERS} workers")
    line("reading all users before, without limits", f"{time.monotonic() - started:.0f} s")
    stage.control("PUT", settings.CRM_ORIGIN, "faults", _limits())
    for access, on in ((Access.DIRECT, False), (Access.ACTING, True)):
        report(access, switch_everybody(access, on=on))
    report_loop(looped())


def clock_speed() -> float:
    """Return how much faster the sandbox's clock runs."""
    return float(1 / settings.RATE_LIMIT_TIME_SCALE)


def _limits() -> dict[str, object]:
    return {"time_scale": settings.RATE_LIMIT_TIME_SCALE, "limits": {"requests": 6000, "execution_seconds": 1200}}


def switch_everybody(access: Access, *, on: bool) -> Measured:
    """Create and start a run, and process it in four workers like Celery's while pages are opened."""
    FilterAccess.objects.update(writing=access)
    everybody = list(FilterUser.objects.people().order_by("name_key").values_list("pk", flat=True))
    run = creation.create_run(everybody, creation.RunSpec(TABLES, on=on, stop_above_percent=100), by=fred())
    preparation.work(run.pk)
    client = browser(fred())
    connection.close()
    with workers.running(WORKERS) as pool:
        transitions.start(run, by=fred())
        started = time.monotonic()
        until = time.time() + SLOWEST * _least(len(everybody)) / clock_speed() + GRACE
        shifts = [pool.submit(workers.switch, run.pk, until) for _ in range(WORKERS)]
        pages = _opened(client, run, shifts)
        done = tuple(shift.result() for shift in shifts)
        seconds = time.monotonic() - started
    run.refresh_from_db()
    if run.state != RunState.DONE:
        transitions.cancel(run, by=fred())
    return Measured(run.items.filter(outcome=Outcome.DONE).count(), seconds * clock_speed(), done, pages)


def _opened(client: Client, run: FilterRun, shifts: Sequence[Future[Shift]]) -> Spread:
    """Open the matrix and the run's page in turn, once a second until the run ends; return their milliseconds."""
    times, paths, stopped = [], ["/filters/", f"/filters/runs/{run.pk}/"], threading.Event()
    told = time.monotonic()
    while not all(shift.done() for shift in shifts):
        if time.monotonic() - told > SAID_EVERY:
            told = time.monotonic()
            print(f"  … {transitions.count_unfinished(run):,} users left", flush=True)
        started = time.perf_counter()
        assert client.get(paths[len(times) % 2]).status_code == 200
        times.append((time.perf_counter() - started) * 1000)
        stopped.wait(1)
    return Spread.of(times)


def report(access: Access, measured: Measured) -> None:
    """Print one run's figures."""
    requests = sum(measured.answers.values())
    least = max(requests / PUBLISHED_REQUESTS, _least(measured.users))
    ratio = measured.seconds / least
    line(f"{access.label.lower()}: users switched", f"{measured.users:,} in {measured.seconds:.0f} s")
    line("  of the minimum", f"{ratio:.2f} x {least:.0f} s", target(ratio, FACTOR))
    line("  requests, answered 429", f"{requests:,}, {measured.answers['429']}", "target 0")
    own = sum(shift.processor for shift in measured.shifts) * 1000 / max(measured.users, 1)
    line("  the workers' own processor time", f"{own:.1f} ms per user")
    line("  a worker's peak memory", f"{max(shift.peak for shift in measured.shifts):.0f} MB")
    pages = measured.pages
    line("  pages during the run: median, 95 %", f"{pages.median:.0f} ms, {pages.percentile(0.95):.0f} ms")


def _least(users: int) -> float:
    """Return the minimum seconds for this many users, to switch their filters and to read them back."""
    return users * (len(TABLES) + 1) * OPERATION / PUBLISHED_EXECUTION


def looped() -> tuple[int, int, float]:
    """Switch off the filters of some users, one request at a time; return the users, requests and seconds."""
    owners = FilterRow.objects.for_outlook().filter(table__in=TABLES, state=0, owner_table="systemuser")
    ids = list(owners.order_by("owner_id").values_list("owner_id", flat=True).distinct()[:LOOPED])
    crm, requests = connected.crm(), 0
    stage.control("DELETE", settings.CRM_ORIGIN, "faults", {})
    stage.control(
        "PUT", settings.CRM_ORIGIN, "faults", _limits()
    )  # the window is empty, so these few requests are not throttled
    started = time.monotonic()
    for user_id in ids:
        requests += _switched_one_by_one(crm, user_id)
    return len(ids), requests, (time.monotonic() - started) * clock_speed()


def _switched_one_by_one(crm: connected.CrmClient, user_id: UUID) -> int:
    found = [row for row in crm.filters.of(user_id) if row.table in TABLES and row.state == 0]
    for row in found:
        crm.filters.switch([FilterSwitch(user_id, (FilterChange(row.id, active=False, etag="", status=2),))])
    return 1 + len(found)


def report_loop(figures: tuple[int, int, float]) -> None:
    """Print the loop's figures, extrapolated to the users of the runs."""
    users, requests, seconds = figures
    everybody = FilterUser.objects.people().count()
    extrapolated = max(seconds, requests / PUBLISHED_REQUESTS) * everybody / max(users, 1)
    line(f"a plain loop, {users} users, {requests:,} requests", f"{seconds:.0f} s")
    line(f"  extrapolated to {everybody:,} users", f"{extrapolated:.0f} s", "never below requests / 20")
