"""The place where a decision is taken: approve, reject, undo, retry (later.py has what comes after it was written).

Each is one transaction that moves the fields by compare-and-set, writes the Decisions, makes sure a delivery waits,
and records the audit entries. None talks to the CRM or to Redis, so they answer alike whether those are up or not.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models.functions import Now

from syncapp import audit
from syncapp.crm.staging.records import Column
from syncapp.crm.values import conversion
from syncapp.jobs import deliveries
from syncapp.mirror import columns
from syncapp.mirror.edits.supersede import record_ids_of, supersede
from syncapp.models import Decision, Person, SyncField, SyncRecord
from syncapp.models.locking import retried
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind, Outcome
from syncapp.review import context, decision_log, reasons
from syncapp.review.context import EDIT_IS_GONE, Decider, DecisionContext, DecisionResult
from syncapp.review.errors import AlreadyDecided, BadValue, ChangedMeanwhile, NotPossible, ReviewError, TooLate
from syncapp.review.rules import reversals

Columns = Mapping[str, Mapping[str, Column]]  # by table and name


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose for one field, and what the form had shown."""

    field_id: uuid.UUID
    outcome: Outcome
    seen: str
    reason_code: str = ""
    reason: str = ""
    is_corrected: bool = False
    corrected_value: str | None = None
    corrected_label: str = ""


@retried
def decide(
    choices: Sequence[Choice], *, by: Decider, channel: str = "screen", group: uuid.UUID | None = None
) -> DecisionResult:
    """Take every choice that can be taken; the others come back with their reason, and nothing of them is kept.

    Each is judged by itself before anything is written; what is taken becomes due at one moment, so that one change
    set brings it to the CRM.
    """
    fields = context.lock_fields([choice.field_id for choice in choices])
    grounds = context.load_context(fields.values())
    if grounds is None:
        return DecisionResult((), tuple(NotPossible(EDIT_IS_GONE) for _ in choices))
    wanted, refused = _judge(choices, fields, grounds, by=by)
    kept = context.save_and_enqueue(wanted, grounds, by=by, channel=channel, group=group or uuid.uuid4())
    return DecisionResult(kept.taken, (*refused, *kept.refused))


def approve(field_id: uuid.UUID, *, by: Decider, seen: str, channel: str = "screen", **details: Any) -> Decision:
    """Let the proposed (or corrected) value become the CRM's. Raises ReviewError."""
    return _decide_one(Choice(field_id, Outcome.APPROVED, seen, **details), by=by, channel=channel)


def reject(field_id: uuid.UUID, *, by: Decider, seen: str, channel: str = "screen", **details: Any) -> Decision:
    """Keep the CRM's value. Raises ReviewError."""
    return _decide_one(Choice(field_id, Outcome.REJECTED, seen, **details), by=by, channel=channel)


def _decide_one(choice: Choice, *, by: Decider, channel: str) -> Decision:
    kept = decide([choice], by=by, channel=channel)
    for error in kept.refused:
        raise error
    return kept.taken[0]


def _judge(
    choices: Sequence[Choice], fields: Mapping[uuid.UUID, SyncField], grounds: DecisionContext, *, by: Decider
) -> tuple[list[Decision], list[ReviewError]]:
    taken: list[Decision] = []
    refused: list[ReviewError] = []
    known = _columns_of(fields.values())
    for choice in choices:
        try:
            taken.append(_judge_one(choice, fields.get(choice.field_id), grounds, known=known, by=by))
        except ReviewError as error:
            refused.append(error)
    return taken, refused


def _columns_of(fields: Iterable[SyncField]) -> Columns:
    wanted: dict[str, set[str]] = defaultdict(set)
    for field in fields:
        wanted[field.record.target_table].add(field.column_name)
    return {table: columns.select(table, names) for table, names in wanted.items()}


def _judge_one(
    choice: Choice, field: SyncField | None, grounds: DecisionContext, *, known: Columns, by: Decider
) -> Decision:
    if field is None:
        raise NotPossible(EDIT_IS_GONE)
    context.check_readable(field)
    _refuse_if_moved(field, choice.seen)
    if field.contact_is_gone and choice.outcome == Outcome.APPROVED:
        raise NotPossible("The contact was deleted in the CRM; there is nothing to write to.", field=field)
    if choice.outcome == Outcome.REJECTED and not choice.reason_code and reasons.is_required():
        raise BadValue("Choose why it is rejected.", field=field)
    return context.new_decision(
        field,
        grounds,
        by=by,
        kind=Kind.REVIEW,
        outcome=choice.outcome,
        writes=choice.outcome == Outcome.APPROVED,
        value_to_write=_value_to_write(field, choice, known),
        expected_value=field.expected_value,
        reason_code=choice.reason_code,
        reason=choice.reason,
        is_corrected=choice.is_corrected,
        corrected_label=choice.corrected_label,
    )


