"""The activity page with a long audit log: the first page with each filter, a late page, and the numbers page."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from benches import seed, tables
from benches.figures import Spread, heading, line, target
from syncapp import audit
from syncapp.activity import daily
from syncapp.audit import Fact
from syncapp.models import AuditEntry, FilterRun, Heartbeat, SyncRecord
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from tests.support.people import browser, fred, rita, rob

ENTRIES = int(os.environ.get("BENCH_ENTRIES", 1_000_000))
EDITS = ENTRIES // 4
ROUNDS = 5
LIMIT_MS = 150
# Per hundred entries: 46 decisions by two people, 46 deliveries, 5 superseded, 2 sign-ins, 1 setting. The newest ones
# are those of a run of RUN_USERS users.
RUN_USERS = min(20_000, ENTRIES // 10)
_KINDS = (
    (46, "field.review.approved", "decision", "screen"),
    (86, "field.delivery.written", "delivery", "worker"),
    (92, "field.delivery.conflict", "delivery", "worker"),
    (97, "field.superseded", "mirror", "mirror"),
    (99, "person.signed_in", "sign_in", "sign_in"),
    (100, "settings.changed", "setting", "settings"),
)


def main() -> None:
    """Measure one database; BENCH_ENTRIES changes the number of entries."""
    seed.fill(EDITS * 2)
    _fill()
    run = _add_run()
    heading(f"activity, {tables.vendor()}: {ENTRIES:,} entries about {EDITS:,} edits")
    client = browser(rita())
    for name, path in (_paths() | _paths_of(run)).items():
        times = Spread.of(_seconds(lambda path=path: client.get(path)) * 1000 for _ in range(ROUNDS + 1))
        times = Spread(times.values[1:])  # without the first, which warms up the caches
        line(name, times.show(" ms", digits=0), target(times.median, LIMIT_MS, unit=" ms"))
    _count(client)


def _count(client: Any) -> None:
    line("counting all days", f"{_seconds(_keep):.1f} s", "a worker, after a full reading of the CRM")
    line("counting the last days", f"{_seconds(_keep):.2f} s", "a worker, every minute")
    times = Spread.of(_seconds(lambda: client.get("/numbers/?weeks=52")) * 1000 for _ in range(ROUNDS))
    line("numbers of 52 weeks", times.show(" ms", digits=0), target(times.median, LIMIT_MS, unit=" ms"))


def _keep() -> None:
    Heartbeat.objects.filter(name=daily.COUNTED).update(answered_at=None)
    daily.update_counts(seconds=600)


def _paths() -> dict[str, str]:
    old = AuditEntry.objects.order_by("at", "id")[ENTRIES // 10].pk
    contact = SyncRecord.objects.exclude(target_id=None).values_list("target_id", flat=True).first()
    rare = f"person={rob().pk}&what=settings.changed"
    queries = {
        "everything, newest": "",
        "everything, far back": f"before={old}",
        "decisions": "area=decision",
        "conflicts": "what=field.delivery.conflict",
        "one person": f"person={rob().pk}",
        "one field": "field=telephone1",
        "one contact": f"contact={contact}",
        "a name that many have": "q=ma",
        "a name that nobody has": "q=zzz",
        "from the settings page": "via=settings",
        "one person and a rare action": rare,
        "one person, one field, one week": f"person={rob().pk}&field=jobtitle&from=2025-07-01&to=2025-07-07",
    }
    return {name: f"/activity/?{query}" for name, query in queries.items()}


def _add_run() -> FilterRun:
    """Add the entries of a run that has just ended."""
    now = timezone.now()
    run = FilterRun.objects.create(
        number=1, tables=list(APPOINTMENT_TABLES), person=fred(), users=RUN_USERS, state="done", started_at=now,
        finished_at=now,
    )  # fmt: skip
    started = {"run": 1, "users": RUN_USERS}
    audit.record("run.started", by=fred(), channel="screen", group=run.pk, details=started)
    users = [
        Fact("filter.switched", by=None, channel="run", group=run.pk,
             details={"user": str(uuid.uuid4()), "outcome": "done", "filters": ["1"]})
        for _ in range(RUN_USERS)
    ]  # fmt: skip
    for first in range(0, RUN_USERS, 1000):
        audit.record_all(users[first : first + 1000])
    audit.record("run.done", by=None, channel="system", group=run.pk, details={"run": 1, "done": RUN_USERS})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return run


def _paths_of(run: FilterRun) -> dict[str, str]:
    ended = AuditEntry.objects.get(group=run.pk, action="run.done")
    queries = {
        "a run, opened": f"open={ended.pk}",
        "the portal": "person=portal",
        "filters": "area=filter",
        "every line": "lines=1",
    }
    return {name: f"/activity/?{query}" for name, query in queries.items()}


def _seconds(step: Callable[[], Any]) -> float:
    started = time.perf_counter()
    answer = step()
    took = time.perf_counter() - started
    assert getattr(answer, "status_code", 200) == 200
    return took


def _fill() -> None:
    """Generate the audit log inside the database, in order of time, with four entries about each edit."""
    people = [str(rita().pk), str(rob().pk)]
    actor = f"CASE WHEN {_KIND} IN (4, 5) OR {_KIND} = 0 THEN {_person(people)} END"
    record = f"(SELECT id FROM {SyncRecord._meta.db_table} r WHERE r.version = n % {EDITS})"  # noqa: S608  (no input)
    column = f"CASE WHEN {_KIND} < 4 THEN CASE n % 2 WHEN 0 THEN 'jobtitle' ELSE 'telephone1' END ELSE '' END"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE INDEX bench_version ON {SyncRecord._meta.db_table} (version)")
        seed.insert(
            AuditEntry,
            f"WITH RECURSIVE edit(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM edit WHERE n + 1 < {ENTRIES}) "  # noqa: S608  (no input)
            "SELECT {columns} FROM edit",
            id="n + 1",
            at=seed.own("time"),
            action=_by_kind(1),
            area=_by_kind(2),
            channel=_by_kind(3),
            actor_id=actor,
            record_id=f"CASE WHEN {_KIND} < 4 THEN {record} END",
            column_name=column,
        )
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX bench_version")
        cursor.execute("ANALYZE")


_KIND = "(CASE " + " ".join(f"WHEN n * 37 % 100 < {below} THEN {at}" for at, (below, *_) in enumerate(_KINDS)) + " END)"


def _by_kind(place: int) -> str:
    cases = " ".join(f"WHEN {number} THEN '{kind[place]}'" for number, kind in enumerate(_KINDS))
    return f"CASE {_KIND} {cases} END"


def _person(ids: list[str]) -> str:
    texts = [f"'{pk.replace('-', '') if connection.vendor == 'sqlite' else pk}'" for pk in ids]
    cast = "" if connection.vendor == "sqlite" else "::uuid"
    return f"CASE n % 3 WHEN 0 THEN {texts[1]}{cast} ELSE {texts[0]}{cast} END"
