"""Decisions of reviewers and rules: approve, reject, undo, retry (follow_ups.py has the steps after a write).

Each is one transaction that moves the fields by compare-and-set, stores the decisions, records them in the audit log
and ensures their deliveries. None talks to the CRM or to Redis, so both may be down.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from syncapp import audit, preferences
from syncapp.crm.staging.records import Column
from syncapp.crm.values import conversion
from syncapp.jobs import deliveries
from syncapp.mirror import columns
from syncapp.mirror.edits.supersede import record_ids_of, supersede
from syncapp.models import Decision, Person, Rule, SelectionItem, SyncField, SyncRecord
from syncapp.models.locking import retried
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind, Outcome
from syncapp.review import context, decision_log, four_eyes, reasons
from syncapp.review.context import EDIT_IS_GONE, DecisionContext
from syncapp.review.errors import AlreadyDecided, BadValue, ChangedMeanwhile, NotPossible, ReviewError, TooLate
from syncapp.review.rules import reversals

Decider = Person | Rule


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a form. `seen` is the digest of the field as the form showed it (context.digest)."""

    field_id: uuid.UUID
    outcome: Outcome
    seen: str
    reason_code: str = ""
    reason: str = ""
    is_corrected: bool = False
    corrected_value: str | None = None
    corrected_label: str = ""


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """The decisions that were taken, and the errors of those that were refused."""

    taken: tuple[Decision, ...]
    refused: tuple[ReviewError, ...]


def approve(field_id: uuid.UUID, *, by: Decider, seen: str, channel: str = "screen", **details: Any) -> Decision:
    """Approve the proposed (or corrected) value; the next delivery writes it to the CRM. Raises ReviewError."""
    return _single_decision(decide([Choice(field_id, Outcome.APPROVED, seen, **details)], by=by, channel=channel))


def reject(field_id: uuid.UUID, *, by: Decider, seen: str, channel: str = "screen", **details: Any) -> Decision:
    """Reject the proposed value. The CRM keeps its own value, or gets the original if that was never put back.

    Raises ReviewError.
    """
    return _single_decision(decide([Choice(field_id, Outcome.REJECTED, seen, **details)], by=by, channel=channel))


def _single_decision(result: DecisionResult) -> Decision:
    for error in result.refused:
        raise error
    return result.taken[0]


@retried
def decide(
    choices: Sequence[Choice],
    *,
    by: Decider,
    channel: str = "screen",
    group: uuid.UUID | None = None,
    is_part: bool = False,
) -> DecisionResult:
    """Decide several fields in one transaction; a refused choice changes nothing and does not stop the others.

    All decisions become due at the same moment, so that one change set writes them. `is_part`: the activity page shows
    an earlier entry of the group instead.
    """
    fields = context.lock_fields([choice.field_id for choice in choices])
    if not fields:
        return DecisionResult((), tuple(NotPossible(EDIT_IS_GONE) for _ in choices))
    shared = context.load_context(fields.values())
    names: dict[str, set[str]] = defaultdict(set)
    for field in fields.values():
        names[field.record.target_table].add(field.column_name)
    known = {table: columns.select(table, column_names) for table, column_names in names.items()}
    accepted: list[Decision] = []
    refused: list[ReviewError] = []
    for choice in choices:
        try:
            field, writes, value_to_write = _check_choice(choice, fields.get(choice.field_id), known)
            decision = new_decision(
                field,
                shared,
                by=by,
                kind=Kind.REVIEW,
                outcome=choice.outcome,
                writes=writes,
                value_to_write=value_to_write,
                expected_value=field.expected_value,
                reason_code=choice.reason_code,
                reason=choice.reason,
                is_corrected=choice.is_corrected,
                corrected_label=choice.corrected_label,
            )
            accepted.append(decision)
        except ReviewError as error:
            refused.append(error)
    result = save_and_enqueue(accepted, shared, by=by, channel=channel, group=group or uuid.uuid4(), is_part=is_part)
    return DecisionResult(result.taken, (*refused, *result.refused))


