"""Bulk decisions with live values of the CRM, against the sandbox."""

from __future__ import annotations

import pytest

from syncapp import tasks
from syncapp.connection import clients
from syncapp.jobs import breakers
from syncapp.models import Breaker, Decision, Selection, SelectionRun, SyncField, SyncRecord
from syncapp.models.jobs.job import JobState
from syncapp.models.review.decision import Outcome
from syncapp.review.bulk import selections
from syncapp.review.bulk.selections import BulkDecision
from syncapp.review.errors import NotPossible
from syncapp.review.queue.criteria import NO_CRITERIA, Tab
from tests.support.people import rita
from tests.support.world import World

APPROVE = BulkDecision(Outcome.APPROVED)


def selected() -> Selection:
    return selections.select_all(tab=Tab.WAITING, criteria=NO_CRITERIA, query="", person=rita())


def read(selection: Selection) -> bool:
    ids = list(selection.items.values_list("field__record_id", flat=True))
    return selections.refresh_live_values(selection, ids, crm=clients.crm())


def results(selection: Selection) -> dict[str, str]:
    return dict(selection.items.values_list("field__record__name", "result"))


def two_edits(world: World) -> tuple[SyncField, SyncField]:
    return world.edited(0, jobtitle="Head")["jobtitle"], world.edited(1, jobtitle="Head")["jobtitle"]


def left_to_workers(monkeypatch: pytest.MonkeyPatch) -> SelectionRun:
    monkeypatch.setattr(selections, "MAX_IN_REQUEST", 0)
    return selections.start(selected(), APPROVE, number=None, by=rita())


def test_reading_omits_field_with_newer_value(world: World):
    changed, fine = two_edits(world)
    selection = selected()
    world.form(world.contact(0), jobtitle="Chief")

    assert read(selection)
    selections.start(selection, APPROVE, number=None, by=rita())

    assert results(selection) == {changed.record.name: "omitted", fine.record.name: "taken"}
    assert (selection.fields, selection.contacts) == (1, 1)
    world.forward()
    world.deliver()
    assert (world.value(world.contact(0), "jobtitle"), world.value(world.contact(1), "jobtitle")) == ("Chief", "Head")


def test_number_to_confirm_counts_only_remaining_fields(world: World, monkeypatch: pytest.MonkeyPatch):
    two_edits(world)
    monkeypatch.setattr(selections, "MAX_SHOWN", 0)
    selection = selected()
    world.form(world.contact(0), jobtitle="Chief")
    read(Selection.objects.get())

    with pytest.raises(NotPossible, match="Type 1"):
        selections.start(selection, APPROVE, number=2, by=rita())

    selections.start(selection, APPROVE, number=1, by=rita())
    assert Decision.objects.count() == 1


def test_selection_with_no_remaining_fields_is_refused(world: World):
    world.edited(jobtitle="Head")
    selection = selected()
    world.form(world.contact(), jobtitle="Chief")
    read(selection)

    with pytest.raises(NotPossible, match="Open each contact"):
        selections.start(selection, APPROVE, number=None, by=rita())


def test_edit_of_inactive_contact_is_decided_after_reading(world: World):
    world.edited(jobtitle="Head")
    selection = selected()
    world.form(world.contact(), statecode=1)
    read(selection)

    selections.start(selection, APPROVE, number=None, by=rita())

    assert Decision.objects.get().field.contact_state == "inactive"


def test_reading_does_not_accept_a_changed_proposal(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    selection = selected()
    SyncField.objects.filter(pk=field.pk).update(proposed_value="Other")
    read(selection)

    selections.start(selection, APPROVE, number=None, by=rita())

    assert list(results(selection).values()) == ["refused"]


def test_unavailable_crm_leaves_selection_unchanged(world: World):
    two_edits(world)
    selection = selected()
    world.faults({"status": 503, "times": 50})

    assert not read(selection)

    assert set(results(selection).values()) == {"open"}
    world.heal()


def test_open_breaker_prevents_reading(world: World, caplog: pytest.LogCaptureFixture):
    two_edits(world)
    selection = selected()
    breakers.trip(Breaker.Name.CRM_UNREACHABLE, reason="silent", probe_in=None)
    caplog.set_level("INFO", logger="syncapp.crm.transport")
    caplog.clear()

    assert not read(selection)
    assert "$batch" not in caplog.text


def test_25_contacts_are_read_in_one_request(
    world: World, caplog: pytest.LogCaptureFixture, django_assert_max_num_queries
):
    world.reset(contacts=25)
    for number in range(25):
        world.outlook(world.contact(number), jobtitle="Head")
    world.pull()
    selection = selected()
    assert selection.contacts == 25
    caplog.set_level("INFO", logger="syncapp.crm.transport")
    caplog.clear()

    with django_assert_max_num_queries(20):
        assert read(selection)

    assert sum("POST $batch" in record.getMessage() for record in caplog.records) == 1
    assert not SyncField.objects.filter(crm_now_read_at=None).exists()


def test_two_edits_of_one_contact_are_compared_separately(world: World):
    fields = [world.edited(jobtitle="Head")["jobtitle"], world.edited(telephone1="+47 1")["telephone1"]]
    world.form(world.contact(), telephone1="+47 9")
    selection = selected()

    read(selection)

    kept = dict(selection.items.values_list("field_id", "result"))
    assert kept == {fields[0].pk: "open", fields[1].pk: "omitted"}


def test_worker_refuses_field_with_newer_value(world: World, monkeypatch: pytest.MonkeyPatch):
    changed, fine = two_edits(world)
    run = left_to_workers(monkeypatch)
    world.form(world.contact(0), jobtitle="Chief")

    tasks.decide_selection(str(run.pk))

    assert results(run.selection) == {changed.record.name: "refused", fine.record.name: "taken"}
    assert "changed" in run.selection.items.get(result="refused").why


def test_worker_reads_contacts_in_one_batch(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    two_edits(world)
    run = left_to_workers(monkeypatch)
    clients.verified_client()
    caplog.set_level("INFO", logger="syncapp.crm.transport")
    caplog.clear()

    tasks.decide_selection(str(run.pk))

    assert sum("POST $batch" in record.getMessage() for record in caplog.records) == 1
    assert SyncRecord.objects.count() == Decision.objects.count() == 2


def test_worker_decides_despite_unavailable_crm(world: World, monkeypatch: pytest.MonkeyPatch):
    two_edits(world)
    run = left_to_workers(monkeypatch)
    clients.verified_client()
    world.faults({"status": 503, "times": 50})

    tasks.decide_selection(str(run.pk))

    run.refresh_from_db()
    assert (run.state, Decision.objects.count()) == (JobState.DONE, 2)
