"""Storing pages of the CRM's rows: stubs, updates, skipped rows, withdrawals."""

from __future__ import annotations

import dataclasses

import pytest

from syncapp.mirror.edits.rows import store_fields, store_records
from syncapp.mirror.edits.supersede import supersede
from syncapp.models import AuditEntry, Decision, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState
from syncapp.review.context import digest
from syncapp.review.decisions import approve
from tests.mirror.staged import EDITOR, a_field, a_record, store
from tests.support.factories import make_editor
from tests.support.people import rita

pytestmark = pytest.mark.django_db


def approved(field) -> Decision:
    make_editor(pk=EDITOR)
    row = SyncField.objects.get(pk=field.id)
    return approve(row.pk, by=rita(), seen=digest(row))


def decision_of(field) -> str:
    return SyncField.objects.get(pk=field.id).decision


def test_field_read_before_edit_creates_hidden_stub():
    store_fields([a_field()], generation=0)
    SyncRecord.objects.recount(SyncRecord.objects.values_list("pk", flat=True))

    assert SyncRecord.objects.get().is_stub
    assert not SyncRecord.objects.waiting().exists()


def test_stub_is_shown_when_edit_arrives():
    record = a_record()

    store(record, a_field(record))

    assert [row.name for row in SyncRecord.objects.waiting()] == ["Marta Villanueva"]


def test_storing_page_twice_changes_nothing():
    record = a_record()
    field = a_field(record)

    store(record, field)
    store(record, field)

    assert (SyncRecord.objects.count(), SyncField.objects.count()) == (1, 1)
    assert SyncRecord.objects.get().waiting_count == 1


def test_rows_decided_before_first_read_are_skipped():
    record = a_record(state=1)

    store_fields([a_field(record, state=1)], generation=0)
    store_records([record], generation=0)

    assert not SyncField.objects.exists()
    assert not SyncRecord.objects.exists()


def test_field_decided_in_crm_is_withdrawn_with_reason():
    record = a_record()
    field = a_field(record)
    store(record, field)

    store_fields([dataclasses.replace(field, state=1, decision=410000002, version=2)], generation=0)

    assert decision_of(field) == FieldDecision.WITHDRAWN
    assert AuditEntry.objects.get(action="field.withdrawn").details == {"why": "decided_in_the_crm"}


def test_field_with_own_mark_is_not_withdrawn():
    record = a_record()
    field = a_field(record)
    store(record, field)
    ours = approved(field)
    fail_after_lost_answer()

    store_fields([dataclasses.replace(field, state=1, decision_id=str(ours.pk).upper(), version=2)], generation=0)

    assert SyncField.objects.values_list("decision", "delivery").get() == (FieldDecision.APPROVED, FieldDelivery.FAILED)


def fail_after_lost_answer() -> None:
    """Mark all decisions as failed, as after a lost answer."""
    Decision.objects.update(state=DecisionState.FAILED)
    SyncField.objects.update(delivery=FieldDelivery.FAILED)


def test_our_mark_does_not_make_edit_newer():
    older, newer = a_record(), a_record()
    first, second = a_field(older, version=1), a_field(newer, version=2)
    store(older, first)
    store(newer, second)
    ours = Decision.objects.get()

    store_fields([dataclasses.replace(first, state=1, decision_id=str(ours.pk), version=9)], generation=0)

    assert supersede([older.id]) == []
    assert (decision_of(first), decision_of(second)) == (FieldDecision.SUPERSEDED, FieldDecision.PENDING)


def test_field_in_delivery_is_not_withdrawn():
    record = a_record()
    field = a_field(record)
    store(record, field)
    approved(field)

    store_fields([dataclasses.replace(field, state=1, version=2)], generation=0)

    assert decision_of(field) == FieldDecision.APPROVED


def test_reopened_field_waits_again():
    record = a_record()
    field = a_field(record)
    store(record, field)
    store_fields([dataclasses.replace(field, state=1, version=2)], generation=0)

    store_fields([dataclasses.replace(field, state=0, version=3)], generation=0)

    assert decision_of(field) == FieldDecision.PENDING


def test_mirror_writes_only_crm_columns():
    record = a_record()
    field = a_field(record)
    store(record, field)
    SyncField.objects.update(trouble="ours", contact_is_gone=True, crm_now_value="ours")

    store_fields([dataclasses.replace(field, proposed="Chief", version=2)], generation=0)

    row = SyncField.objects.get()
    assert (row.proposed_value, row.trouble, row.contact_is_gone, row.crm_now_value) == ("Chief", "ours", True, "ours")