def _check_choice(
    choice: Choice, field: SyncField | None, known: Mapping[str, Mapping[str, Column]]
) -> tuple[SyncField, bool, str | None]:
    """Return the field, whether the contact is written, and the canonical value to write (None for empty).

    Raises ReviewError if this choice may not be made now.
    """
    if field is None:
        raise NotPossible(EDIT_IS_GONE)
    context.check_readable(field)
    if not field.is_undecided and field.delivery != FieldDelivery.FAILED:
        raise AlreadyDecided(context.already_decided_message(field), field=field)
    if context.digest(field) != choice.seen:
        raise ChangedMeanwhile(
            "The values changed while this page was open. Check them, then decide again.", field=field
        )
    if field.contact_is_gone and choice.outcome == Outcome.APPROVED:
        raise NotPossible("The contact was deleted in the CRM, so nothing can be written.", field=field)
    if choice.outcome == Outcome.REJECTED and not choice.reason_code and reasons.is_required():
        raise BadValue("Choose a reason for rejecting.", field=field)
    column = known[field.record.target_table].get(field.column_name)
    if choice.outcome != Outcome.APPROVED:
        writes = puts_original_back(field, column)
        return field, writes, field.original_value if writes else None
    value = choice.corrected_value if choice.is_corrected else field.proposed_value
    problem = conversion.check(column, value, exactly=choice.is_corrected) if column is not None else None
    if problem:
        raise BadValue(problem, field=field)
    return field, True, value or None


def puts_original_back(field: SyncField, column: Column | None) -> bool:
    """Return whether a rejection has to write the original.

    It does if the original is known and not yet restored, and the contact still holds the proposed value.
    """
    if field.record.is_restored or field.has_unknown_original or field.contact_is_gone or column is None:
        return False
    return conversion.same(column.type, field.expected_value, field.proposed_value)


def new_decision(field: SyncField, shared: DecisionContext, *, by: Decider, **values: Any) -> Decision:
    """Return the next decision of a field, unsaved and due after the undo window.

    Raises ReviewError if the four-eyes rule forbids it.
    """
    editors, editor_id = shared.editors, field.record.editor_id
    four_eyes.check(field, editors, by=by)
    return Decision(
        field=field,
        version=shared.versions[field.pk] + 1,
        target_table=field.record.target_table,
        target_id=field.record.contact,
        decided_by=by if isinstance(by, Person) else None,
        rule=by if isinstance(by, Rule) else None,
        decided_at=shared.now,
        due_at=shared.now + timedelta(seconds=preferences.read().undo_window),
        # With these columns, a constraint of the database also refuses decisions about one's own edits.
        four_eyes=editors.is_on,
        decider_oid=by.oid,
        editor_oid=editors.entra_id(editor_id),
        unidentified_allowed=editors.allows_unidentified and editors.is_unidentified(editor_id),
        **values,
    )


def save_and_enqueue(
    decisions: Sequence[Decision],
    shared: DecisionContext,
    *,
    by: Decider,
    channel: str,
    group: uuid.UUID,
    is_part: bool = False,
) -> DecisionResult:
    """Move the fields, store their decisions, ensure the deliveries and record all of it in the audit log.

    A field that changed since it was read is refused; the others are saved in a constant number of statements.
    """
    saved: list[Decision] = []
    refused: list[ReviewError] = []
    for decision in decisions:
        try:
            outcome = FieldDecision(decision.outcome)
            context.move_field(decision.field, decision=outcome, delivery=FieldDelivery.WAITING, trouble="")
            saved.append(decision)
        except AlreadyDecided as error:
            refused.append(error)
    failed_before = [decision.field_id for decision in saved if decision.field_id in shared.failed]
    if failed_before:
        replaced = Decision.objects.filter(field__in=failed_before, state=DecisionState.FAILED)
        replaced.update(state=DecisionState.REPLACED, finished_at=Now())
    Decision.objects.bulk_create(saved)
    deliveries.ensure_deliveries(saved)
    origin: dict[str, Any] = {"channel": channel, "group": group, "is_part": is_part}
    audit.record_all(
        [_fact_of_decision(each, by=by, after_failure=each.field_id in shared.failed, **origin) for each in saved]
    )
    SyncRecord.objects.recount({decision.field.record_id for decision in saved})
    decision_log.log_decided(saved)
    return DecisionResult(tuple(saved), tuple(refused))


def _fact_of_decision(decision: Decision, *, by: Decider, after_failure: bool, **origin: Any) -> audit.Fact:
    details = {"corrected": decision.is_corrected, "after_failure": after_failure}
    if decision.four_eyes and decision.unidentified_allowed:
        details["editor_unidentified"] = True
    return _fact(
        f"field.{decision.kind}.{decision.outcome}",
        decision,
        by=by if isinstance(by, Person) else None,
        details=details,
        before=decision.expected_value,
        after=decision.value_to_write if decision.writes else decision.field.proposed_value,  # the rejected value
        reason=" ".join(filter(None, [decision.reason_code, decision.reason])),
        **origin,
    )


