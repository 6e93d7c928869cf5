"""Decisions: permissions, refusals, stored data, undo and retry."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from syncapp.jobs import deliveries
from syncapp.models import AuditEntry, Decision, Delivery, SyncField
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind, Outcome
from syncapp.review import context as steps
from syncapp.review import decisions, follow_ups
from syncapp.review.context import digest
from syncapp.review.decisions import Choice, approve, decide, reject, undo
from syncapp.review.errors import (
    AlreadyDecided,
    BadValue,
    ChangedMeanwhile,
    EditorUnknown,
    NotPossible,
    OwnEdit,
    TooLate,
)
from syncapp.review.follow_ups import put_back
from tests.support.factories import make_editor, make_field, make_newer_edit, make_record, store_columns
from tests.support.people import ada, rita, rob

pytestmark = pytest.mark.django_db


def axes(field: SyncField) -> tuple[str, str]:
    field.refresh_from_db()
    return field.decision, field.delivery


def written(field: SyncField) -> Decision:
    """Finish the field's decision as a delivery would."""
    decision = field.decisions.get(state=DecisionState.OPEN)
    Decision.objects.filter(pk=decision.pk).update(state=DecisionState.WRITTEN)
    SyncField.objects.filter(pk=field.pk).update(delivery=FieldDelivery.DONE, revision=F("revision") + 1)
    Delivery.objects.all().delete()
    field.refresh_from_db()
    return decision


def test_approval_stores_new_and_expected_value():
    field = make_field(original_value="Buyer", proposed_value="Head")

    decision = approve(field.pk, by=rita(), seen=digest(field))

    assert (decision.value_to_write, decision.expected_value, decision.writes) == ("Head", "Buyer", True)
    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.WAITING)


def test_approval_expects_last_read_value():
    field = make_field(crm_now_value="Chief", crm_now_read_at="2026-11-20T10:00Z")

    assert approve(field.pk, by=rita(), seen=digest(field)).expected_value == "Chief"


def test_rejection_does_not_write_contact():
    field = make_field()

    decision = reject(field.pk, by=rita(), seen=digest(field), reason="Not correct")

    assert (decision.writes, decision.reason) == (False, "Not correct")
    assert axes(field) == (FieldDecision.REJECTED, FieldDelivery.WAITING)


def test_delivery_is_due_after_undo_window(settings):
    settings.UNDO_SECONDS = 10
    field = make_field()

    decision = approve(field.pk, by=rita(), seen=digest(field))

    delivery = Delivery.objects.get(target_id=field.record.target_id)
    decision.refresh_from_db()
    assert delivery.due_at == decision.due_at
    assert timedelta(seconds=9) < decision.due_at - decision.decided_at < timedelta(seconds=11)


def test_orphaned_decision_gets_delivery():
    decision = approve(make_field().pk, by=rita(), seen=digest(SyncField.objects.get()))
    Delivery.objects.all().delete()

    assert [deliveries.adopt_orphans() for _ in range(2)] == [1, 0]

    assert Delivery.objects.values_list("target_id", "due_at").get() == (decision.target_id, decision.due_at)


def test_fields_of_one_contact_share_delivery():
    record = make_record()
    fields = [make_field(record), make_field(record, "telephone1")]

    for field in fields:
        approve(field.pk, by=rita(), seen=digest(field))

    assert Delivery.objects.count() == 1


def test_delivery_is_recreated_when_closed_concurrently():
    record = make_record()
    first, second = make_field(record), make_field(record, "telephone1")
    approve(first.pk, by=rita(), seen=digest(first))

    with connection.execute_wrapper(close_delivery_after_check()):
        approve(second.pk, by=rita(), seen=digest(second))

    assert sorted(Delivery.objects.values_list("state", flat=True)) == [JobState.DONE, JobState.READY]


def close_delivery_after_check() -> Callable[..., Any]:
    """Close the open delivery after it prevented a second one and before its row is locked."""

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if "IGNORE INTO" in sql or "DO NOTHING" in sql:
            Delivery.objects.filter(pk__in=before).update(state=JobState.DONE)
        return done

    before = list(Delivery.objects.values_list("pk", flat=True))
    return wrapper


