"""Putting back what was restored, from a plan to the rows in the CRM; judged by the sandbox's ledger."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from pytest_django import Settings

from syncapp.capture.put_back import transitions
from syncapp.capture.put_back.assessment import SENTENCES, LeaveReason
from syncapp.capture.put_back.errors import NotPossible
from syncapp.models import AuditEntry, Breaker, PutBackItem, PutBackJob, PutBackPlan, Restore, SyncField, SyncRecord
from syncapp.models.capture.put_back import PutBackState
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from tests.capture.conftest import Company
from tests.capture.put_back_scene import DONE, Restored, planned, results, started, work
from tests.capture.staging_scene import stage
from tests.machine.failpoints import Failpoints
from tests.support.people import ada
from tests.support.world import World

pytestmark = pytest.mark.django_db

CUT = {"method": "PATCH", "table": "contact", "times": 1}
POINTS = ("put_back.claimed", "put_back.read", "put_back.stored", "put_back.finished")


@pytest.fixture(autouse=True)
def no_undo_window(settings: Settings) -> None:
    settings.UNDO_SECONDS = 0


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Failpoints:
    found = Failpoints()
    found.connect(monkeypatch)
    return found


def test_put_back_updates_value_and_edit_together(restored: Restored) -> None:
    revision = restored.value("osync_revision") or 0
    plan = started()

    work()

    assert (restored.value(), restored.written(), restored.flag()) == ("Pilot", ["Pilot"], False)
    assert restored.value("osync_revision") == revision + 1
    assert len({entry["transaction"] for entry in restored.world.ledger()}) == 1
    assert results(plan) == [DONE]
    assert Restore.objects.get().result == RestoreResult.PUT_BACK
    assert PutBackPlan.objects.get().state == PutBackState.DONE
    assert AuditEntry.objects.get(action="field.restore.put_back").field_id == restored.field.pk


def test_rejection_after_put_back_writes_original(restored: Restored) -> None:
    started()
    work()
    restored.world.pull()

    restored.world.decide(reject=(restored.field,))
    restored.world.deliver()

    assert (restored.value(), restored.written()) == ("Buyer", ["Pilot", "Buyer"])
    assert (restored.field.decision, restored.field.delivery) == (FieldDecision.REJECTED, FieldDelivery.DONE)


def test_approval_after_put_back_only_marks_field(restored: Restored) -> None:
    started()
    work()

    restored.world.decide(approve=(restored.field,))
    restored.world.deliver()

    assert restored.written() == ["Pilot"]
    assert (restored.field.decision, restored.field.delivery) == (FieldDecision.APPROVED, FieldDelivery.ALREADY)


def test_rejection_while_sending_writes_the_original(restored: Restored, points: Failpoints) -> None:
    started()
    points.arm("put_back.sent", lambda: restored.world.decide(reject=(restored.field,)) and None)

    work()
    restored.world.deliver()

    assert restored.value() == "Buyer"
    assert restored.field.decision == FieldDecision.REJECTED


def test_rejection_delivered_before_the_write_is_kept(world: World, points: Failpoints) -> None:
    scene = Restored(world, jobtitle="Pilot", department="Flight")
    plan = started(column="jobtitle")

    def reject() -> None:
        world.decide(reject=(SyncField.objects.get(column_name="jobtitle", record__target_id=scene.contact),))
        world.deliver()

    points.arm("put_back.sent", reject)

    work()

    assert (scene.written(), results(plan)) == ([], [("jobtitle", "left", "rejected")])


@pytest.mark.parametrize("is_approved", [True, False])
def test_decision_before_sending_is_respected(restored: Restored, points: Failpoints, is_approved: bool) -> None:
    plan = started()
    field = restored.field
    decide: Callable[[], object] = (
        (lambda: restored.world.decide(approve=(field,)))
        if is_approved
        else (lambda: restored.world.decide(reject=(field,)))
    )
    points.arm("put_back.read", lambda: decide() and None)

    work()

    assert restored.written() == []
    assert results(plan) == [("jobtitle", "left", "approved" if is_approved else "rejected")]
    assert SyncRecord.objects.get(pk=field.record_id).is_restored


@pytest.mark.parametrize(
    ("happen", "why"),
    [
        (lambda it: it.world.form(it.contact, jobtitle="Director"), LeaveReason.CHANGED),
        (lambda it: it.world.form(it.contact, jobtitle="Pilot"), LeaveReason.ALREADY),
        (lambda it: it.world.delete(it.contact), LeaveReason.CONTACT_GONE),
        (lambda it: it.world.decide(approve=(it.field,)), LeaveReason.APPROVED),
        (lambda it: it.world.decide(reject=(it.field,)), LeaveReason.REJECTED),
        (lambda it: it.edit(jobtitle="Captain", seconds_ago=-4000), LeaveReason.SUPERSEDED),
        (lambda it: SyncField.objects.update(decision=FieldDecision.WITHDRAWN), LeaveReason.WITHDRAWN),
        (lambda it: SyncField.objects.update(unreadable="no"), LeaveReason.UNREADABLE),
        (lambda it: SyncRecord.objects.update(is_stub=True), LeaveReason.NOT_READ_YET),
        (lambda it: Restore.objects.update(result=RestoreResult.PUT_BACK), LeaveReason.PUT_BACK),
    ],
    ids=lambda each: str(each) if isinstance(each, LeaveReason) else "",
)
@pytest.mark.parametrize("when", [pytest.param("before the plan", marks=pytest.mark.long), "after the preview"])
def test_column_is_left_alone_for_each_reason(
    restored: Restored, happen: Callable[[Restored], object], why: LeaveReason, when: str
) -> None:
    if when == "before the plan":
        happen(restored)
        plan = planned()
        assert results(plan) == [("jobtitle", "left", why)]
        with pytest.raises(NotPossible):
            transitions.start(plan.pk, by=ada())
    else:
        plan = started()
        happen(restored)
        work()
        assert results(plan) == [("jobtitle", "left", why)]
    assert restored.written() == []


def test_edit_decided_in_crm_is_left_alone(restored: Restored) -> None:
    plan = started()
    restored.world.decide_in_the_crm(restored.field, "rejected")

    work()

    assert (results(plan), restored.written()) == ([("jobtitle", "left", "rejected")], [])


def test_merged_contact_is_left_alone(restored: Restored) -> None:
    plan = started()
    restored.world.merge(restored.contact)

    work()

    assert (results(plan), restored.written()) == ([("jobtitle", "left", "contact_merged")], [])


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(LeaveReason)
    assert len(set(SENTENCES.values())) == len(LeaveReason)


def test_newest_of_two_edits_is_put_back(world: World) -> None:
    scene = Restored(world)
    scene.edit(jobtitle="Captain", seconds_ago=30)
    plan = started()

    work()

    assert (scene.written(), results(plan)) == (["Captain"], [DONE])


def test_part_of_an_edit_is_put_back(world: World) -> None:
    scene = Restored(world, jobtitle="Pilot", department="Flight")
    started(column="jobtitle")
    work()

    world.decide(reject=(SyncField.objects.get(column_name="department", record__target_id=scene.contact),))
    world.decide(approve=(SyncField.objects.get(column_name="jobtitle", record__target_id=scene.contact),))
    world.deliver()

    assert (scene.flag(), scene.value("jobtitle"), scene.value("department")) == (False, "Pilot", "Purchasing")
    assert scene.written("department") == []


def test_other_column_can_be_approved_after_putting_back(world: World) -> None:
    scene = Restored(world, jobtitle="Pilot", department="Flight")
    started(column="jobtitle")
    work()

    world.decide(approve=(SyncField.objects.get(column_name="department", record__target_id=scene.contact),))
    world.deliver()

    assert scene.written("department") == ["Flight"]


@pytest.mark.parametrize("cut", ["before_commit", "after_commit"])
def test_value_is_put_back_once_despite_lost_answer(restored: Restored, cut: str) -> None:
    plan = started()
    restored.world.faults({**CUT, "cut": cut})

    work()
    restored.world.heal()
    Breaker.objects.all().delete()
    work()

    assert (restored.value(), restored.written(), restored.flag()) == ("Pilot", ["Pilot"], False)
    assert results(plan) == [DONE]
    assert Restore.objects.get().result == RestoreResult.PUT_BACK


@pytest.mark.parametrize(
    "point", ["put_back.sent", "put_back.answered", *(pytest.param(each, marks=pytest.mark.long) for each in POINTS)]
)
def test_value_is_put_back_once_despite_power_cut(restored: Restored, points: Failpoints, point: str) -> None:
    plan = started()
    points.arm(point, points.cut_power)

    assert points.run(work)
    points.clear()
    work()
    work()

    assert (restored.value(), restored.written(), restored.flag()) == ("Pilot", ["Pilot"], False)
    assert results(plan) == [DONE]
    assert PutBackJob.objects.get().state == JobState.DONE
    assert PutBackPlan.objects.get().state == PutBackState.DONE
    assert AuditEntry.objects.filter(action="field.restore.put_back").count() == 1


def test_value_changed_after_failed_write_is_kept(restored: Restored) -> None:
    plan = started()
    restored.world.faults({**CUT, "cut": "before_commit"})
    work()
    restored.world.heal()
    restored.world.form(restored.contact, jobtitle="Director")
    Breaker.objects.all().delete()

    work()

    assert (restored.written(), results(plan)) == ([], [("jobtitle", "left", "changed")])
    field = restored.field
    assert (field.record.is_restored, field.expected_value) == (True, "Director")


def test_one_stale_write_repeats_the_comparison(restored: Restored) -> None:
    plan = started()
    restored.world.faults({"method": "PATCH", "table": "contact", "status": 412, "times": 1})

    work()

    assert (restored.written(), results(plan)) == (["Pilot"], [DONE])


def test_refused_value_does_not_stop_other_values(world: World) -> None:
    scene = Restored(world, jobtitle="Pilot", telephone1="1" * 200)
    plan = started()

    work()

    assert (scene.value("jobtitle"), scene.written("telephone1")) == ("Pilot", [])
    assert results(plan) == [DONE, ("telephone1", "failed", "")]
    assert "The CRM refused it" in PutBackItem.objects.get(result="failed").trouble
    phone = SyncField.objects.get(column_name="telephone1", record__target_id=scene.contact)
    assert phone.expected_value == "+47 55 10 20 30"


@pytest.mark.long
def test_value_put_back_is_not_restored_again(restoring: Company) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    restoring.outlook(contact, jobtitle="Pilot")
    stage(restoring)
    restoring.pull()
    time.sleep(1.1)  # within one second, the edit and its put-back could come in either order
    plan = started()
    work()
    assert (results(plan), restoring.value(contact, "jobtitle")) == ([DONE], "Pilot")

    stage(restoring)

    assert restoring.value(contact, "jobtitle") == "Pilot"
    restoring.outlook(contact, jobtitle="Captain")
    stage(restoring)
    assert restoring.value(contact, "jobtitle") == "Pilot", "the value that was put back is the new baseline"
    assert restoring.written(contact, "jobtitle") == [before, "Pilot", "Pilot"]