def _fact(action: str, decision: Decision, *, details: Mapping[str, Any] | None = None, **more: Any) -> audit.Fact:
    field = decision.field
    rule = {"rule": str(decision.rule_id)} if decision.rule_id else {}
    return audit.Fact(
        action,
        record_id=field.record_id,
        field_id=field.pk,
        decision_id=decision.pk,
        details={"column": field.column_name} | rule | dict(details or {}),
        **more,
    )


@retried
def undo(decision_id: uuid.UUID, *, by: Person, channel: str = "screen") -> SyncField:
    """Undo a decision that is not yet part of a delivery.

    The decider or an administrator may undo it; any reviewer may undo a rule's decision. Raises TooLate, NotPossible.
    """
    decision = Decision.objects.select_related("field__record").get(pk=decision_id)
    field = context.lock_field(decision.field_id)
    if decision.rule_id is None and decision.decided_by_id != by.pk and not by.is_administrator:
        raise NotPossible("Only the person who decided or an administrator can undo it.", field=field)
    still_open = Decision.objects.filter(pk=decision.pk, state=DecisionState.OPEN)
    if still_open.update(state=DecisionState.UNDONE, finished_at=Now()) != 1:
        raise TooLate("It is already being written. Once it is written, you can put the old value back.", field=field)
    context.move_field(field, **_state_before(decision))
    reversals.record(decision)
    details = {"outcome": decision.outcome, "kind": decision.kind}
    audit.record_all([_fact("field.undone", decision, by=by, channel=channel, details=details)])
    decision_log.log_undone(decision)
    # The approval had kept this edit from being superseded by a newer one.
    marks = supersede([field.record_id])
    SyncRecord.objects.recount({field.record_id} | record_ids_of(marks))
    field.refresh_from_db()
    return field


def last_submit(person: Person) -> list[Decision]:
    """Return the decisions of a person's last submit that can still be undone.

    Bulk decisions are undone on their own page. Raises NotPossible if there are none, TooLate once none can be undone.
    """
    in_bulk = SelectionItem.objects.filter(decision=OuterRef("pk"))
    gone = (DecisionState.UNDONE, DecisionState.REPLACED, DecisionState.LOST)
    own = Decision.objects.filter(~Exists(in_bulk), decided_by=person).exclude(state__in=gone)
    last = own.order_by("-decided_at").first()
    if last is None:
        raise NotPossible("There is nothing to undo.")
    # The decisions of one submit were taken at the same moment.
    found = list(own.filter(decided_at=last.decided_at, state=DecisionState.OPEN).select_related("field__record"))
    if not found:
        raise TooLate("There is nothing to undo: your last decision is being written or is in the CRM.")
    return found


def _state_before(decision: Decision) -> dict[str, Any]:
    """Return the field's columns before this decision: as the last written decision left them, or undecided."""
    finished = [DecisionState.WRITTEN, DecisionState.ALREADY, DecisionState.REPLACED, DecisionState.CONFLICT]
    earlier = decision.field.decisions.filter(version__lt=decision.version, state__in=finished)
    last = earlier.order_by("-version").first()
    if last is None or last.state == DecisionState.REPLACED:
        return {"decision": FieldDecision.PENDING, "delivery": FieldDelivery.NONE}
    if last.state == DecisionState.CONFLICT and decision.kind == Kind.REVIEW:
        return {"decision": FieldDecision.PENDING, "delivery": FieldDelivery.CONFLICT}
    was_already = last.state == DecisionState.ALREADY
    delivery = FieldDelivery.ALREADY if was_already else FieldDelivery.DONE
    return {"decision": FieldDecision(last.outcome), "delivery": delivery}


@retried
def retry(field_id: uuid.UUID, *, by: Person | None, channel: str = "screen") -> Decision:
    """Deliver a failed decision again, unchanged. Raises NotPossible unless it failed."""
    field = context.lock_field(field_id)
    decision = field.decisions.filter(state=DecisionState.FAILED).first()
    if decision is None or field.delivery != FieldDelivery.FAILED:
        raise NotPossible("There is nothing to retry.", field=field)
    context.check_readable(field)
    failed = Decision.objects.filter(pk=decision.pk, state=DecisionState.FAILED)
    failed.update(state=DecisionState.OPEN, delivery=None, due_at=Now(), finished_at=None)
    context.move_field(field, delivery=FieldDelivery.WAITING, trouble="")
    deliveries.ensure_deliveries([Decision.objects.get(pk=decision.pk)])
    audit.record_all([_fact("field.retried", decision, by=by, channel=channel)])
    SyncRecord.objects.recount([field.record_id])
    return decision
