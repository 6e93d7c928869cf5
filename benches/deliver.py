"""Deliveries per second with a CRM that takes 50 ms longer to answer, compared with one PATCH at a time.

The reference uses the same client: it reads the contact, then sends one PATCH for it, one per staging row and one that
closes the edit, each in its own request, and records nothing. The portal's figures are for complete deliveries: claim,
read, one change set, finish.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.conf import settings
from django.db import connection
from django.db.models import Count

from benches import stage, tables, workers
from benches.figures import Spread, heading, line
from syncapp.connection.clients import verified_client
from syncapp.crm.staging.records import ChangeSet
from syncapp.mirror import columns
from syncapp.mirror.edits import pull
from syncapp.models import Decision, Delivery, SyncRecord
from syncapp.models.review.decision import DecisionState, Outcome
from syncapp.review import decisions
from syncapp.review.context import digest
from syncapp.review.decisions import Choice
from syncapp.review.delivery import change_sets, conflicts
from tests.support.people import rita

LATENCY_MS = 50
ROUNDS = 3
ONE_BY_ONE = 15
WORKERS = {1: 15, 2: 30, 8: 60}  # processes: deliveries per round
NEEDED = ROUNDS * (ONE_BY_ONE + sum(WORKERS.values()))


def main() -> None:
    """Approve everything, then measure both sides in turn."""
    contacts = iter(approve_all())
    stage.control("PUT", settings.CRM_ORIGIN, "faults", {"latency_ms": LATENCY_MS})
    single: list[float] = []
    ours: dict[int, list[float]] = {count: [] for count in WORKERS}
    for _ in range(ROUNDS):
        single.append(one_by_one([next(contacts) for _ in range(ONE_BY_ONE)]))
        for count, deliveries in WORKERS.items():
            ours[count].append(delivered([next(contacts) for _ in range(deliveries)], processes=count))
    report(Spread.of(single), {count: Spread.of(rates) for count, rates in ours.items()})


def report(single: Spread, ours: dict[int, Spread]) -> None:
    """Print the figures of one database."""
    fields = Decision.objects.count() / Decision.objects.values("target_id").distinct().count()
    title = f"{LATENCY_MS} ms latency, {fields:.1f} approved fields per contact"
    heading(f"deliveries, {tables.vendor()}: {title}, {ROUNDS} rounds")
    line("the same client, one PATCH at a time", single.show(" per second", digits=1))
    for count, rates in ours.items():
        name = f"deliveries, {count} worker process{'es' if count > 1 else ''}"
        line(name, rates.show(" per second", digits=1), f"{rates.per(single).show()} times as many")


def approve_all() -> list[uuid.UUID]:
    """Mirror and approve what the sandbox has staged; return the contacts, each with one edit."""
    pull.pull(verified_client())
    edited_once = SyncRecord.objects.values("target_id").annotate(edits=Count("pk")).filter(edits=1)
    records = SyncRecord.objects.filter(target_id__in=edited_once.values("target_id")).prefetch_related("fields")
    person, wanted = rita(), list(records[:NEEDED])
    for record in wanted:
        choices = [Choice(field.pk, Outcome.APPROVED, digest(field)) for field in record.fields.all()]
        assert not decisions.decide(choices, by=person).refused, "every choice is accepted"
    assert len(wanted) == NEEDED, f"only {len(wanted)} contacts with one edit"
    return [record.contact for record in wanted]


def one_by_one(contacts: Sequence[uuid.UUID]) -> float:
    """Write edits as a plain script would; return the edits per second."""
    started = time.perf_counter()
    for contact in contacts:
        _write_apart(contact)
    return len(contacts) / (time.perf_counter() - started)


def _write_apart(contact: uuid.UUID) -> None:
    crm, known = verified_client(), columns.of_table("contact")
    taken = list(Decision.objects.filter(target_id=contact).select_related("field", "decided_by"))
    view = crm.read_for_delivery(
        table="contact",
        contact_id=contact,
        columns=[known[each.field.column_name] for each in taken],
        record_ids=sorted({each.field.record_id for each in taken}),
    )
    whole = change_sets.build(conflicts.assess(taken, view, columns=known, own={}), view)
    assert whole is not None, "there is something to write"
    for part in _parts(whole):
        crm.apply(part, tag="bench")


def _parts(whole: ChangeSet) -> Iterator[ChangeSet]:
    nothing = ChangeSet(contact=None, marks=(), closes=())
    yield replace(nothing, contact=whole.contact)
    yield from (replace(nothing, marks=(mark,)) for mark in whole.marks)
    yield from (replace(nothing, closes=(close,)) for close in whole.closes)


def delivered(contacts: Sequence[uuid.UUID], *, processes: int) -> float:
    """Deliver with the worker's operation in this many processes; return the deliveries per second."""
    ids = list(Delivery.objects.filter(target_id__in=contacts).values_list("pk", flat=True))
    connection.close()
    with workers.running(processes) as pool:
        started = time.perf_counter()
        done = list(pool.map(workers.deliver, ids))
        took = time.perf_counter() - started
    written = Decision.objects.filter(target_id__in=contacts).exclude(state=DecisionState.WRITTEN).count() == 0
    assert all(done), "every delivery is claimed"
    assert written, "every decision is in the CRM"
    return len(ids) / took
