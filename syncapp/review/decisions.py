"""The place where a decision is taken: approve, reject, undo, retry (later.py has what comes after it was written).

Each is one transaction that moves the field by compare-and-set, writes the Decision, makes sure a delivery is waiting,
and records the audit entry. None talks to the CRM or to Redis, so they answer alike whether those are up or not.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from syncapp import deliveries, preferences
from syncapp.crm import values
from syncapp.mirror import columns
from syncapp.mirror.supersede import records_of, supersede
from syncapp.models import Decision, Person, SyncField, SyncRecord
from syncapp.models.decision import DecisionState, Kind, Outcome
from syncapp.models.durable_work import database_now
from syncapp.models.sync_field import FieldDecision, FieldDelivery
from syncapp.review import reasons, reversals, steps
from syncapp.review.errors import AlreadyDecided, BadValue, ChangedMeanwhile, NotPossible, ReviewError, TooLate
from syncapp.review.steps import Decider


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


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of one submit: what was taken, and per field what was not and why."""

    taken: tuple[Decision, ...]
    refused: tuple[ReviewError, ...]


def decide(choices: list[Choice], *, by: Decider, channel: str = "screen", group: uuid.UUID | None = None) -> Decided:
    """Take every choice that can be taken; the others come back with their reason, and nothing of them is kept."""
    group = group or uuid.uuid4()
    taken: list[Decision] = []
    refused: list[ReviewError] = []
    for choice in choices:
        try:
            # All of one submit become due at one moment, so that one change set brings them to the CRM.
            due_at = taken[0].due_at if taken else None
            taken.append(_decide_one(choice, by=by, channel=channel, group=group, due_at=due_at))
        except ReviewError as error:
            refused.append(error)
    return Decided(tuple(taken), tuple(refused))


def approve(field_id: uuid.UUID, *, by: Decider, seen: str, channel: str = "screen", **details: Any) -> Decision:
    """Let the proposed (or corrected) value become the CRM's. Raises ReviewError."""
    choice = Choice(field_id, Outcome.APPROVED, seen, **details)
    return _decide_one(choice, by=by, channel=channel, group=uuid.uuid4())


def reject(field_id: uuid.UUID, *, by: Decider, seen: str, channel: str = "screen", **details: Any) -> Decision:
    """Keep the CRM's value. Raises ReviewError."""
    choice = Choice(field_id, Outcome.REJECTED, seen, **details)
    return _decide_one(choice, by=by, channel=channel, group=uuid.uuid4())


@transaction.atomic
def _decide_one(
    choice: Choice, *, by: Decider, channel: str, group: uuid.UUID, due_at: datetime | None = None
) -> Decision:
    field = steps.locked(choice.field_id)
    _refuse_if_moved(field, choice.seen)
    if field.contact_is_gone and choice.outcome == Outcome.APPROVED:
        raise NotPossible("The contact was deleted in the CRM; there is nothing to write to.", field=field)
    if choice.outcome == Outcome.REJECTED and not choice.reason_code and reasons.is_required():
        raise BadValue("Choose why it is rejected.", field=field)
    value = _value_to_write(field, choice)
    replaced = _replace_failed(field)
    decision = steps.new_decision(
        field,
        by=by,
        kind=Kind.REVIEW,
        outcome=choice.outcome,
        writes=choice.outcome == Outcome.APPROVED,
        value_to_write=value,
        expected_value=field.expected_value,
        reason_code=choice.reason_code,
        reason=choice.reason,
        is_corrected=choice.is_corrected,
        corrected_label=choice.corrected_label,
        due_at=due_at or database_now(plus=preferences.read().undo_window),
    )
    steps.put_on_its_way(field, decision, by=by, channel=channel, group=group, replaced=replaced)
    return decision


def _refuse_if_moved(field: SyncField, seen_before: str) -> None:
    decidable = field.is_undecided or field.delivery == FieldDelivery.FAILED
    if not decidable:
        raise AlreadyDecided(steps.who_was_first(field), field=field)
    if steps.seen(field) != seen_before:
        raise ChangedMeanwhile("The values changed while you looked at them. Look again, then decide.", field=field)


def _value_to_write(field: SyncField, choice: Choice) -> str | None:
    if choice.outcome != Outcome.APPROVED:
        return None
    value = choice.corrected_value if choice.is_corrected else field.proposed_value
    column = columns.find(field.record.target_table, field.column_name)
    problem = values.check(column, value) if column is not None else None
    if problem:
        raise BadValue(problem, field=field)
    return value or None


def _replace_failed(field: SyncField) -> bool:
    failed = field.decisions.filter(state=DecisionState.FAILED)
    return failed.update(state=DecisionState.REPLACED, settled_at=Now()) > 0


@transaction.atomic
def undo(decision_id: uuid.UUID, *, by: Person, channel: str = "screen") -> SyncField:
    """Take a decision back while it is in no delivery. Its decider or an administrator may, a rule's everybody.

    Raises TooLate, NotPossible.
    """
    decision = Decision.objects.select_related("field__record").get(pk=decision_id)
    field = steps.locked(decision.field_id)
    if decision.rule_id is None and decision.decided_by_id != by.pk and not by.is_administrator:
        raise NotPossible("Only the person who decided, or an administrator, can undo it.", field=field)
    open_ones = Decision.objects.filter(pk=decision.pk, state=DecisionState.OPEN)
    if open_ones.update(state=DecisionState.UNDONE, settled_at=Now()) != 1:
        raise TooLate("It is being written already. What was written can be put back.", field=field)
    steps.move(field, **_state_before(decision))
    taken_back = {"outcome": decision.outcome, "kind": decision.kind}
    reversals.note(decision)
    steps.note("field.undone", decision, by=by, channel=channel, details=taken_back)
    # The approval had stood against a newer edit; taken back, it is the older open one.
    marks = supersede([field.record_id])
    SyncRecord.objects.recount({field.record_id} | records_of(marks))
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


@transaction.atomic
def retry(field_id: uuid.UUID, *, by: Person | None, channel: str = "screen") -> Decision:
    """Send a failed decision once more, as it was taken. Raises NotPossible unless it failed."""
    field = steps.locked(field_id)
    decision = field.decisions.filter(state=DecisionState.FAILED).first()
    if decision is None or field.delivery != FieldDelivery.FAILED:
        raise NotPossible("There is nothing to retry.", field=field)
    again = Decision.objects.filter(pk=decision.pk, state=DecisionState.FAILED)
    again.update(state=DecisionState.OPEN, delivery=None, due_at=Now(), settled_at=None)
    steps.move(field, delivery=FieldDelivery.WAITING, trouble="")
    deliveries.expect(Decision.objects.select_related("field").get(pk=decision.pk))
    steps.note("field.retried", decision, by=by, channel=channel)
    SyncRecord.objects.recount([field.record_id])
    return decision
