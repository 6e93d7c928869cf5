"""Superseding: a newer edit of the same contact and column replaces older open ones, with a mark in the CRM.

*Newer* compares (edited on, version). An existing approval stays valid; the newer edit shows it.
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

ContactColumn = tuple[UUID, str]


def supersede(record_ids: Collection[UUID], *, arriving: Collection[UUID] = ()) -> list[Decision]:
    """Supersede older fields of the contacts of these edits; return the new decisions, which wait for delivery.

    Call it whenever a field appears or becomes open again, in the same transaction; `arriving` are the edits that the
    transaction is about to show. The caller must recount the edits that these decisions belong to.
    """
    visible = SyncRecord.objects.filter(Q(is_stub=False) | Q(pk__in=arriving), pk__in=record_ids)
    contacts = [each for each in visible.order_by().values_list("target_id", flat=True).distinct() if each]
    pairs = []
    for rows in _fields_with_several_edits(contacts, arriving).values():
        # Unreadable fields supersede nothing.
        last = max((place for place, row in enumerate(rows) if not row.unreadable), default=0)
        for row in rows[:last]:
            if row.decision == FieldDecision.PENDING or row.delivery == FieldDelivery.FAILED:
                pairs.append((row, rows[last]))
    # Update in the order of the ids, because each update locks its row (models/locking.py).
    ordered = sorted(pairs, key=lambda pair: pair[0].pk)
    superseded = [decision for row, newest in ordered if (decision := _supersede_one(row, by=newest))]
    deliveries.ensure_deliveries(list(Decision.objects.filter(pk__in=[decision.pk for decision in superseded])))
    return superseded


def _fields_with_several_edits(
    contact_ids: Collection[UUID], arriving: Collection[UUID]
) -> dict[ContactColumn, list[SyncField]]:
    """Return the fields of each contact and column with more than one edit, oldest first."""
    visible = SyncField.objects.filter(Q(record__is_stub=False) | Q(record__in=arriving))
    visible = visible.filter(record__target_id__in=contact_ids, record__target_table=REVIEWED_TABLE)
    visible = visible.exclude(decision=FieldDecision.WITHDRAWN).exclude(column_name="")
    pairs = visible.order_by().values("record__target_id", "column_name").annotate(n=Count("pk")).filter(n__gt=1)
    wanted = {(pair["record__target_id"], pair["column_name"]) for pair in pairs}
    if not wanted:
        return {}
    found: dict[ContactColumn, list[SyncField]] = defaultdict(list)
    in_contacts = visible.filter(record__target_id__in={contact for contact, _ in wanted}).select_related("record")
    for row in in_contacts.order_by("record__edited_on", "version", "pk"):
        if row.record.target_id and (row.record.target_id, row.column_name) in wanted:
            found[(row.record.target_id, row.column_name)].append(row)
    return found


def _supersede_one(old: SyncField, *, by: SyncField) -> Decision | None:
    unchanged = SyncField.objects.open().filter(pk=old.pk, revision=old.revision)
    superseded = {"decision": FieldDecision.SUPERSEDED, "delivery": FieldDelivery.WAITING, "trouble": ""}
    if unchanged.update(revision=F("revision") + 1, **superseded) != 1:
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
    last_version = old.decisions.aggregate(last=Max("version"))["last"] or 0
    return Decision.objects.create(
        field=old,
        version=last_version + 1,
        kind=Kind.SUPERSEDE,
        outcome=Outcome.SUPERSEDED,
        target_table=old.record.target_table,
        target_id=old.record.contact,
        decided_at=Now(),
        writes=False,
        four_eyes=False,
        due_at=Now(),
    )


def record_ids_of(decisions: Sequence[Decision]) -> set[UUID]:
    """Return the ids of the edits that these decisions belong to."""
    return {decision.field.record_id for decision in decisions}
