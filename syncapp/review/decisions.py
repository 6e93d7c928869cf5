"""The place where a decision is taken: approve, reject, undo, put back, approve after all, retry.

Each is one transaction that moves the field by compare-and-set, writes the Decision, makes sure a delivery is waiting,
and records the audit entry. None talks to the CRM or to Redis, so they answer alike whether those are up or not.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.db.models.functions import Now

from syncapp import audit, deliveries
from syncapp.crm import values
from syncapp.mirror import columns
from syncapp.mirror.supersede import records_of, supersede
from syncapp.models import CrmUser, Decision, Person, SyncField, SyncRecord
from syncapp.models.decision import DecisionState, Kind, Outcome
from syncapp.models.durable_work import database_now
from syncapp.models.sync_field import FieldDecision, FieldDelivery
from syncapp.review.errors import (
    AlreadyDecided,
    BadValue,
    ChangedMeanwhile,
    EditorUnknown,
    NotPossible,
    OwnEdit,
    ReviewError,
    TooLate,
)


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


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of one submit: what was taken, and per field what was not and why."""

    taken: tuple[Decision, ...]
    refused: tuple[ReviewError, ...]


def seen(field: SyncField) -> str:
    """A digest of everything about a field that a decision rests on; the form carries it."""
    parts = [
        str(field.pk),
        str(field.version),
        str(field.revision),
        field.decision,
        field.delivery,
        repr(field.original_value),
        repr(field.proposed_value),
        repr(field.expected_value),
    ]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def decide(choices: list[Choice], *, by: Person, channel: str = "screen") -> Decided:
    """Take every choice that can be taken; the others come back with their reason, and nothing of them is kept."""
    group = uuid.uuid4()
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


def approve(field_id: uuid.UUID, *, by: Person, seen: str, channel: str = "screen", **details: Any) -> Decision:
    """Let the proposed (or corrected) value become the CRM's. Raises ReviewError."""
    choice = Choice(field_id, Outcome.APPROVED, seen, **details)
    return _decide_one(choice, by=by, channel=channel, group=uuid.uuid4())


def reject(field_id: uuid.UUID, *, by: Person, seen: str, channel: str = "screen", **details: Any) -> Decision:
    """Keep the CRM's value. Raises ReviewError."""
    choice = Choice(field_id, Outcome.REJECTED, seen, **details)
    return _decide_one(choice, by=by, channel=channel, group=uuid.uuid4())


@transaction.atomic
def _decide_one(
    choice: Choice, *, by: Person, channel: str, group: uuid.UUID, due_at: datetime | None = None
) -> Decision:
    field = _locked(choice.field_id)
    _refuse_if_moved(field, choice.seen)
    if field.contact_is_gone and choice.outcome == Outcome.APPROVED:
        raise NotPossible("The contact was deleted in the CRM; there is nothing to write to.", field=field)
    value = _value_to_write(field, choice)
    replaced = _replace_failed(field)
    decision = _new_decision(
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
        due_at=due_at or database_now(plus=settings.UNDO_SECONDS),
    )
    _put_on_its_way(field, decision, by=by, channel=channel, group=group, replaced=replaced)
    return decision


def _locked(field_id: uuid.UUID) -> SyncField:
    field = SyncField.objects.select_for_update(of=("self",)).select_related("record").filter(pk=field_id).first()
    if field is None or field.record.is_stub:
        raise NotPossible("This edit is no longer here.")
    return field


def _refuse_if_moved(field: SyncField, seen_before: str) -> None:
    decidable = field.is_undecided or field.delivery == FieldDelivery.FAILED
    if not decidable:
        raise AlreadyDecided(_who_was_first(field), field=field)
    if seen(field) != seen_before:
        raise ChangedMeanwhile("The values changed while you looked at them. Look again, then decide.", field=field)


def _who_was_first(field: SyncField) -> str:
    last = field.decisions.select_related("decided_by").order_by("-version").first()
    word = FieldDecision(field.decision).label
    if last is None or last.decided_by is None:
        return f"{word} meanwhile; yours was not used."
    return f"{word} by {last.decided_by.name} meanwhile; yours was not used."


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


def _new_decision(field: SyncField, *, by: Person, **columns_of_it: Any) -> Decision:
    newest = field.decisions.aggregate(newest=Max("version"))["newest"] or 0
    editor_oid = _editor_oid(field, by=by) if settings.FOUR_EYES else None
    try:
        with transaction.atomic():
            return Decision.objects.create(
                field=field,
                version=newest + 1,
                target_table=field.record.target_table,
                target_id=field.record.contact,
                decided_by=by,
                decided_at=Now(),
                four_eyes=settings.FOUR_EYES,
                decider_oid=by.oid,
                editor_oid=editor_oid,
                **columns_of_it,
            )
    except IntegrityError as error:
        # Only where two submits passed the lock at once (SQLite has none) does the constraint speak first.
        raise AlreadyDecided(_who_was_first(field), field=field) from error


