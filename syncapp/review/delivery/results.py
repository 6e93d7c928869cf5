"""What a delivery learnt becomes ours: decisions settled, fields moved, audit written, counts true.

Runs in the transaction that proves the claim, so a worker that lost its lease settles nothing.
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
from syncapp.review.delivery.conflicts import Assessment, Finding, StoredValue

# finding ─▶ (the decision's state, the field's new columns)
_HANDED_BACK = {"decision": FieldDecision.PENDING, "delivery": FieldDelivery.CONFLICT}
_WITHDRAWN = {"decision": FieldDecision.WITHDRAWN, "delivery": FieldDelivery.NONE}
RESULTS: dict[Finding, tuple[DecisionState, dict[str, Any]]] = {
    Finding.WRITE: (DecisionState.WRITTEN, {"delivery": FieldDelivery.DONE}),
    Finding.OURS: (DecisionState.WRITTEN, {"delivery": FieldDelivery.DONE}),
    Finding.MARK: (DecisionState.WRITTEN, {"delivery": FieldDelivery.DONE}),
    Finding.ALREADY: (DecisionState.ALREADY, {"delivery": FieldDelivery.ALREADY}),
    Finding.CONFLICT: (DecisionState.CONFLICT, _HANDED_BACK),
    Finding.WRITTEN_BEFORE: (DecisionState.CONFLICT, _HANDED_BACK),
    Finding.INACTIVE: (DecisionState.CONFLICT, {**_HANDED_BACK, "contact_state": ContactState.INACTIVE}),
    Finding.MERGED: (DecisionState.CONFLICT, {**_HANDED_BACK, "contact_state": ContactState.MERGED}),
    Finding.CONTACT_GONE: (DecisionState.CONFLICT, {**_HANDED_BACK, "contact_is_gone": True}),
    Finding.ELSEWHERE: (DecisionState.WITHDRAWN, _WITHDRAWN),
    Finding.RECOGNIZED: (DecisionState.WITHDRAWN, _WITHDRAWN),
    Finding.ROW_GONE: (DecisionState.WITHDRAWN, _WITHDRAWN),
    Finding.UNKNOWN_COLUMN: (DecisionState.FAILED, {"delivery": FieldDelivery.FAILED}),
    Finding.UNREADABLE: (DecisionState.FAILED, {"delivery": FieldDelivery.FAILED}),
}
MESSAGES = {
    Finding.UNKNOWN_COLUMN: "The CRM has no column of this name any more.",
    Finding.INACTIVE: "The contact was deactivated in the CRM, so nothing was written.",
    Finding.MERGED: "The contact was merged into another one in the CRM, so nothing was written.",
    Finding.WRITTEN_BEFORE: "The approval before this rejection had been written to the CRM after all.",
}
_FOUND_NOW = (Finding.CONFLICT, Finding.WRITTEN_BEFORE, Finding.INACTIVE, Finding.MERGED)


@retried
def apply_results(lease: Lease, verdicts: Sequence[Assessment]) -> None:
    """Settle these decisions; the delivery itself stays open. Raises LostLease."""
    _lock([verdict.decision for verdict in verdicts], proven=[each.proves for each in verdicts if each.proves])
    queue.lock(lease)
    settled = [(_settle_one(verdict), verdict) for verdict in verdicts]
    for _, verdict in settled:
        if verdict.finding == Finding.RECOGNIZED and verdict.staged is not None:
            # The judge compared the row's last modifier with our own user.
            recognition.recognize([verdict.staged], own_user=verdict.staged.modified_by, channel="worker")
    _recount([field for field, _ in settled])


def _lock(decisions: Sequence[Decision], *, proven: Sequence[str] = ()) -> None:
    """Lock the fields and decisions before the delivery; with them the open fields that may be superseded now."""
    contacts = {decision.target_id for decision in decisions}
    older = SyncField.objects.open().filter(record__target_id__in=contacts).values_list("pk", flat=True)
    lock(SyncField.objects.filter(pk__in={*(decision.field_id for decision in decisions), *older}))
    lock(Decision.objects.filter(pk__in=[*(decision.pk for decision in decisions), *proven]))


def _settle_one(verdict: Assessment) -> SyncField:
    state, columns = RESULTS[verdict.finding]
    columns = {**columns, "trouble": verdict.trouble or MESSAGES.get(verdict.finding, ""), **_value_now(verdict)}
    if verdict.proves:
        _acknowledge(verdict)
    found = verdict.value_now if verdict.finding in _FOUND_NOW else verdict.decision.value_to_write
    if verdict.adjusted is not None:
        _keep_adjusted(verdict.decision, verdict.adjusted)
        found = verdict.adjusted.value
    return _close(verdict.decision, state, columns=columns, finding=verdict.finding, now=found)


def _keep_adjusted(decision: Decision, held: StoredValue) -> None:
    """Keep what the CRM made of the value; that is what a later step expects to find."""
    Decision.objects.filter(pk=decision.pk).update(written_value=held.value, is_adjusted=True)
    decision.written_value, decision.is_adjusted = held.value, True


def _acknowledge(verdict: Assessment) -> None:
    """An earlier decision was given up without knowing; the staging row proves that the CRM had written it."""
    earlier = Decision.objects.filter(pk=verdict.proves, state__in=UNPROVEN_STATES)
    if earlier.update(state=DecisionState.WRITTEN, finished_at=Now()):
        field = verdict.decision.field
        audit.record(
            f"field.delivery.{DecisionState.WRITTEN}",
            by=None,
            channel="worker",
            record_id=field.record_id,
            field_id=field.pk,
            decision_id=uuid.UUID(verdict.proves),
            details={"column": field.column_name, "finding": "found_later"},
        )


def _value_now(verdict: Assessment) -> dict[str, Any]:
    """What the CRM holds now: read just before, or what was written just now."""
    decision = verdict.decision
    if verdict.finding in (*_FOUND_NOW, Finding.ALREADY):
        value, label = verdict.value_now, verdict.label_now
    elif verdict.adjusted is not None:
        value, label = verdict.adjusted.value, verdict.adjusted.label
    elif verdict.finding == Finding.WRITE:
        value, label = decision.value_to_write, ""
    else:
        return {}
    return {"crm_now_value": value, "crm_now_label": label, "crm_now_read_at": Now()}


@retried
def apply_failure(lease: Lease, decisions: Sequence[Decision], *, trouble: str, code: str) -> None:
    """These decisions were not written, for a reason that trying again does not mend. Raises LostLease."""
    _lock(decisions)
    queue.lock(lease)
    columns = {"delivery": FieldDelivery.FAILED, "trouble": trouble}
    for_it: dict[str, Any] = {"columns": columns, "finding": f"failed:{code}"}
    _recount([_close(each, DecisionState.FAILED, now=each.value_to_write, **for_it) for each in decisions])


def _recount(touched: list[SyncField]) -> None:
    """What was handed back or failed is open again: a newer edit may have come meanwhile."""
    records = {field.record_id for field in touched}
    SyncRecord.objects.recount(records | record_ids_of(supersede(records)))


def _close(
    decision: Decision, state: DecisionState, *, columns: dict[str, Any], finding: str, now: str | None
) -> SyncField:
    """`now` is what the trail shows against the expected value: what was to be written, or was found instead."""
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
        details={"column": field.column_name, "finding": str(finding)}
        | ({"adjusted": True} if decision.is_adjusted else {}),
        before=decision.expected_value if decision.writes else None,
        after=now if decision.writes else None,
        reason=columns.get("trouble", ""),
    )
    return field


@retried
def finish_or_reset(lease: Lease) -> None:
    """Close the delivery, or make it ready for decisions that came meanwhile. Raises LostLease."""
    queue.lock(lease)
    delivery = Delivery.objects.get(pk=lease.pk)
    notification_rules.notify_editors(delivery.decisions.values_list("field__record", flat=True).distinct())
    due_at = deliveries.next_due(delivery)
    if due_at is None:
        queue.finish(lease)
    else:
        queue.reset(lease, due_at=due_at)
