"""The pages of a run of 20,008 users, without a CRM: plan, preview, release, leave out, confirm, progress and undo.

Each figure is a complete request: first the processor time of the server and the database, then the elapsed time. The
limit applies to the processor time, which other programs hardly affect. Rows of workers are written directly.
"""

from __future__ import annotations

import os
import random
import re
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from benches import tables
from benches.figures import Spread, heading, line, target
from syncapp.mirror.filters.schedule import CURSOR
from syncapp.models import (
    FilterAccess,
    FilterMembership,
    FilterRow,
    FilterRun,
    FilterRunChange,
    FilterRunItem,
    FilterTeam,
    FilterUser,
    MeetingAtRisk,
    MirrorCursor,
)
from syncapp.models.folding import search_key
from syncapp.models.sync_filters.run import Outcome, Plan, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.models.sync_filters.user import search_words_of
from syncapp.sync_filters.runs import meetings, preparation, transitions
from tests.support.people import ada, browser, fred

USERS = int(os.environ.get("BENCH_USERS", "20008"))
LIMIT_MS = 500
ROUNDS = 5
_DISABLED, _NO_ROLE, _NO_FILTER, _OFF = 0.031, 0.0095, 0.0022, 0.081  # shares of all users
_ORGANIZES, _UNKNOWN = 0.1, 0.005  # shares of those whose meetings are counted
_CHUNK = 2_000


def main() -> None:
    """Measure each step in the life of one run; BENCH_USERS changes its size."""
    team = _company()
    heading(f"a run's pages, {tables.vendor()}: {USERS:,} users")
    client, second = browser(fred()), browser(ada())
    run = _plan(client, team)
    address = f"/filters/runs/{run.pk}/"
    _measure_pages(client, address, _preview_pages(client, address))
    _change_list(client, address)
    _measure("ask for confirmation", client, f"{address}steer", {"do": "start", "reason": "Riva takes over"})
    _measure_pages(second, address, {"waiting, as the second person": ""})
    _measure("confirm", second, f"{address}confirm", {})
    _finish(run, share=0.4)
    _measure_pages(client, address, {"running": "", "running, those done": "?part=done"})
    _finish(run, share=1)
    transitions.update_state(run)
    _measure_pages(client, address, {"ended": "", "on paper": "paper", "list of runs": "/filters/runs/"})
    _measure("undo", client, f"{address}steer", {"do": "undo"})
    reverse = FilterRun.objects.get(undoes=run)
    _time("the undo's list, a worker", lambda: preparation.work(reverse.pk))
    _measure_pages(client, f"/filters/runs/{reverse.pk}/", {"undo, running": ""})


def _plan(client: Client, team: FilterTeam) -> FilterRun:
    form = {"freeze": "freeze", "source": "team", "team": str(team.pk), "want": "off", "tables": "appointments"}
    _measure("plan for a team", client, "/filters/plan", form | {"stop": "5", "reason": "Riva takes over"})
    run = FilterRun.objects.get()
    _measure_pages(client, f"/filters/runs/{run.pk}/", {"preparing": ""})
    _time("the list, a worker", lambda: preparation.work(run.pk))
    run.refresh_from_db()
    _measure_pages(client, f"/filters/runs/{run.pk}/", {"counting": ""})
    _count(run)
    held, changing = (run.items.filter(plan=plan).count() for plan in (Plan.HELD, Plan.CHANGE))
    line("will change, held back, meetings at risk", f"{changing:,}, {held:,}, {MeetingAtRisk.objects.count():,}")
    return run


def _preview_pages(client: Client, address: str) -> dict[str, str]:
    pages = {"preview, held back": "", "server-side users": "?part=server", "users of the add-in": "?part=add_in"}
    pages |= {f"tab {tab}": f"?part={tab}" for tab in ("change", "cannot", "already")}
    pages |= {
        "group of the farthest": "?part=held&group=later",
        "asked to release it": "?part=held&group=later&release=ask",
    }
    pages |= {"search": "?part=change&q=an", "search without result": "?part=change&q=zzz"}
    pages["page far back"] = f"?part=change&after={USERS - 300}"
    found = re.search(r'id="people-next" href="([^"]+)"', client.get(address).content.decode())
    assert found is not None
    return pages | {"next page of those held back": unescape(found[1])}


def _change_list(client: Client, address: str) -> None:
    """Release a page of users, then a group; leave out a part, and take it back."""
    held = FilterRunItem.objects.filter(plan=Plan.HELD).values_list("pk", flat=True)[:50]
    _measure("release 50 ticked users", client, f"{address}steer", {"do": "release", "item": list(held)})
    question = client.get(f"{address}?part=held&group=later&release=ask").content.decode()
    seen = re.search(r'name="seen" value="([^"]+)"', question)
    assert seen is not None
    sent = {"do": "release_group", "group": "later", "seen": seen[1]}
    _measure("release a group", client, f"{address}steer", sent)
    _measure("leave out server-side users", client, f"{address}steer", {"do": "leave_server"})
    _measure("take them back", client, f"{address}steer", {"do": "take_all_back"})


def _measure_pages(client: Client, address: str, pages: dict[str, str]) -> None:
    for name, query in pages.items():
        path = query if query.startswith("/") else address + query
        taken = [_take(lambda path=path: client.get(path), 200) for _ in range(ROUNDS + 1)][1:]
        _report(name, taken)


def _measure(name: str, client: Client, address: str, sent: dict[str, Any]) -> None:
    """Measure a form that can be submitted only once."""
    _report(name, [_take(lambda: client.post(address, sent), 303)])


