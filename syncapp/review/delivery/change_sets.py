"""Verdicts → the change set that the CRM commits whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

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


def build(verdicts: Sequence[Assessment], view: DeliverySnapshot) -> ChangeSet | None:
    """What to send for these verdicts, or None where nothing is to be sent."""
    marking = [verdict for verdict in verdicts if verdict.finding in MARKING]
    applied = tuple(_applied(verdicts))
    if not marking and not applied:
        return None
    return ChangeSet(
        contact=_contact_write(marking, view),
        marks=tuple(_mark(verdict) for verdict in marking),
        applied=applied,
        closes=tuple(_closes(marking, view)),
    )


def split_waves(decisions: Sequence[Decision]) -> list[list[Decision]]:
    """The decisions in the order in which to send them: of two for one column, the later sees what the first did.

    A newer edit can be approved while the approval of an older one is on its way; one change set would write only one.
    """
    found: list[list[Decision]] = []
    used: Counter[str] = Counter()
    for decision in decisions:
        column = decision.field.column_name
        number = used[column] if decision.writes else 0
        used[column] += decision.writes
        found.extend([] for _ in range(number + 1 - len(found)))
        found[number].append(decision)
    return found


def split_groups(verdicts: Sequence[Assessment]) -> list[list[Decision]]:
    """The decisions to send one change set after the other, once the CRM refused them together.

    Each written column stands alone, so that a bad value stops only itself; marks need no contact and go together.
    """
    writes = [[verdict.decision] for verdict in verdicts if verdict.finding == Finding.WRITE]
    marks = [verdict.decision for verdict in verdicts if verdict.finding in (Finding.ALREADY, Finding.MARK)]
    return writes + ([marks] if marks else [])


def _contact_write(marking: Iterable[Assessment], view: DeliverySnapshot) -> ContactWrite | None:
    writes = tuple(
        (verdict.column, verdict.decision.value_to_write)
        for verdict in marking
        if verdict.finding == Finding.WRITE and verdict.column is not None
    )
    if not writes or view.contact is None:
        return None
    # The raised revision is what tells the plug-in that this write is not an Outlook edit.
    revision = (view.contact.revision or 0) + 1
    return ContactWrite(contact_id=view.contact.id, etag=view.contact.etag, revision=revision, values=writes)


def _mark(verdict: Assessment) -> FieldMark:
    decision, staged = verdict.decision, verdict.staged
    if staged is None:
        raise ValueError("only a row that is there can be marked")
    decided_on: datetime = decision.decided_at
    return FieldMark(
        field_id=staged.id,
        etag=staged.etag,
        decision=int(CRM_DECISION[Outcome(decision.outcome)]),
        decision_id=str(decision.pk),
        applied=decision.value_to_write if decision.writes else None,
        decided_by=decision.decider or SYSTEM_NAME,
        decided_on=decided_on,
        reason=" ".join(filter(None, [decision.reason_code, decision.reason])),
    )


def _applied(verdicts: Iterable[Assessment]) -> Iterable[AppliedValue]:
    """Correct staging rows that say what was sent, though the CRM made another value of it."""
    for verdict in verdicts:
        staged, column, adjusted = verdict.staged, verdict.column, verdict.adjusted
        if staged is None or column is None or adjusted is None or not staged.etag:
            continue
        if not conversion.same(column.type, staged.applied, adjusted.value):
            yield AppliedValue(field_id=staged.id, etag=staged.etag, applied=adjusted.value)


def _closes(marking: Sequence[Assessment], view: DeliverySnapshot) -> Iterable[RecordClose]:
    """The edits whose last open field this change set decides."""
    marked = {verdict.staged.id for verdict in marking if verdict.staged is not None}
    for record in view.records.values():
        fields = [field for field in view.fields.values() if field.record_id == record.id]
        undecided = [field for field in fields if field.state == 0 and field.id not in marked]
        if record.etag and record.state == 0 and not undecided and any(field.id in marked for field in fields):
            yield RecordClose(record_id=record.id, etag=record.etag)
