"""Bulk decisions: exactly the selected, unchanged fields, each once, even if a worker dies."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.jobs import queue
from syncapp.mirror.edits.supersede import supersede
from syncapp.models import AuditEntry, Decision, Person, Selection, SelectionRun, SyncField
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import Outcome
from syncapp.review import decisions
from syncapp.review.bulk import selections
from syncapp.review.bulk.selections import BulkDecision
from syncapp.review.errors import NotPossible
from syncapp.review.queue.criteria import NO_CRITERIA, Criteria, Tab
from tests.support.factories import make_editor, make_field, make_newer_edit, make_record, store_columns
from tests.support.people import rita, rob

pytestmark = pytest.mark.django_db
APPROVE, REJECT = BulkDecision(Outcome.APPROVED), BulkDecision(Outcome.REJECTED, "not_correct", "Wrong person.")


def selected(by: Criteria = NO_CRITERIA, *, person: Person | None = None) -> Selection:
    return selections.select_all(tab=Tab.WAITING, criteria=by, query="", person=person or rita())


def fields_of(selection: Selection) -> list[SyncField]:
    return [item.field for item in selection.items.select_related("field").order_by("position")]


def results(selection: Selection) -> list[str]:
    return list(selection.items.order_by("position").values_list("result", flat=True))


def many(count: int) -> list[SyncField]:
    return [make_field(make_record(f"Person {number:03}")) for number in range(count)]


def test_all_matching_fields_are_approved():
    phone = make_field(make_record(), "telephone1", change_kind=ChangeKind.FORMAT)
    other = make_field(phone.record, "jobtitle")
    selection = selected(Criteria(kind=ChangeKind.FORMAT))

    selections.start(selection, APPROVE, number=None, by=rita())

    decision = Decision.objects.get()
    assert (decision.field_id, decision.outcome, decision.decided_by) == (phone.pk, Outcome.APPROVED, rita())
    assert AuditEntry.objects.filter(group=selection.pk, field_id=phone.pk, channel="selection").exists()
    other.refresh_from_db()
    assert other.decision == FieldDecision.PENDING


def test_rejection_stores_reason_with_each_field():
    many(3)

    selections.start(selected(), REJECT, number=None, by=rita())

    kept = {(each.reason_code, each.reason, each.outcome) for each in Decision.objects.all()}
    assert kept == {("not_correct", "Wrong person.", "rejected")}


def test_edits_arriving_after_selecting_are_not_decided():
    many(2)
    selection = selected()
    late = make_field(make_record("Late"))

    selections.start(selection, APPROVE, number=None, by=rita())

    late.refresh_from_db()
    assert late.decision == FieldDecision.PENDING
    assert Decision.objects.count() == 2


@pytest.mark.parametrize("changed", [True, False])
def test_field_changed_after_selecting_is_refused(changed):
    field = many(1)[0]
    selection = selected()
    if changed:
        SyncField.objects.filter(pk=field.pk).update(proposed_value="Somebody Else")

    selections.start(selection, APPROVE, number=None, by=rita())

    item = selection.items.get()
    assert (item.result, "changed while" in item.why) == (("refused", True) if changed else ("taken", False))


def test_field_decided_by_colleague_is_refused():
    first, second = many(2)
    selection = selected()
    decisions.approve(first.pk, by=rob(), seen=decisions.context.digest(first))

    selections.start(selection, REJECT, number=None, by=rita())

    assert [item.why for item in selection.items.filter(result="refused")] == [
        "Approved by Rob in the meantime; your decision was not saved."
    ]
    second.refresh_from_db()
    assert second.decision == FieldDecision.REJECTED


def test_conflicts_and_own_edits_are_omitted_and_counted():
    fine = many(1)[0]
    make_field(make_record("Clash"), delivery=FieldDelivery.CONFLICT)
    own_editor = make_editor("Rita herself", entra_id=rita().oid)
    make_field(make_record("Own", editor=own_editor))

    selection = selections.select_rows(
        SyncField.objects.values_list("record_id", flat=True), criteria=NO_CRITERIA, query="", person=rita()
    )

    assert fields_of(selection) == [fine]
    assert (selection.conflicts, selection.own_edits) == (1, 1)


def is_changed_in_crm(field: SyncField, value: str = "Chief") -> None:
    SyncField.objects.filter(pk=field.pk).update(crm_now_value=value, crm_now_read_at=timezone.now())


@pytest.mark.parametrize("decision", [APPROVE, REJECT])
def test_field_with_newer_live_value_is_omitted(decision):
    changed, fine = many(2)
    is_changed_in_crm(changed)

    selection = selected()
    selections.start(selection, decision, number=None, by=rita())

    assert [decision.field for decision in Decision.objects.all()] == [fine]
    assert (selection.fields, selection.contacts) == (1, 1)
    assert dict(selection.items.values_list("result", "concerns")) == {"omitted": "changed", "taken": ""}


def test_field_with_equivalent_live_value_is_selected():
    store_columns(Column("contact", "creditlimit", "Credit Limit", ColumnType.MONEY))
    field = make_field(make_record(), "creditlimit", original_value="1000", proposed_value="2000")
    is_changed_in_crm(field, "1000.00")

    assert fields_of(selected()) == [field]


def test_selection_is_refused_if_all_values_changed():
    is_changed_in_crm(many(1)[0])

    with pytest.raises(NotPossible, match="changed in the CRM"):
        selected()


def test_examples_include_all_fields_with_warnings(monkeypatch):
    monkeypatch.setattr(selections, "MAX_SHOWN", 5)
    many(20)
    hidden = make_field(make_record("Zoe"), proposed_value="Head\u200b of Sales")
    mixed = make_field(make_record("Zora"), proposed_value="S\u0430les")

    selection = selected()

    found = dict(selection.items.exclude(concerns="").values_list("field_id", "concerns"))
    assert found == {hidden.pk: "hidden", mixed.pk: "mixed"}
    examples = set(selection.items.filter(is_example=True).values_list("field_id", flat=True))
    assert (len(examples), {hidden.pk, mixed.pk} <= examples) == (7, True)


def test_superseded_field_is_refused():
    field = many(1)[0]
    selection = selected()
    supersede([make_newer_edit(field).record_id])

    selections.start(selection, APPROVE, number=None, by=rita())

    assert results(selection) == ["refused"]


@pytest.mark.parametrize(("number", "taken"), [(None, 0), (5, 0), (6, 6)])
def test_long_selection_requires_typed_number(monkeypatch, number, taken):
    monkeypatch.setattr(selections, "MAX_SHOWN", 5)
    many(6)
    selection = selected()

    with nullcontext() if taken else pytest.raises(NotPossible, match="Type 6"):
        selections.start(selection, APPROVE, number=number, by=rita())

    assert Decision.objects.count() == taken
    assert selection.items.filter(is_example=True).count() == 5


def test_only_owner_decides_selection_and_only_once():
    many(1)
    selection = selected()
    with pytest.raises(NotPossible):
        selections.start(selection, APPROVE, number=None, by=rob())
    selections.start(selection, APPROVE, number=None, by=rita())

    with pytest.raises(NotPossible, match="already been decided"):
        selections.start(selection, REJECT, number=None, by=rita())

    assert Decision.objects.get().outcome == Outcome.APPROVED


def test_long_selection_is_decided_by_worker(monkeypatch):
    monkeypatch.setattr(selections, "MAX_IN_REQUEST", 1)
    many(4)
    selection = selected()
    run = selections.start(selection, APPROVE, number=None, by=rita())
    assert Decision.objects.count() == 0

    selections.work(run.pk, seconds=0)  # time for one contact
    assert results(selection).count("taken") == 1
    while SelectionRun.objects.get().state != JobState.DONE:
        selections.work(run.pk, seconds=60)

    assert results(selection) == ["taken"] * 4
    assert Decision.objects.count() == 4


def test_worker_without_lease_decides_nothing(monkeypatch):
    monkeypatch.setattr(selections, "MAX_IN_REQUEST", 0)
    many(1)
    selection = selected()
    run = selections.start(selection, APPROVE, number=None, by=rita())
    asleep = queue.claim(SelectionRun, run.pk)
    SelectionRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    queue.sweep(SelectionRun)

    with pytest.raises(queue.LostLease):
        selections._decide(asleep, SelectionRun.objects.get(), list(selection.items.select_related("field")))
    assert Decision.objects.count() == 0

    selections.work(run.pk, seconds=60)
    assert Decision.objects.count() == 1


def test_former_reviewer_decides_nothing(monkeypatch):
    monkeypatch.setattr(selections, "MAX_IN_REQUEST", 0)
    many(1)
    selection = selected()
    run = selections.start(selection, APPROVE, number=None, by=rita())
    Person.objects.update(is_reviewer=False)

    selections.work(run.pk, seconds=60)

    assert results(selection) == ["refused"]
    assert Decision.objects.count() == 0


def test_undo_key_ignores_bulk_decisions():
    make_field()
    selections.start(selected(), APPROVE, number=None, by=rita())

    with pytest.raises(NotPossible, match="nothing to undo"):
        decisions.last_submit(rita())


def test_bulk_undo_returns_undelivered_fields_to_queue():
    fields = many(3)
    selection = selected()
    selections.start(selection, APPROVE, number=None, by=rita())

    assert selections.undo(selection, by=rita()) == (3, 0)

    fields[0].refresh_from_db()
    assert fields[0].decision == FieldDecision.PENDING


def test_refused_fields_can_be_selected_again():
    field = many(1)[0]
    selection = selected()
    SyncField.objects.filter(pk=field.pk).update(proposed_value="Another")
    selections.start(selection, APPROVE, number=None, by=rita())

    again = selections.select_refused(selection, person=rita())
    selections.start(again, APPROVE, number=None, by=rita())

    assert Decision.objects.get().value_to_write == "Another"


def test_empty_selection_is_refused():
    with pytest.raises(NotPossible, match="None of these"):
        selected()
