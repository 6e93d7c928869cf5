"""Queries of each tick use an index with real parameters, however many rows are done."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from syncapp.capture import details
from syncapp.crm.audits.records import Action
from syncapp.jobs import queue
from syncapp.models import CaptureEntry, Delivery, SyncField
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureRule
from syncapp.models.jobs.job import OPEN_STATES, JobState
from tests.support.factories import make_record

pytestmark = pytest.mark.django_db
DONE = 2000

QUESTIONS: dict[str, Callable[[], Any]] = {
    "due": lambda: Delivery.objects.all().due(),
    "to be dispatched": lambda: Delivery.objects.all().undispatched(seconds=15).order_by("due_at"),
    "lease expired": lambda: Delivery.objects.all().lease_expired(),
    "leased": lambda: Delivery.objects.filter(lease_until__isnull=False),
    "open for a contact": lambda: Delivery.objects.filter(
        target_table="contact", target_id=uuid.uuid4(), state__in=OPEN_STATES
    ),
}


@pytest.fixture
def much_is_done() -> None:
    """Create finished deliveries of last week."""
    last_week = timezone.now() - timedelta(days=7)
    done = {"state": JobState.DONE, "due_at": last_week, "finished_at": last_week, "target_table": "contact"}
    Delivery.objects.bulk_create(Delivery(target_id=uuid.uuid4(), **done) for _ in range(DONE))
    analyze(Delivery)


def analyze(model: type[Model]) -> None:
    """Update the database's statistics."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {model._meta.db_table}")


def plan(rows: Any) -> str:
    """Return the query plan, with parameters as Django sends them."""
    sql, parameters = rows.values("pk").query.sql_with_params()
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}", parameters)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.usefixtures("much_is_done")
@pytest.mark.parametrize("question", QUESTIONS)
def test_queries_do_not_scan_whole_table(question: str):
    found = plan(QUESTIONS[question]())

    assert "SCAN syncapp_delivery" not in found
    assert "Seq Scan on syncapp_delivery" not in found


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL chooses by its statistics")
def test_fields_not_checked_by_rules_use_index():
    ruled = {"record": make_record(), "version": 1, "ruled_at": timezone.now()}
    SyncField.objects.bulk_create(SyncField(id=uuid.uuid4(), column_name=f"c{n}", **ruled) for n in range(500))
    SyncField.objects.create(id=uuid.uuid4(), column_name="new", record=ruled["record"], version=1)
    analyze(SyncField)

    assert "field_unruled" in plan(SyncField.objects.not_yet_ruled().order_by("pk"))


def test_dispatched_and_leased_jobs_count_against_limit():
    for state, dispatched in (("ready", True), ("ready", False), ("verify", True), ("leased", False), ("done", True)):
        lease = {"lease_until": timezone.now()} if state == "leased" else {}
        moment = timezone.now()
        dispatched_at = moment if dispatched else None
        Delivery.objects.create(
            target_table="contact",
            target_id=uuid.uuid4(),
            state=state,
            due_at=moment,
            dispatched_at=dispatched_at,
            **lease,
        )

    assert queue.room_for(Delivery, limit=4) == 1 + 1  # the lease has expired, so there is room for one more


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL knows how many entries each source has")
def test_unread_edits_are_found_in_one_pass() -> None:
    now, sources = timezone.now(), [Source.UNKNOWN] * 300 + [Source.OUTLOOK] * 300
    known = {"action": Action.UPDATE, "state": EntryState.NEW, "happened_at": now, "read_at": now}
    CaptureEntry.objects.bulk_create(
        CaptureEntry(audit_id=uuid.uuid4(), contact_id=uuid.uuid4(), source=source, **known) for source in sources
    )
    running: Any = SimpleNamespace(known=SimpleNamespace(signers=[]), policy=SimpleNamespace(rule=CaptureRule.SIGNED))
    steps: list[None] = []

    connection.connection.set_progress_handler(lambda: steps.append(None), 1000)
    found = list(details.entries_to_read(running))
    connection.connection.set_progress_handler(None, 0)

    assert [entry.source for entry in found] == sources[300:]
    assert len(steps) < 60, "each entry of an import is compared with every edit"
