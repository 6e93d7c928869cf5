"""Conflict detection against a fresh view of the CRM, case by case."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncapp.crm.staging.records import Column, ColumnType, DeliverySnapshot, LiveContact, StagedField, StagedRecord
from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.review.delivery import change_sets
from syncapp.review.delivery.conflicts import Finding, OwnDecisions, assess

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RECORD, CONTACT = uuid.uuid4(), uuid.uuid4()
COLUMNS = {name: Column("contact", name, name, ColumnType.TEXT) for name in ("jobtitle", "telephone1")}


def a_decision(column: str = "jobtitle", **columns: object) -> Decision:
    field = SyncField(id=uuid.uuid4(), record=SyncRecord(id=RECORD), column_name=column)
    defaults = {"outcome": "approved", "writes": True, "expected_value": "Buyer", "value_to_write": "Head"}
    return Decision(field=field, decided_at=NOON, **{**defaults, **columns})


def staged(decision: Decision, **columns: object) -> StagedField:
    defaults = {
        "id": decision.field_id,
        "record_id": RECORD,
        "column": decision.field.column_name,
        "original": "Buyer",
        "proposed": "Head",
        "original_label": "",
        "proposed_label": "",
        "decision": 410000000,
        "decision_id": "",
        "applied": None,
        "decided_by": "",
        "decided_on": None,
        "reason": "",
        "state": 0,
        "version": 1,
        "etag": 'W/"1"',
    }
    return StagedField(**{**defaults, **columns})


def view(*rows: StagedField, gone: bool = False, **values: str | None) -> DeliverySnapshot:
    contact = LiveContact(CONTACT, 'W/"7"', 4, values, {}, NOON)
    record = StagedRecord(RECORD, "", CONTACT, "contact", CONTACT, None, "", NOON, "", 0, 1, 'W/"2"')
    return DeliverySnapshot(None if gone else contact, {row.id: row for row in rows}, {RECORD: record})


def finding(decision: Decision, seen: DeliverySnapshot, own: OwnDecisions = OwnDecisions()) -> Finding:  # noqa: B008  (frozen)
    return assess([decision], seen, columns=COLUMNS, own={decision.field_id: own})[0].finding


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ("Buyer", Finding.WRITE),
        ("Head", Finding.ALREADY),
        ("Chief", Finding.CONFLICT),
        (None, Finding.CONFLICT),
    ],
)
def test_approval_is_written_only_over_expected_value(held, expected):
    decision = a_decision()

    assert finding(decision, view(staged(decision), jobtitle=held)) == expected


def test_row_with_our_decision_is_recognized():
    decision = a_decision()
    marked = staged(decision, decision_id=str(decision.pk), state=1)

    assert finding(decision, view(marked, jobtitle="Something later")) == Finding.OURS


def test_row_decided_in_crm_withdraws_decision():
    decision = a_decision()

    assert finding(decision, view(staged(decision, state=1), jobtitle="Buyer")) == Finding.ELSEWHERE


def test_row_with_our_earlier_decision_can_be_rewritten():
    decision, earlier = a_decision(), str(uuid.uuid4())
    marked = staged(decision, decision_id=earlier, state=1)

    assert finding(decision, view(marked, jobtitle="Buyer"), OwnDecisions(frozenset({earlier}))) == Finding.WRITE


def test_rejection_needs_no_contact():
    decision = a_decision(outcome="rejected", writes=False)

    assert finding(decision, view(staged(decision), gone=True)) == Finding.MARK


@pytest.mark.parametrize(
    ("held", "unproven", "expected"),
    [
        ("Head", True, Finding.WRITTEN_BEFORE),
        ("Head", False, Finding.MARK),  # known to be written, so the reviewer saw it
        ("Buyer", True, Finding.MARK),  # the value was changed back since
    ],
)
def test_rejection_detects_write_by_unconfirmed_approval(held, unproven, expected):
    decision, earlier = a_decision(outcome="rejected", writes=False), str(uuid.uuid4())
    own = OwnDecisions(frozenset({earlier}), frozenset({earlier} if unproven else ()))

    assert finding(decision, view(staged(decision, decision_id=earlier, state=1), jobtitle=held), own) == expected


def test_approval_detects_deleted_contact():
    decision = a_decision()

    assert finding(decision, view(staged(decision), gone=True)) == Finding.CONTACT_GONE


def test_deleted_staging_row_withdraws_decision():
    assert finding(a_decision(), view(jobtitle="Buyer")) == Finding.ROW_GONE


def test_change_set_holds_approved_columns_and_revision():
    approved, rejected = a_decision(), a_decision("telephone1", outcome="rejected", writes=False)
    seen = view(staged(approved), staged(rejected), jobtitle="Buyer", telephone1="1")
    assessments = assess([approved, rejected], seen, columns=COLUMNS, own={})

    sent = change_sets.build(assessments, seen)

    assert [(column.name, value) for column, value in sent.contact.values] == [("jobtitle", "Head")]
    assert (sent.contact.revision, sent.contact.etag) == (5, 'W/"7"')
    assert [mark.decision for mark in sent.marks] == [410000001, 410000002]


def test_edit_is_closed_with_its_last_field():
    first, last = a_decision(), a_decision("telephone1", outcome="rejected", writes=False)
    seen = view(staged(first), staged(last), jobtitle="Buyer", telephone1="1")

    alone = change_sets.build(assess([first], seen, columns=COLUMNS, own={}), seen)
    both = change_sets.build(assess([first, last], seen, columns=COLUMNS, own={}), seen)

    assert alone.closes == ()
    assert [close.record_id for close in both.closes] == [RECORD]


def test_conflict_does_not_stop_other_fields():
    conflict, fine = a_decision(), a_decision("telephone1", outcome="rejected", writes=False)
    seen = view(staged(conflict), staged(fine), jobtitle="Chief", telephone1="1")

    sent = change_sets.build(assess([conflict, fine], seen, columns=COLUMNS, own={}), seen)

    assert sent.contact is None
    assert [mark.field_id for mark in sent.marks] == [fine.field_id]
    assert sent.closes == ()


def test_no_change_set_when_nothing_to_send():
    conflict = a_decision()
    seen = view(staged(conflict), jobtitle="Chief")

    assert change_sets.build(assess([conflict], seen, columns=COLUMNS, own={}), seen) is None


def test_unreadable_row_prevents_writing_but_not_marking():
    decision = a_decision()
    row = staged(decision, problem="The CRM's value of osync_proposedvalue holds a NUL.")

    assert finding(decision, view(row, jobtitle="Buyer")) == Finding.UNREADABLE
    assert finding(a_decision(writes=False), view(row)) == Finding.ROW_GONE
    mark = a_decision(writes=False)
    assert finding(mark, view(staged(mark, problem=row.problem))) == Finding.MARK
    assert finding(mark, view(staged(mark, problem=row.problem, etag=""))) == Finding.UNREADABLE


def test_unreadable_value_is_not_treated_as_empty():
    decision = a_decision(expected_value=None)
    seen = view(staged(decision))
    unreadable = replace(seen.contact, problems={"jobtitle": "The CRM's value of contact.jobtitle holds a NUL."})

    assessment = assess([decision], replace(seen, contact=unreadable), columns=COLUMNS, own={})[0]

    assert (assessment.finding, "holds a NUL" in assessment.failure) == (Finding.UNREADABLE, True)


def test_record_without_version_is_not_closed():
    decision = a_decision()
    seen = view(staged(decision), jobtitle="Buyer")
    records = {key: replace(row, etag="", problem="x") for key, row in seen.records.items()}
    assessments = assess([decision], replace(seen, records=records), columns=COLUMNS, own={})

    change_set = change_sets.build(assessments, replace(seen, records=records))

    assert change_set is not None
    assert (len(change_set.marks), change_set.closes) == (1, ())
