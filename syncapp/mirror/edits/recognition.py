"""Recognition of decisions that the CRM's staging rows prove, but our restored database no longer holds.

A delivery writes its decision's id, the decider's name, the value and the time into the staging row. After an older
backup is restored, decisions taken since exist only in these rows, so they are stored again with the same ids. A row
counts as ours only if our own user changed it last, because others can copy a mark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Now

from syncapp import audit, preferences
from syncapp.crm.staging.records import ColumnType, StagedDecision, StagedField
from syncapp.crm.values import conversion
from syncapp.mirror import columns, upserts
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.locking import lock, locked
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind, Outcome
from syncapp.text.ids import parse_uuid

OUTCOMES: Mapping[int, Outcome] = {
    StagedDecision.APPROVED: Outcome.APPROVED,
    StagedDecision.REJECTED: Outcome.REJECTED,
    StagedDecision.SUPERSEDED: Outcome.SUPERSEDED,
}
MAX_NAME_LENGTH = 400
_IN_THE_CRM = (DecisionState.WRITTEN, DecisionState.ALREADY)
_IN_PROGRESS = (DecisionState.OPEN, DecisionState.BOUND)


@dataclass(frozen=True, slots=True)
class _Mark:
    """The portal's mark on a staging row."""

    id: UUID
    outcome: Outcome
    decided_on: datetime
    row: StagedField


def is_ours(row: StagedField, *, own_user: UUID | None) -> bool:
    """Return whether the portal itself decided this staging row: our user changed it last and left a complete mark.

    A row that another user changed afterwards, or that was changed on behalf of our user, proves nothing.
    """
    return _mark_of(row, own_user) is not None


def _mark_of(row: StagedField, own_user: UUID | None) -> _Mark | None:
    decision_id, outcome = parse_uuid(row.decision_id), OUTCOMES.get(row.decision)
    if not row.state or own_user is None or row.modified_by != own_user or row.modified_for_by is not None:
        return None
    if decision_id is None or outcome is None or row.decided_on is None:
        return None
    return _Mark(decision_id, outcome, row.decided_on, row)


@transaction.atomic
def recognize(rows: Iterable[StagedField], *, own_user: UUID | None, channel: str = "mirror") -> int:
    """Store the decisions that these staging rows prove, and return how many were new. Safe to repeat.

    The fields must already be stored. A field with a decision in progress is left to its delivery, which reads the row
    itself. The caller recounts the edits.
    """
    by_id = {mark.id: mark for row in rows if (mark := _mark_of(row, own_user))}
    # Nearly all of these decisions are finished in our database, because each of our writes is read back.
    states = dict(Decision.objects.filter(pk__in=by_id).values_list("pk", "state")) if by_id else {}
    unfinished = (None, DecisionState.LOST, DecisionState.FAILED)
    marks = {mark.row.id: mark for mark in by_id.values() if states.get(mark.id) in unfinished}
    if not marks:
        return 0
    fields = list(locked(SyncField.objects.filter(pk__in=marks).select_related("record")))
    # These were stored as lost because only the log knew them, but the CRM holds them.
    Decision.objects.filter(pk__in=[mark.id for mark in marks.values()], state=DecisionState.LOST).delete()
    earlier: dict[UUID, list[Decision]] = defaultdict(list)
    for decision in Decision.objects.filter(field__in=list(marks)).order_by("version"):
        earlier[decision.field_id].append(decision)
    known = set(Decision.objects.filter(pk__in=[mark.id for mark in marks.values()]).values_list("pk", flat=True))
    with columns.cached(), preferences.cached():
        new = [
            (field, _decision(field, mark, earlier[field.pk]))
            for field in fields
            if (mark := marks[field.pk]).id not in known
            and not any(each.state in _IN_PROGRESS for each in earlier[field.pk])
        ]
    _store(new, channel=channel)
    _acknowledge(fields, marks, earlier, channel=channel)
    return len(new)


def fill_in_contacts(record_ids: Collection[UUID]) -> None:
    """Set the contact of decisions that were recognized before their edit was read."""
    early = Decision.objects.filter(field__record__in=record_ids, target_id=F("field__record_id"))
    record = SyncRecord.objects.filter(fields=OuterRef("field_id"))
    lock(early)
    early.update(target_id=Subquery(record.values("target_id")), target_table=Subquery(record.values("target_table")))


