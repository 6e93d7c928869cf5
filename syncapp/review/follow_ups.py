"""Steps after a value was settled: put the old value back, approve after all. New Decisions with the same checks."""

from __future__ import annotations

import uuid
from typing import Any

from syncapp.models import Decision, Person, SyncField
from syncapp.models.locking import retried
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind, Outcome
from syncapp.review import context
from syncapp.review.errors import NotPossible
from syncapp.review.rules import reversals


@retried
def put_back(field_id: uuid.UUID, *, by: Person, reason: str, channel: str = "screen") -> Decision:
    """Write the value that the approval replaced. Raises NotPossible unless the field was written."""
    field = context.lock_field(field_id)
    written = _settled(field, FieldDecision.APPROVED)
    reversals.record(written)
    return _later_step(
        field,
        by=by,
        channel=channel,
        kind=Kind.PUT_BACK,
        outcome=Outcome.REJECTED,
        value_to_write=written.expected_value,
        expected_value=written.held_value,
        reason=reason,
    )


@retried
def approve_after_all(field_id: uuid.UUID, *, by: Person, reason: str, channel: str = "screen") -> Decision:
    """Write the proposed value of a rejected field. Raises NotPossible unless the rejection is in the CRM."""
    field = context.lock_field(field_id)
    rejected = _settled(field, FieldDecision.REJECTED)
    reversals.record(rejected)
    held = rejected.held_value if rejected.writes else field.expected_value
    return _later_step(
        field,
        by=by,
        channel=channel,
        kind=Kind.AFTER_ALL,
        outcome=Outcome.APPROVED,
        value_to_write=field.proposed_value,
        expected_value=held,
        reason=reason,
    )


def _settled(field: SyncField, decision: FieldDecision) -> Decision:
    settled = field.decision == decision and field.delivery in (FieldDelivery.DONE, FieldDelivery.ALREADY)
    in_the_crm = (DecisionState.WRITTEN, DecisionState.ALREADY)
    last = field.decisions.filter(state__in=in_the_crm).order_by("-version").first() if settled else None
    if last is None:
        raise NotPossible(
            f"This is possible once it is {FieldDecision(decision).label.lower()} in the CRM.", field=field
        )
    return last


def _later_step(field: SyncField, *, by: Person, channel: str, **columns_of_it: Any) -> Decision:
    context.check_readable(field)
    grounds = context.load_context([field])
    if grounds is None:
        raise NotPossible(context.EDIT_IS_GONE)
    decision = context.new_decision(field, grounds, by=by, writes=True, **columns_of_it)
    kept = context.save_and_enqueue([decision], grounds, by=by, channel=channel, group=uuid.uuid4())
    for error in kept.refused:
        raise error
    return decision
