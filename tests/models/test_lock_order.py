"""Concurrent transactions on the same rows do not deadlock (PostgreSQL)."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Sequence

import pytest
from django.db import connection, connections, transaction

from syncapp.connection.clients import crm
from syncapp.jobs.queue import Lease
from syncapp.mirror import cursors
from syncapp.mirror.edits import pull
from syncapp.mirror.edits.rows import store_fields
from syncapp.models import Decision, Delivery, SyncField, SyncRecord
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.models.review.decision import DecisionState, Outcome
from syncapp.review import decisions
from syncapp.review.context import digest
from syncapp.review.decisions import Choice
from syncapp.review.delivery import job, results
from syncapp.review.delivery.conflicts import Assessment, Finding
from syncapp.review.errors import TooLate
from tests.mirror.staged import EDITOR, a_field, a_record, store
from tests.support.factories import make_editor
from tests.support.people import rita
from tests.support.world import World

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer"),
]
ROUNDS = 15
FIELDS = 30


def at_once(*steps: Callable[[], object]) -> list[BaseException]:
    """Run these steps in threads at once, and return their errors."""
    errors: list[BaseException] = []
    begin = threading.Barrier(len(steps))

    def run(step: Callable[[], object]) -> None:
        try:
            begin.wait()
            step()
        except Exception as error:  # noqa: BLE001  (the test judges it)
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[step]) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def deadlocks() -> int:
    """Return the database's count of deadlocks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@pytest.fixture(autouse=True)
def _ends_no_deadlock(settings):
    settings.UNDO_SECONDS = 0
    make_editor(pk=EDITOR)
    before = deadlocks()
    yield
    assert deadlocks() == before


def an_edit(count: int = FIELDS, *, contact: uuid.UUID | None = None, minutes: int = 0) -> tuple[SyncRecord, list]:
    """Create a visible edit with this many fields and its staging rows."""
    contact = contact or uuid.uuid4()
    record = a_record(contact_id=contact, target_id=contact, minutes=minutes)
    staged = [a_field(record, f"column{number}", version=number) for number in range(count)]
    for field in staged:  # one by one, so that their order in the table differs from that of their ids
        store(record, field)
    return SyncRecord.objects.get(pk=record.id), staged


def choices_of(record: SyncRecord) -> list[Choice]:
    """Approve each open field."""
    fields = SyncField.objects.undecided().filter(record=record).select_related("record")
    return [Choice(field.pk, Outcome.APPROVED, digest(field)) for field in fields]


def claimed(record: SyncRecord) -> tuple[Lease, list[Decision]]:
    """Lease a delivery with a decision for each open field, the last field first."""
    assert decisions.decide(choices_of(record), by=rita()).refused == ()
    row = Delivery.objects.get(target_id=record.contact, state=JobState.READY)
    lease = job.DeliveryJob(crm()).claim(row.pk)
    assert lease is not None
    bound = Decision.objects.filter(delivery=row, state=DecisionState.BOUND)
    return lease, list(bound.select_related("field__record").order_by("-field"))


def stored(rows: Sequence) -> Callable[[], object]:
    """Store these staging rows as a pull does."""

    def run() -> None:
        with transaction.atomic():
            found = store_fields(rows, generation=0)
            SyncRecord.objects.recount(found.uncounted)

    return run


def applied(lease: Lease, bound: Sequence[Decision]) -> Callable[[], object]:
    """Apply the result "written" to these decisions."""
    return lambda: results.apply_results(lease, [Assessment(decision, Finding.WRITE) for decision in bound])


def test_delivery_and_pull_do_not_deadlock():
    for _ in range(ROUNDS):
        record, staged = an_edit()

        errors = at_once(applied(*claimed(record)), stored(staged))

        assert errors == []
        assert set(SyncField.objects.filter(record=record).values_list("delivery", flat=True)) == {FieldDelivery.DONE}


def test_undo_and_claim_do_not_deadlock():
    """Undoing supersedes the older edit by the newer one, whose mark needs the same delivery."""
    for _ in range(ROUNDS):
        older, _ = an_edit(4)
        taken = decisions.decide(choices_of(older), by=rita()).taken
        an_edit(4, contact=older.contact, minutes=1)
        row = Delivery.objects.get(target_id=older.contact)

        def undo(taken: Sequence[Decision] = taken) -> None:
            for each in taken:
                with contextlib.suppress(TooLate):
                    decisions.undo(each.pk, by=rita())

        errors = at_once(undo, lambda row=row: job.DeliveryJob(crm()).claim(row.pk))

        assert errors == []


def test_concurrent_pulls_and_deliveries_do_not_deadlock(world: World):
    world.reset(contacts=40, pending=0)
    for number in range(4):
        for contact in range(20):
            world.outlook(world.contact(contact), jobtitle=f"Head {number}", telephone1=f"+47 {number}", department="A")
        world.pull()
        fields = SyncField.objects.undecided().select_related("record")
        world.decide(approve=tuple(fields[::2]))
        for table in (pull.FIELDS, pull.RECORDS):
            assert cursors.request_full_read(table)

        errors = at_once(world.pull, world.pull, world.deliver, world.deliver)

        assert errors == []
    world.deliver()
    assert not SyncField.objects.filter(delivery__in=[FieldDelivery.WAITING, FieldDelivery.SENT]).exists()