def _decision(field: SyncField, mark: _Mark, earlier: Sequence[Decision]) -> Decision:
    row, before = mark.row, next((each for each in reversed(earlier) if each.state in _IN_THE_CRM), None)
    kind = _kind(mark, before)
    code, reason = preferences.split_reason(row.reason)
    # The row does not say whether the reviewer corrected the value or the CRM changed it; only the value is known.
    is_approved = kind != Kind.PUT_BACK and mark.outcome == Outcome.APPROVED
    differs = is_approved and not _is_same(field, row.applied, field.proposed_value)
    writes = mark.outcome == Outcome.APPROVED or kind == Kind.PUT_BACK
    unwritten = field.proposed_value if kind == Kind.PUT_BACK else field.original_value
    return Decision(
        id=mark.id,
        field=field,
        version=earlier[-1].version + 1 if earlier else 1,
        kind=kind,
        outcome=mark.outcome,
        state=DecisionState.WRITTEN,
        target_table=field.record.target_table or "contact",
        target_id=field.record.target_id or field.record_id,  # `fill_in_contacts` sets the contact later
        decided_at=mark.decided_on,
        recognized_at=Now(),
        recognized_by=row.decided_by[:MAX_NAME_LENGTH],
        reason_code=code,
        reason=reason,
        writes=writes,
        value_to_write=row.applied if writes else None,
        written_value=row.applied if differs else None,
        is_adjusted=differs,
        expected_value=before.held_value if before and before.writes else unwritten,
        four_eyes=False,
        due_at=mark.decided_on,
        finished_at=mark.decided_on,
    )


def _kind(mark: _Mark, before: Decision | None) -> Kind:
    """Return the kind of a decision. The earlier decision, or the value in the mark, shows that it is a follow-up."""
    if mark.outcome == Outcome.SUPERSEDED:
        return Kind.SUPERSEDE
    written_before = before.outcome if before else None
    if mark.outcome == Outcome.REJECTED and (written_before == Outcome.APPROVED or mark.row.applied is not None):
        return Kind.PUT_BACK
    if mark.outcome == Outcome.APPROVED and written_before == Outcome.REJECTED:
        return Kind.AFTER_ALL
    return Kind.REVIEW


def _is_same(field: SyncField, one: str | None, other: str | None) -> bool:
    column = columns.of_table(field.record.target_table or "contact").get(field.column_name)
    return conversion.same(column.type if column else ColumnType.TEXT, one, other)


def _store(new: Sequence[tuple[SyncField, Decision]], *, channel: str) -> None:
    ids = [field.pk for field, _ in new]
    failed = Decision.objects.filter(field__in=ids, state=DecisionState.FAILED)
    failed.update(state=DecisionState.REPLACED, finished_at=Now())
    Decision.objects.bulk_create(decision for _, decision in new)
    values = [
        {
            "id": field.pk,
            "decision": FieldDecision(decision.outcome).value,
            "delivery": FieldDelivery.DONE.value,
            "trouble": "",
            "finished_at": decision.decided_at,
            "revision": field.revision + 1,
        }
        for field, decision in new
    ]
    upserts.update(SyncField, values)
    facts = [
        audit.Fact(
            f"field.recognized.{decision.outcome}",
            by=None,
            channel=channel,
            record_id=field.record_id,
            field_id=field.pk,
            decision_id=decision.pk,
            column=field.column_name,
            details={"kind": decision.kind, "decided_on": decision.decided_at.isoformat()},
            before=decision.expected_value,
            after=decision.value_to_write if decision.writes else field.proposed_value,
            reason=" ".join(filter(None, [decision.reason_code, decision.reason])),
        )
        for field, decision in new
    ]
    audit.record_all(facts)


def _acknowledge(
    fields: Iterable[SyncField],
    marks: Mapping[UUID, _Mark],
    earlier: Mapping[UUID, Sequence[Decision]],
    *,
    channel: str,
) -> None:
    """Mark failed decisions as written if the CRM's rows show that they were."""
    for field in fields:
        mark = marks[field.pk]
        failed_decision = next((each for each in earlier[field.pk] if each.pk == mark.id), None)
        if (
            failed_decision is None
            or failed_decision.state != DecisionState.FAILED
            or field.delivery != FieldDelivery.FAILED
        ):
            continue
        differs = failed_decision.writes and not _is_same(field, mark.row.applied, failed_decision.value_to_write)
        stored = {"written_value": mark.row.applied, "is_adjusted": True} if differs else {}
        Decision.objects.filter(pk=failed_decision.pk).update(state=DecisionState.WRITTEN, finished_at=Now(), **stored)
        moved = {"delivery": FieldDelivery.DONE, "trouble": "", "finished_at": Now(), "revision": field.revision + 1}
        SyncField.objects.filter(pk=field.pk).update(**moved)
        audit.record(
            f"field.delivery.{DecisionState.WRITTEN}",
            by=None,
            channel=channel,
            record_id=field.record_id,
            field_id=field.pk,
            decision_id=failed_decision.pk,
            details={"column": field.column_name, "finding": "found_later"},
        )
