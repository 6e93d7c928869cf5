"""Decisions about a value that is already in the CRM: put back the old value, or approve a rejected one after all."""

from __future__ import annotations

import uuid
from typing import Any

from syncapp.models import Decision, Person, SyncField
from syncapp.models.locking import retried
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind, Outcome
from syncapp.review import context, decisions
from syncapp.review.errors import NotPossible
from syncapp.review.rules import reversals


@retried
def put_back(field_id: uuid.UUID, *, by: Person, reason: str, channel: str = "screen") -> Decision:
    """Write the value that an approval replaced. Raises NotPossible unless the approval was written."""
    field = context.lock_field(field_id)
    written = _last_written(field, FieldDecision.APPROVED)
    if field.has_unknown_original and not field.record.is_restored:
        raise NotPossible("The original value is not known, so it cannot be put back.", field=field)
    reversals.record(written)
    return _save(
        field,
        by=by,
        channel=channel,
        kind=Kind.PUT_BACK,
        outcome=Outcome.REJECTED,
        # A value that was never restored was already there when it was approved.
        value_to_write=written.expected_value if field.record.is_restored else field.original_value,
        expected_value=written.held_value,
        reason=reason,
    )


@retried
def approve_after_all(field_id: uuid.UUID, *, by: Person, reason: str, channel: str = "screen") -> Decision:
    """Write the proposed value of a rejected field. Raises NotPossible unless the rejection is in the CRM."""
    field = context.lock_field(field_id)
    rejected = _last_written(field, FieldDecision.REJECTED)
    reversals.record(rejected)
    return _save(
        field,
        by=by,
        channel=channel,
        kind=Kind.AFTER_ALL,
        outcome=Outcome.APPROVED,
        value_to_write=field.proposed_value,
        expected_value=rejected.held_value if rejected.writes else field.expected_value,
        reason=reason,
    )


def _last_written(field: SyncField, outcome: FieldDecision) -> Decision:
    """Return the decision that put the field into this state in the CRM. Raises NotPossible if there is none."""
    is_written = field.decision == outcome and field.delivery in (FieldDelivery.DONE, FieldDelivery.ALREADY)
    written = field.decisions.filter(state__in=(DecisionState.WRITTEN, DecisionState.ALREADY))
    last = written.order_by("-version").first() if is_written else None
    if last is None:
        raise NotPossible(f"Wait until the CRM has it as {outcome.label.lower()}, then try again.", field=field)
    return last


def _save(field: SyncField, *, by: Person, channel: str, **values: Any) -> Decision:
    context.check_readable(field)
    shared = context.load_context([field])
    decision = decisions.new_decision(field, shared, by=by, writes=True, **values)
    result = decisions.save_and_enqueue([decision], shared, by=by, channel=channel, group=uuid.uuid4())
    for error in result.refused:
        raise error
    return decision