def test_decisions_of_one_submit_share_due_time():
    record = make_record()
    fields = [make_field(record, column) for column in ("jobtitle", "telephone1", "emailaddress1", "birthdate")]

    decide([Choice(field.pk, Outcome.APPROVED, digest(field)) for field in fields], by=rita())

    assert Decision.objects.values("due_at").distinct().count() == 1


def test_second_reviewer_learns_who_decided():
    field = make_field()
    as_rob_saw_it = digest(field)
    approve(field.pk, by=rita(), seen=as_rob_saw_it)

    with pytest.raises(AlreadyDecided, match="Approved by Rita"):
        reject(field.pk, by=rob(), seen=as_rob_saw_it)

    assert Decision.objects.count() == 1


def test_concurrently_changed_field_keeps_its_state():
    field = make_field()
    SyncField.objects.filter(pk=field.pk).update(revision=F("revision") + 1)

    with pytest.raises(AlreadyDecided):
        steps.move_field(field, decision=FieldDecision.REJECTED)

    assert SyncField.objects.get().decision == FieldDecision.PENDING


def test_stale_form_cannot_decide_changed_value():
    field = make_field()
    before = digest(field)
    SyncField.objects.filter(pk=field.pk).update(proposed_value="Somebody else's", version=2)

    with pytest.raises(ChangedMeanwhile):
        approve(field.pk, by=rita(), seen=before)

    assert axes(field) == (FieldDecision.PENDING, FieldDelivery.NONE)


def test_rereading_same_value_keeps_form_valid():
    field = make_field(original_value="Buyer")
    before = digest(field)
    SyncField.objects.filter(pk=field.pk).update(crm_now_value="Buyer", crm_now_read_at="2026-11-20T10:00Z")

    approve(field.pk, by=rita(), seen=before)


def test_own_edit_cannot_be_decided():
    editor = make_editor("Rita in the CRM", entra_id=rita().oid)
    field = make_field(make_record(editor=editor))

    with pytest.raises(OwnEdit):
        approve(field.pk, by=rita(), seen=digest(field))

    approve(field.pk, by=rob(), seen=digest(field))


def test_four_eyes_can_be_switched_off(settings):
    settings.FOUR_EYES = False
    editor = make_editor("Rita in the CRM", entra_id=rita().oid)
    field = make_field(make_record(editor=editor))

    assert approve(field.pk, by=rita(), seen=digest(field)).four_eyes is False


def test_unread_editor_blocks_decision():
    field = make_field(make_record(editor_id=uuid.uuid4()))

    with pytest.raises(EditorUnknown):
        approve(field.pk, by=rita(), seen=digest(field))


