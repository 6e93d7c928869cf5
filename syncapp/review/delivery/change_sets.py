"""Change sets: the writes of one delivery, which the CRM commits all together or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from syncapp.crm.staging.records import (
    AppliedValue,
    ChangeSet,
    ContactWrite,
    DeliverySnapshot,
    FieldMark,
    RecordClose,
    StagedDecision,
)
from syncapp.crm.values import conversion
from syncapp.models import Decision
from syncapp.models.review.decision import Outcome
from syncapp.review.delivery.conflicts import MARKING, Assessment, Finding

CRM_DECISION = {
    Outcome.APPROVED: StagedDecision.APPROVED,
    Outcome.REJECTED: StagedDecision.REJECTED,
    Outcome.SUPERSEDED: StagedDecision.SUPERSEDED,
}
SYSTEM_NAME = "Outlook Sync Portal"


def build(assessments: Sequence[Assessment], snapshot: DeliverySnapshot) -> ChangeSet | None:
    """Build the change set for these assessments; return None if nothing has to be sent."""
    marking = [assessment for assessment in assessments if assessment.finding in MARKING]
    applied = []
    for assessment in assessments:
        staged, column, adjusted = assessment.staged, assessment.column, assessment.adjusted
        if staged is None or column is None or adjusted is None or not staged.etag:
            continue
        # The staging row holds the value that we sent, not the one that the CRM stored.
        if not conversion.same(column.type, staged.applied, adjusted.value):
            applied.append(AppliedValue(field_id=staged.id, etag=staged.etag, applied=adjusted.value))
    if not marking and not applied:
        return None
    writes = tuple(
        (assessment.column, assessment.decision.value_to_write)
        for assessment in marking
        if assessment.finding == Finding.WRITE and assessment.column is not None
    )
    contact = None
    if writes and snapshot.contact is not None:
        # From the raised revision, the plug-in knows that this write is not an Outlook edit.
        revision = None if snapshot.contact.revision is None else snapshot.contact.revision + 1
        contact = ContactWrite(
            contact_id=snapshot.contact.id, etag=snapshot.contact.etag, revision=revision, values=writes
        )
    return ChangeSet(
        contact=contact,
        marks=tuple(_mark(assessment) for assessment in marking),
        applied=tuple(applied),
        closes=tuple(_record_closes(marking, snapshot)),
    )


def split_waves(decisions: Sequence[Decision]) -> list[list[Decision]]:
    """Split the decisions so that two writes of one column are in separate, successive change sets.

    A newer edit can be approved while an older approval is being written; one change set would write only one of them.
    """
    waves: list[list[Decision]] = []
    writes_of_column: Counter[str] = Counter()
    for decision in decisions:
        column = decision.field.column_name
        number = writes_of_column[column] if decision.writes else 0
        writes_of_column[column] += decision.writes
        waves.extend([] for _ in range(number + 1 - len(waves)))
        waves[number].append(decision)
    return waves


def split_groups(assessments: Sequence[Assessment]) -> list[list[Decision]]:
    """Split the decisions for sending after the CRM refused them together.

    Each write is sent alone, so that a bad value stops no other write; marks leave the contact alone and stay together.
    """
    writes = [[assessment.decision] for assessment in assessments if assessment.finding == Finding.WRITE]
    marks = [assessment.decision for assessment in assessments if assessment.finding in (Finding.ALREADY, Finding.MARK)]
    return writes + ([marks] if marks else [])


def _mark(assessment: Assessment) -> FieldMark:
    decision, staged = assessment.decision, assessment.staged
    if staged is None:
        raise ValueError("only an existing row can be marked")
    return FieldMark(
        field_id=staged.id,
        etag=staged.etag,
        decision=int(CRM_DECISION[Outcome(decision.outcome)]),
        decision_id=str(decision.pk),
        applied=decision.value_to_write if decision.writes else None,
        decided_by=decision.decider or SYSTEM_NAME,
        decided_on=decision.decided_at,
        reason=" ".join(filter(None, [decision.reason_code, decision.reason])),
    )


def _record_closes(marking: Sequence[Assessment], snapshot: DeliverySnapshot) -> Iterable[RecordClose]:
    """Yield the edits whose last open field this change set decides."""
    marked = {assessment.staged.id for assessment in marking if assessment.staged is not None}
    for record in snapshot.records.values():
        fields = [field for field in snapshot.fields.values() if field.record_id == record.id]
        undecided = [field for field in fields if field.state == 0 and field.id not in marked]
        if record.etag and record.state == 0 and not undecided and any(field.id in marked for field in fields):
            yield RecordClose(record_id=record.id, etag=record.etag)