def _refuse_if_moved(field: SyncField, seen_before: str) -> None:
    decidable = field.is_undecided or field.delivery == FieldDelivery.FAILED
    if not decidable:
        raise AlreadyDecided(context.already_decided_message(field), field=field)
    if context.digest(field) != seen_before:
        raise ChangedMeanwhile("The values changed while you looked at them. Look again, then decide.", field=field)


def _value_to_write(field: SyncField, choice: Choice, known: Columns) -> str | None:
    if choice.outcome != Outcome.APPROVED:
        return None
    value = choice.corrected_value if choice.is_corrected else field.proposed_value
    column = known[field.record.target_table].get(field.column_name)
    problem = conversion.check(column, value, exactly=choice.is_corrected) if column is not None else None
    if problem:
        raise BadValue(problem, field=field)
    return value or None


@retried
def undo(decision_id: uuid.UUID, *, by: Person, channel: str = "screen") -> SyncField:
    """Take a decision back while it is in no delivery. Its decider or an administrator may, a rule's everybody.

    Raises TooLate, NotPossible.
    """
    decision = Decision.objects.select_related("field__record").get(pk=decision_id)
    field = context.lock_field(decision.field_id)
    if decision.rule_id is None and decision.decided_by_id != by.pk and not by.is_administrator:
        raise NotPossible("Only the person who decided, or an administrator, can undo it.", field=field)
    open_ones = Decision.objects.filter(pk=decision.pk, state=DecisionState.OPEN)
    if open_ones.update(state=DecisionState.UNDONE, finished_at=Now()) != 1:
        raise TooLate("It is being written already. What was written can be put back.", field=field)
    context.move_field(field, **_state_before(decision))
    taken_back = {"outcome": decision.outcome, "kind": decision.kind}
    reversals.record(decision)
    audit.record_all([context.audit_fact("field.undone", decision, by=by, channel=channel, details=taken_back)])
    decision_log.log_undone(decision)
    # The approval had stood against a newer edit; taken back, it is the older open one.
    marks = supersede([field.record_id])
    SyncRecord.objects.recount({field.record_id} | record_ids_of(marks))
    field.refresh_from_db()
    return field


def _state_before(decision: Decision) -> dict[str, Any]:
    """Undoing a later step leads back to what was written before it; undoing a first decision, to the queue."""
    earlier = (
        decision.field.decisions.filter(
            version__lt=decision.version,
            state__in=[
                DecisionState.WRITTEN,
                DecisionState.ALREADY,
                DecisionState.REPLACED,
                DecisionState.CONFLICT,
            ],
        )
        .order_by("-version")
        .first()
    )
    if earlier is None:
        return {"decision": FieldDecision.PENDING, "delivery": FieldDelivery.NONE}
    if earlier.state == DecisionState.CONFLICT and decision.kind == Kind.REVIEW:
        return {"decision": FieldDecision.PENDING, "delivery": FieldDelivery.CONFLICT}
    if earlier.state == DecisionState.REPLACED:
        return {"decision": FieldDecision.PENDING, "delivery": FieldDelivery.NONE}
    word = FieldDelivery.ALREADY if earlier.state == DecisionState.ALREADY else FieldDelivery.DONE
    return {"decision": FieldDecision(earlier.outcome), "delivery": word}


@retried
def retry(field_id: uuid.UUID, *, by: Person | None, channel: str = "screen") -> Decision:
    """Send a failed decision once more, as it was taken. Raises NotPossible unless it failed."""
    field = context.lock_field(field_id)
    decision = field.decisions.filter(state=DecisionState.FAILED).first()
    if decision is None or field.delivery != FieldDelivery.FAILED:
        raise NotPossible("There is nothing to retry.", field=field)
    context.check_readable(field)
    again = Decision.objects.filter(pk=decision.pk, state=DecisionState.FAILED)
    again.update(state=DecisionState.OPEN, delivery=None, due_at=Now(), finished_at=None)
    context.move_field(field, delivery=FieldDelivery.WAITING, trouble="")
    deliveries.ensure_delivery(Decision.objects.select_related("field").get(pk=decision.pk))
    audit.record_all([context.audit_fact("field.retried", decision, by=by, channel=channel)])
    SyncRecord.objects.recount([field.record_id])
    return decision