def test_database_refuses_decision_on_own_edit():
    field = make_field()
    decision = approve(field.pk, by=rita(), seen=digest(field))

    with pytest.raises(IntegrityError, match="nobody_decides_their_own_edit"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(editor_oid=rita().oid)


def test_database_refuses_second_live_decision():
    field = make_field()
    decision = approve(field.pk, by=rita(), seen=digest(field))
    decision.pk, decision.version = uuid.uuid4(), 2

    with pytest.raises(IntegrityError), transaction.atomic():
        decision.save(force_insert=True)


def test_correction_replaces_proposal():
    field = make_field()

    decision = approve(field.pk, by=rita(), seen=digest(field), is_corrected=True, corrected_value="Head, EMEA")

    assert (decision.value_to_write, decision.is_corrected) == ("Head, EMEA", True)


def test_invalid_correction_is_refused():
    store_columns()
    field = make_field()

    with pytest.raises(BadValue, match="100"):
        approve(field.pk, by=rita(), seen=digest(field), is_corrected=True, corrected_value="x" * 101)

    assert axes(field) == (FieldDecision.PENDING, FieldDelivery.NONE)


def test_refused_choice_does_not_block_other_choices():
    record = make_record()
    fine, taken = make_field(record), make_field(record, "telephone1")
    stale = digest(taken)
    approve(taken.pk, by=rob(), seen=stale)

    result = decide([Choice(fine.pk, "approved", digest(fine)), Choice(taken.pk, "rejected", stale)], by=rita())

    assert [decision.field_id for decision in result.taken] == [fine.pk]
    assert [(error.code, error.field.pk) for error in result.refused] == [("already_decided", taken.pk)]


def test_decision_is_audited_with_erasable_values():
    field = make_field(original_value="Buyer", proposed_value="Head")

    decision = approve(field.pk, by=rita(), seen=digest(field))

    entry = AuditEntry.objects.get(decision_id=decision.pk)
    assert (entry.action, entry.actor, entry.value.after) == ("field.review.approved", rita(), "Head")
    assert entry.after_digest
    assert "Head" not in str(entry.details)


def test_decision_updates_record_counts():
    field = make_field()

    approve(field.pk, by=rita(), seen=digest(field))

    field.record.refresh_from_db()
    assert (field.record.waiting_count, field.record.writing_count) == (0, 1)


def test_undo_returns_field_to_queue():
    field = make_field()
    decision = approve(field.pk, by=rita(), seen=digest(field))

    undo(decision.pk, by=rita())

    assert axes(field) == (FieldDecision.PENDING, FieldDelivery.NONE)
    approve(field.pk, by=rob(), seen=digest(SyncField.objects.get(pk=field.pk)))


def test_bound_decision_cannot_be_undone():
    field = make_field()
    decision = approve(field.pk, by=rita(), seen=digest(field))
    Decision.objects.filter(pk=decision.pk).update(state=DecisionState.BOUND, delivery=Delivery.objects.get())

    with pytest.raises(TooLate):
        undo(decision.pk, by=rita())


def test_only_decider_or_administrator_can_undo():
    field = make_field()
    decision = approve(field.pk, by=rita(), seen=digest(field))

    with pytest.raises(NotPossible):
        undo(decision.pk, by=rob())

    undo(decision.pk, by=ada())
    assert axes(field) == (FieldDecision.PENDING, FieldDelivery.NONE)


def test_put_back_expects_the_written_value():
    field = make_field(original_value="Buyer", proposed_value="Head")
    approve(field.pk, by=rita(), seen=digest(field))
    written(field)

    decision = put_back(field.pk, by=rob(), reason="It was right before")

    assert (decision.kind, decision.value_to_write, decision.expected_value) == (Kind.PUT_BACK, "Buyer", "Head")
    assert axes(field) == (FieldDecision.REJECTED, FieldDelivery.WAITING)


def test_unwritten_value_cannot_be_put_back():
    field = make_field()

    with pytest.raises(NotPossible):
        put_back(field.pk, by=rita(), reason="Too early")


def test_rejected_field_is_approved_after_all():
    field = make_field(original_value="Buyer", proposed_value="Head")
    reject(field.pk, by=rita(), seen=digest(field))
    written(field)

    decision = follow_ups.approve_after_all(field.pk, by=rob(), reason="She was right")

    assert (decision.value_to_write, decision.expected_value) == ("Head", "Buyer")
    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.WAITING)


def test_undoing_follow_up_restores_written_state():
    field = make_field()
    approve(field.pk, by=rita(), seen=digest(field))
    written(field)
    later = put_back(field.pk, by=rita(), reason="Hm")

    undo(later.pk, by=rita())

    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.DONE)


def test_undecided_field_cannot_be_retried():
    field = make_field()

    with pytest.raises(NotPossible):
        decisions.retry(field.pk, by=rita())


def test_edit_of_deleted_contact_can_only_be_rejected():
    field = make_field(contact_is_gone=True, delivery=FieldDelivery.CONFLICT)

    with pytest.raises(NotPossible):
        approve(field.pk, by=rita(), seen=digest(field))

    reject(field.pk, by=rita(), seen=digest(field))


def test_undone_approval_is_superseded_by_newer_edit():
    old = make_field()
    decision = approve(old.pk, by=rita(), seen=digest(old))
    make_newer_edit(old)

    undo(decision.pk, by=rita())

    assert axes(old) == (FieldDecision.SUPERSEDED, FieldDelivery.WAITING)