def _report(name: str, taken: list[tuple[float, float]]) -> None:
    work, wall = (Spread.of(values) for values in zip(*taken, strict=True))
    figure = f"{work.show(' ms', digits=0)}; {wall.median:.0f} ms"
    line(name, figure, target(max(work.values), LIMIT_MS, unit=" ms"))


def _take(step: Callable[[], HttpResponse], status: int) -> tuple[float, float]:
    """Return the milliseconds of processor time, including the database's, and the elapsed milliseconds."""
    connection.ensure_connection()
    server, worked, started = _server_time(), time.process_time(), time.perf_counter()
    answer = step()
    passed, worked = time.perf_counter() - started, time.process_time() - worked
    later = _server_time()
    is_same = later[0] == server[0]  # Django replaces old connections
    assert answer.status_code == status, answer
    return (worked + later[1] - (server[1] if is_same else 0)) * 1000, passed * 1000


def _server_time() -> tuple[int, float]:
    """Return the pid and processor seconds of PostgreSQL's process for this connection; zeros for SQLite."""
    if connection.vendor != "postgresql":
        return 0, 0.0
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return pid, sum(map(int, status[11:13])) / os.sysconf("SC_CLK_TCK")


def _time(name: str, step: Callable[[], object]) -> None:
    started = time.perf_counter()
    step()
    line(name, f"{time.perf_counter() - started:.1f} s")


def _company() -> FilterTeam:
    """Create one team of all users with their filters for appointments, as an inventory stores them."""
    luck, now = random.Random(1), timezone.now()
    FilterAccess.objects.update_or_create(slot=1, defaults={"keeps_deletes_apart": False})
    MirrorCursor.objects.create(table=CURSOR, pulled_at=now)
    team = FilterTeam.objects.create(pk=uuid.uuid4(), name="Outlook users, Europe")
    users = [_user(number, luck, now) for number in range(USERS)]
    FilterUser.objects.bulk_create(users, batch_size=_CHUNK)
    FilterMembership.objects.bulk_create(
        [FilterMembership(team_id=team.pk, user_id=user.pk) for user in users], batch_size=_CHUNK
    )
    rows = []
    for user in users:
        kind = luck.random()
        if kind < _NO_FILTER:
            continue
        state = 1 if kind > 1 - _OFF else 0
        known = {"query_type": 256, "owner_id": user.pk, "read_at": now, "status": state + 1, "etag": 'W/"1"'}
        rows += [
            FilterRow(pk=uuid.uuid4(), name="My appointments", table=table, state=state, **known)
            for table in APPOINTMENT_TABLES
        ]
    FilterRow.objects.bulk_create(rows, batch_size=_CHUNK)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return team


def _user(number: int, luck: random.Random, now: Any) -> FilterUser:
    name = f"{luck.choice(('Anna', 'Bo', 'Marek', 'Ruta', 'Tariq'))} {luck.choice(('Berg', 'Moe', 'Eng'))} {number}"
    address = f"user{number}@halden.example"
    return FilterUser(
        pk=uuid.uuid4(),
        name=name,
        name_key=search_key(name),
        search_words=search_words_of(name=name, address=address, login=""),
        address=address,
        address_key=address,
        unit_name="Sales North",
        is_disabled=luck.random() < _DISABLED,
        has_own_roles=luck.random() >= _NO_ROLE,
        mailbox_id=uuid.uuid4(),
        method=luck.choice((0, 1, 1, 1)),
        read_at=now,
        filters_read_at=now,
    )


def _count(run: FilterRun) -> None:
    """Hold back users who organize meetings, as the job that counts meetings does."""
    luck, now = random.Random(2), timezone.now()
    found, counted = [], list(run.items.filter(needs_count=True))
    for item in counted:
        item.needs_count, kind = False, luck.random()
        if kind < _UNKNOWN:
            item.plan, item.why = Plan.HELD, "The meetings that this user organizes could not be counted."
            continue
        starts = [now + timedelta(days=luck.expovariate(1 / 12)) for _ in range(luck.randint(1, 4))]
        starts = starts if kind < _ORGANIZES else []
        item.meetings, item.attendees = len(starts), 7 * len(starts)
        if starts:
            item.plan, item.why = Plan.HELD, "Organizes future meetings with other people."
            item.next_meeting_at = meetings.next_start(starts, now=now)
        found += [
            MeetingAtRisk(
                item=item,
                meeting_id=uuid.uuid4(),
                table="appointment",
                subject="Forecast",
                starts_at=start,
                attendees=7,
            )
            for start in starts
        ]
    columns = ["needs_count", "plan", "why", "meetings", "attendees", "next_meeting_at"]
    FilterRunItem.objects.bulk_update(counted, columns, batch_size=500)
    MeetingAtRisk.objects.bulk_create(found, batch_size=_CHUNK)
    FilterRun.objects.filter(pk=run.pk).update(state=RunState.PLANNED)
    run.refresh_from_db()


def _finish(run: FilterRun, *, share: float) -> None:
    """Finish this share of the run's users, as workers do."""
    changing = run.items.filter(plan=Plan.CHANGE)
    ids = list(changing.order_by("position").values_list("pk", flat=True)[: int(changing.count() * share)])
    for start in range(0, len(ids), 500):
        chunk = ids[start : start + 500]
        finished = {"outcome": Outcome.DONE, "state": "done", "finished_at": timezone.now()}
        FilterRunItem.objects.filter(pk__in=chunk).update(**finished)
        FilterRunChange.objects.filter(item__in=chunk).update(written=True, etag_after='W/"2"')
    FilterRow.objects.update(state=1, status=2, etag='W/"2"')
