"""Application of delivery results to decisions, fields, the audit log and counters.

All of this runs in the transaction that proves the lease, so a worker that lost its lease changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from syncapp import audit
from syncapp.crm.staging.records import ContactState
from syncapp.jobs import deliveries, queue
from syncapp.jobs.queue import Lease
from syncapp.mirror.edits import recognition
from syncapp.mirror.edits.supersede import record_ids_of, supersede
from syncapp.models import Decision, Delivery, SyncField, SyncRecord
from syncapp.models.locking import lock, retried
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import UNPROVEN_STATES, DecisionState
from syncapp.review import notification_rules
from syncapp.review.delivery.conflicts import Assessment, Finding

_RETURNED = {"decision": FieldDecision.PENDING, "delivery": FieldDelivery.CONFLICT}
_WITHDRAWN = {"decision": FieldDecision.WITHDRAWN, "delivery": FieldDelivery.NONE}
# finding ─▶ (the decision's state, the field's new columns)
RESULTS: dict[Finding, tuple[DecisionState, dict[str, Any]]] = {
    Finding.WRITE: (DecisionState.WRITTEN, {"delivery": FieldDelivery.DONE}),
    Finding.OURS: (DecisionState.WRITTEN, {"delivery": FieldDelivery.DONE}),
    Finding.MARK: (DecisionState.WRITTEN, {"delivery": FieldDelivery.DONE}),
    Finding.ALREADY: (DecisionState.ALREADY, {"delivery": FieldDelivery.ALREADY}),
    Finding.CONFLICT: (DecisionState.CONFLICT, _RETURNED),
    Finding.WRITTEN_BEFORE: (DecisionState.CONFLICT, _RETURNED),
    Finding.INACTIVE: (DecisionState.CONFLICT, {**_RETURNED, "contact_state": ContactState.INACTIVE}),
    Finding.MERGED: (DecisionState.CONFLICT, {**_RETURNED, "contact_state": ContactState.MERGED}),
    Finding.CONTACT_GONE: (DecisionState.CONFLICT, {**_RETURNED, "contact_is_gone": True}),
    Finding.ELSEWHERE: (DecisionState.WITHDRAWN, _WITHDRAWN),
    Finding.RECOGNIZED: (DecisionState.WITHDRAWN, _WITHDRAWN),
    Finding.ROW_GONE: (DecisionState.WITHDRAWN, _WITHDRAWN),
    Finding.UNKNOWN_COLUMN: (DecisionState.FAILED, {"delivery": FieldDelivery.FAILED}),
    Finding.UNREADABLE: (DecisionState.FAILED, {"delivery": FieldDelivery.FAILED}),
}
MESSAGES = {
    Finding.UNKNOWN_COLUMN: "The CRM no longer has a column of this name.",
    Finding.INACTIVE: "The contact was deactivated in the CRM, so nothing was written.",
    Finding.MERGED: "The contact was merged into another one in the CRM, so nothing was written.",
    Finding.WRITTEN_BEFORE: "The approval before this rejection had been written to the CRM after all.",
}
_RETURNED_FINDINGS = (Finding.CONFLICT, Finding.WRITTEN_BEFORE, Finding.INACTIVE, Finding.MERGED)


@retried
def apply_results(lease: Lease, assessments: Sequence[Assessment]) -> None:
    """Apply these assessments; the delivery itself stays open. Raises LostLease."""
    _lock(
        [assessment.decision for assessment in assessments], proven=[each.proves for each in assessments if each.proves]
    )
    queue.lock(lease)
    fields = [_apply(assessment) for assessment in assessments]
    for assessment in assessments:
        if assessment.finding == Finding.RECOGNIZED and assessment.staged is not None:
            # `assess` compared the row's last modifier with our own user.
            recognition.recognize([assessment.staged], own_user=assessment.staged.modified_by, channel="worker")
    _recount(fields)


def _lock(decisions: Sequence[Decision], *, proven: Sequence[str] = ()) -> None:
    """Lock the decisions with their fields, and the open fields of the same contacts, which may be superseded.

    `proven` are the ids of earlier decisions that turned out to have been written. The caller locks the delivery next.
    """
    contacts = {decision.target_id for decision in decisions}
    older = SyncField.objects.open().filter(record__target_id__in=contacts).values_list("pk", flat=True)
    lock(SyncField.objects.filter(pk__in={*(decision.field_id for decision in decisions), *older}))
    lock(Decision.objects.filter(pk__in=[*(decision.pk for decision in decisions), *proven]))


def _apply(assessment: Assessment) -> SyncField:
    decision, finding, adjusted = assessment.decision, assessment.finding, assessment.adjusted
    state, columns = RESULTS[finding]
    columns = {**columns, "trouble": assessment.failure or MESSAGES.get(finding, "")}
    live_value: tuple[str | None, str] | None = None  # with its label, as it was just read or written
    if finding in (*_RETURNED_FINDINGS, Finding.ALREADY):
        live_value = assessment.live_value, assessment.live_label
    elif adjusted is not None:
        live_value = adjusted.value, adjusted.label
    elif finding == Finding.WRITE:
        live_value = decision.value_to_write, ""
    if live_value is not None:
        value, label = live_value
        columns |= {"crm_now_value": value, "crm_now_label": label, "crm_now_read_at": Now()}
    if assessment.proves:
        # The staging row proves that the CRM had written an earlier decision, which counted as failed.
        earlier = Decision.objects.filter(pk=assessment.proves, state__in=UNPROVEN_STATES)
        if earlier.update(state=DecisionState.WRITTEN, finished_at=Now()):
            audit.record(
                f"field.delivery.{DecisionState.WRITTEN}",
                by=None,
                channel="worker",
                record_id=decision.field.record_id,
                field_id=decision.field_id,
                decision_id=uuid.UUID(assessment.proves),
                details={"column": decision.field.column_name, "finding": "found_later"},
            )
    value_found = assessment.live_value if finding in _RETURNED_FINDINGS else decision.value_to_write
    if adjusted is not None:
        # A follow-up expects to find the value that the CRM stored.
        value_found = adjusted.value
        Decision.objects.filter(pk=decision.pk).update(written_value=value_found, is_adjusted=True)
        decision.written_value, decision.is_adjusted = value_found, True
    return _close(decision, state, columns=columns, finding=finding, after=value_found)


@retried
def apply_failure(lease: Lease, decisions: Sequence[Decision], *, reason: str, code: str) -> None:
    """Mark these decisions as not written, with the reason. Raises LostLease."""
    _lock(decisions)
    queue.lock(lease)
    columns = {"delivery": FieldDelivery.FAILED, "trouble": reason}
    finding = f"failed:{code}"
    _recount(
        [
            _close(each, DecisionState.FAILED, columns=columns, finding=finding, after=each.value_to_write)
            for each in decisions
        ]
    )


def _recount(fields: list[SyncField]) -> None:
    """Recount the edits; returned or failed fields are open again, so a newer edit may supersede them."""
    records = {field.record_id for field in fields}
    SyncRecord.objects.recount(records | record_ids_of(supersede(records)))


def _close(
    decision: Decision, state: DecisionState, *, columns: dict[str, Any], finding: str, after: str | None
) -> SyncField:
    """Finish a decision and update its field; `after` is the value that was written, or found instead."""
    field = decision.field
    bound = Decision.objects.filter(pk=decision.pk, state=DecisionState.BOUND)
    if bound.update(state=state, finished_at=Now()) != 1:
        raise queue.LostLease(str(decision.pk))
    rows = SyncField.objects.filter(pk=field.pk)
    rows.update(**columns, revision=F("revision") + 1, finished_at=Now())
    audit.record(
        f"field.delivery.{state}",
        by=None,
        channel="worker",
        record_id=field.record_id,
        field_id=field.pk,
        decision_id=decision.pk,
        # The row of the rule's decision covers a written value; a result that needs a person gets its own row.
        is_part=decision.rule_id is not None and state in (DecisionState.WRITTEN, DecisionState.ALREADY),
        details={"column": field.column_name, "finding": str(finding)}
        | ({"adjusted": True} if decision.is_adjusted else {}),
        before=decision.expected_value if decision.writes else None,
        after=after if decision.writes else None,
        reason=columns.get("trouble", ""),
    )
    return field


@retried
def finish_or_reset(lease: Lease) -> None:
    """Finish the delivery, or reset it for decisions that were added in the meantime. Raises LostLease."""
    queue.lock(lease)
    delivery = Delivery.objects.get(pk=lease.pk)
    notification_rules.notify_editors(delivery.decisions.values_list("field__record", flat=True).distinct())
    due_at = deliveries.next_due(delivery)
    if due_at is None:
        queue.finish(lease)
    else:
        queue.reset(lease, due_at=due_at)
