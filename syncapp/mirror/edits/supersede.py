"""A newer edit of the same contact and field supersedes older open ones: visibly, and marked in the CRM.

*Newer* is (edited on, version). An approval already made stands; the newer edit shows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import Count, F, Max, Q
from django.db.models.functions import Now

from syncapp import audit
from syncapp.jobs import deliveries
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.mirror.sync_record import REVIEWED_TABLE
from syncapp.models.review.decision import DecisionState, Kind, Outcome

Marker = tuple[UUID, str]


def supersede(record_ids: Collection[UUID], *, arriving: Collection[UUID] = ()) -> list[Decision]:
    """Supersede what the edits `record_ids` make old, or what makes them old; their marks wait for delivery.

    Called whenever a field appears, or falls back to open, in the transaction that does so; `arriving` are those of the
    edits that it is about to show. Returns the marks; the caller recounts their records.
    """
    shown = SyncRecord.objects.filter(Q(is_stub=False) | Q(pk__in=arriving), pk__in=record_ids)
    contacts = [each for each in shown.order_by().values_list("target_id", flat=True).distinct() if each]
    old = [pair for rows in _edited_twice(contacts, arriving).values() for pair in _overtaken(rows)]
    # In the order of the ids (models/locking.py): each update locks its row.
    in_order = sorted(old, key=lambda pair: pair[0].pk)
    marks = [mark for row, newest in in_order if (mark := _supersede_one(row, by=newest))]
    deliveries.ensure_deliveries(list(Decision.objects.filter(pk__in=[mark.pk for mark in marks])))
    return marks


def _edited_twice(contact_ids: Collection[UUID], arriving: Collection[UUID]) -> dict[Marker, list[SyncField]]:
    """Per contact and column with more than one edit: its fields, oldest first."""
    shown = SyncField.objects.filter(Q(record__is_stub=False) | Q(record__in=arriving))
    shown = shown.filter(record__target_id__in=contact_ids, record__target_table=REVIEWED_TABLE)
    shown = shown.exclude(decision=FieldDecision.WITHDRAWN).exclude(column_name="")
    pairs = shown.order_by().values("record__target_id", "column_name").annotate(n=Count("pk")).filter(n__gt=1)
    wanted = {(pair["record__target_id"], pair["column_name"]) for pair in pairs}
    if not wanted:
        return {}
    found: dict[Marker, list[SyncField]] = defaultdict(list)
    in_contacts = shown.filter(record__target_id__in={contact for contact, _ in wanted}).select_related("record")
    for row in in_contacts.order_by("record__edited_on", "version", "pk"):
        marker = (row.record.target_id, row.column_name)
        if row.record.target_id and marker in wanted:
            found[(row.record.target_id, row.column_name)].append(row)
    return found


def _overtaken(rows: Sequence[SyncField]) -> list[tuple[SyncField, SyncField]]:
    """Pair the open fields before the newest readable one with that one: what cannot be read replaces nothing."""
    last = max((place for place, row in enumerate(rows) if not row.unreadable), default=0)
    return [(row, rows[last]) for row in rows[:last] if _is_open(row)]


def _is_open(row: SyncField) -> bool:
    return row.decision == FieldDecision.PENDING or row.delivery == FieldDelivery.FAILED


def _supersede_one(old: SyncField, *, by: SyncField) -> Decision | None:
    where = SyncField.objects.open().filter(pk=old.pk, revision=old.revision)
    superseded = {"decision": FieldDecision.SUPERSEDED, "delivery": FieldDelivery.WAITING, "trouble": ""}
    if where.update(revision=F("revision") + 1, **superseded) != 1:
        return None
    old.decisions.filter(state=DecisionState.FAILED).update(state=DecisionState.REPLACED, finished_at=Now())
    audit.record(
        "field.superseded",
        by=None,
        channel="mirror",
        record_id=old.record_id,
        field_id=old.pk,
        details={"column": old.column_name, "by": str(by.pk)},
    )
    return _mark(old)


def _mark(old: SyncField) -> Decision:
    newest = old.decisions.aggregate(newest=Max("version"))["newest"] or 0
    return Decision.objects.create(
        field=old,
        version=newest + 1,
        kind=Kind.SUPERSEDE,
        outcome=Outcome.SUPERSEDED,
        target_table=old.record.target_table,
        target_id=old.record.contact,
        decided_at=Now(),
        writes=False,
        four_eyes=False,
        due_at=Now(),
    )


def record_ids_of(rows: Sequence[Decision]) -> set[UUID]:
    """The edits that these marks belong to."""
    return {row.field.record_id for row in rows}