def _editor_oid(field: SyncField, *, by: Person) -> uuid.UUID | None:
    if field.record.editor_id is None:
        return None
    editor = CrmUser.objects.filter(pk=field.record.editor_id).first()
    if editor is None:
        raise EditorUnknown("Who made this edit has not been read from the CRM yet. Try again shortly.", field=field)
    if editor.entra_id == by.oid:
        raise OwnEdit("This is your own edit; somebody else decides it.", field=field)
    return editor.entra_id


def _put_on_its_way(
    field: SyncField,
    decision: Decision,
    *,
    by: Person,
    channel: str,
    group: uuid.UUID,
    replaced: bool = False,
) -> None:
    move(field, decision=FieldDecision(decision.outcome), delivery=FieldDelivery.WAITING, trouble="")
    deliveries.expect(decision)
    audit.record(
        f"field.{decision.kind}.{decision.outcome}",
        by=by,
        channel=channel,
        group=group,
        record_id=field.record_id,
        field_id=field.pk,
        decision_id=decision.pk,
        details={"column": field.column_name, "corrected": decision.is_corrected, "after_failure": replaced},
        before=decision.expected_value,
        after=decision.value_to_write,
        reason=" ".join(filter(None, [decision.reason_code, decision.reason])),
    )
    SyncRecord.objects.recount([field.record_id])


def move(field: SyncField, **columns_of_it: Any) -> None:
    """Move a field from exactly the state that was read to another. Raises AlreadyDecided where it had moved."""
    where = SyncField.objects.filter(pk=field.pk, revision=field.revision)
    if where.update(revision=F("revision") + 1, **columns_of_it) != 1:
        raise AlreadyDecided(_who_was_first(field), field=field)
    field.refresh_from_db()


@transaction.atomic
def undo(decision_id: uuid.UUID, *, by: Person, channel: str = "screen") -> SyncField:
    """Take a decision back while it is in no delivery. Its decider or an administrator may. Raises TooLate."""
    decision = Decision.objects.select_related("field__record").get(pk=decision_id)
    field = _locked(decision.field_id)
    if decision.decided_by_id != by.pk and not by.is_administrator:
        raise NotPossible("Only the person who decided, or an administrator, can undo it.", field=field)
    open_ones = Decision.objects.filter(pk=decision.pk, state=DecisionState.OPEN)
    if open_ones.update(state=DecisionState.UNDONE, settled_at=Now()) != 1:
        raise TooLate("It is being written already. What was written can be put back.", field=field)
    move(field, **_state_before(decision))
    audit.record(
        "field.undone",
        by=by,
        channel=channel,
        record_id=field.record_id,
        field_id=field.pk,
        decision_id=decision.pk,
        details={"column": field.column_name},
    )
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
def put_back(field_id: uuid.UUID, *, by: Person, reason: str, channel: str = "screen") -> Decision:
    """Write the value that the approval replaced. Raises NotPossible unless the field was written."""
    field = _locked(field_id)
    written = _settled(field, FieldDecision.APPROVED)
    return _later_step(
        field,
        by=by,
        channel=channel,
        kind=Kind.PUT_BACK,
        outcome=Outcome.REJECTED,
        value_to_write=written.expected_value,
        expected_value=written.value_to_write,
        reason=reason,
    )


@transaction.atomic
def approve_after_all(field_id: uuid.UUID, *, by: Person, reason: str, channel: str = "screen") -> Decision:
    """Write the proposed value of a rejected field. Raises NotPossible unless the rejection is in the CRM."""
    field = _locked(field_id)
    rejected = _settled(field, FieldDecision.REJECTED)
    held = rejected.value_to_write if rejected.writes else field.expected_value
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
    due_at = database_now(plus=settings.UNDO_SECONDS)
    decision = _new_decision(field, by=by, writes=True, due_at=due_at, **columns_of_it)
    _put_on_its_way(field, decision, by=by, channel=channel, group=uuid.uuid4())
    return decision


@transaction.atomic
def retry(field_id: uuid.UUID, *, by: Person | None, channel: str = "screen") -> Decision:
    """Send a failed decision once more, as it was taken. Raises NotPossible unless it failed."""
    field = _locked(field_id)
    decision = field.decisions.filter(state=DecisionState.FAILED).first()
    if decision is None or field.delivery != FieldDelivery.FAILED:
        raise NotPossible("There is nothing to retry.", field=field)
    again = Decision.objects.filter(pk=decision.pk, state=DecisionState.FAILED)
    again.update(state=DecisionState.OPEN, delivery=None, due_at=Now(), settled_at=None)
    move(field, delivery=FieldDelivery.WAITING, trouble="")
    deliveries.expect(Decision.objects.select_related("field").get(pk=decision.pk))
    audit.record(
        "field.retried",
        by=by,
        channel=channel,
        record_id=field.record_id,
        field_id=field.pk,
        decision_id=decision.pk,
        details={"column": field.column_name},
    )
    SyncRecord.objects.recount([field.record_id])
    return decision
