"""The delivery job against the sandbox, whose ledger shows what was written."""

from __future__ import annotations

import pytest

from syncapp import preferences
from syncapp.jobs import queue
from syncapp.models import Decision, Delivery, Message, SyncField
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState
from syncapp.review import decisions, follow_ups
from syncapp.review.delivery.conflicts import Finding
from syncapp.review.delivery.results import MESSAGES
from tests.support.people import rita
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)

WRITES = {"method": "PATCH", "table": "contact"}


def axes(field: SyncField) -> tuple[str, str]:
    field.refresh_from_db()
    return field.decision, field.delivery


APPROVED = (FieldDecision.APPROVED, FieldDelivery.DONE)
REJECTED = (FieldDecision.REJECTED, FieldDelivery.DONE)
HANDED_BACK = (FieldDecision.PENDING, FieldDelivery.CONFLICT)


def test_one_submit_is_sent_as_one_change_set(world: World):
    fields = world.edited(jobtitle="Head", telephone1="+47 1")

    world.decide(approve=(fields["jobtitle"],), reject=(fields["telephone1"],))
    world.deliver()

    entries = world.ledger()
    assert len({entry["transaction"] for entry in entries}) == 1
    assert [entry["table"] for entry in entries] == [
        "contact",
        "osync_syncfield",
        "osync_syncfield",
        "osync_syncrecord",
    ]
    assert set(entries[0]["changes"]) == {"jobtitle", "osync_revision"}
    assert (axes(fields["jobtitle"]), axes(fields["telephone1"])) == (APPROVED, REJECTED)


def test_editor_is_notified_when_edit_is_complete(world: World):
    preferences.change(by=None, tell_editors=True)
    fields = world.edited(jobtitle="Head", telephone1="+47 1")
    world.decide(approve=(fields["jobtitle"],))
    world.deliver()
    assert not Message.objects.exists()

    world.decide(reject=(fields["telephone1"],))
    world.deliver()

    message = Message.objects.get()
    assert (message.kind, message.record_id) == ("outcome", fields["jobtitle"].record_id)
    assert message.address.startswith("jonas.weber@")


def test_our_write_is_not_staged_again(world: World):
    fields = world.edited(jobtitle="Head")
    world.decide(approve=(fields["jobtitle"],))
    world.deliver()

    assert len(world.rows("osync_syncfields")) == 1


def test_edit_stays_open_while_a_field_is_undecided(world: World):
    fields = world.edited(jobtitle="Head", telephone1="+47 1")

    world.decide(approve=(fields["jobtitle"],))
    world.deliver()

    assert world.ledger("osync_syncrecord") == []
    world.decide(reject=(fields["telephone1"],))
    world.deliver()
    assert [entry["changes"]["statecode"] for entry in world.ledger("osync_syncrecord")] == [[0, 1]]


def test_nothing_is_delivered_within_undo_window(world: World, settings):
    settings.UNDO_SECONDS = 60
    fields = world.edited(jobtitle="Head")
    world.decide(approve=(fields["jobtitle"],))

    assert world.deliver() == 0
    world.forward(61)
    assert world.deliver() == 1


def test_undone_decision_is_not_delivered(world: World, settings):
    settings.UNDO_SECONDS = 60
    fields = world.edited(jobtitle="Head")
    taken = world.decide(approve=(fields["jobtitle"],)).taken[0]
    decisions.undo(taken.pk, by=rita())

    world.forward()
    world.deliver()

    assert world.ledger() == []


def test_changed_value_conflicts_without_blocking_other_fields(world: World):
    contact = world.contact()
    fields = world.edited(jobtitle="Head", telephone1="+47 1")
    world.form(contact, jobtitle="Chief")

    world.decide(approve=tuple(fields.values()))
    world.deliver()

    assert (axes(fields["jobtitle"]), axes(fields["telephone1"])) == (HANDED_BACK, APPROVED)
    assert fields["jobtitle"].crm_now_value == "Chief"
    assert world.value(contact, "jobtitle") == "Chief"


def test_approving_again_resolves_conflict(world: World):
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.form(contact, jobtitle="Chief")
    world.decide(approve=(field,))
    world.deliver()
    field.refresh_from_db()

    world.decide(approve=(field,))
    world.deliver()

    assert axes(field) == APPROVED
    assert world.written(contact, "jobtitle") == ["Head"]


def test_approving_value_already_in_crm_only_marks_field(world: World):
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.form(contact, jobtitle="Head")

    world.decide(approve=(field,))
    world.deliver()

    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.ALREADY)
    assert world.ledger("contact") == []
    assert world.staged(field)["osync_decision"] == 410000001


@pytest.mark.parametrize("status", [412, 404], ids=["changed", "gone"])
def test_stale_rows_are_read_again(world: World, status: int):
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.faults({**WRITES, "status": status, "times": 1})

    world.decide(approve=(field,))
    world.deliver()

    assert axes(field) == APPROVED
    assert world.written(contact, "jobtitle") == ["Head"]


def test_constantly_changing_row_is_retried_later(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.faults({**WRITES, "status": 412, "times": 3})

    world.decide(approve=(field,))
    world.deliver()

    assert Delivery.objects.get().state == JobState.READY
    world.forward(31)
    world.deliver()
    assert axes(field) == APPROVED


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_lost_answer_is_verified_without_second_write(world: World, moment: str):
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.faults({**WRITES, "cut": moment, "times": 1})

    world.decide(approve=(field,))
    world.deliver()
    assert Delivery.objects.get().state == JobState.VERIFY
    world.forward(61)
    world.deliver()

    assert axes(field) == APPROVED
    assert world.written(contact, "jobtitle") == ["Head"]
    assert len(world.ledger("osync_syncfield")) == 1


def test_unknown_outcome_survives_throttling_pause(world: World):
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    world.faults({**WRITES, "cut": "after_commit", "times": 1})
    world.deliver()
    world.faults({"method": "GET", "status": 429, "retry_after": 300, "times": 1})
    world.forward(61)
    world.deliver()

    assert Delivery.objects.get().state == JobState.VERIFY
    world.forward(301)
    world.deliver()
    assert axes(field) == APPROVED
    assert world.written(contact, "jobtitle") == ["Head"]


def test_written_decision_is_done_despite_later_change(world: World):
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.faults({**WRITES, "cut": "after_commit", "times": 1})
    world.decide(approve=(field,))
    world.deliver()
    world.form(contact, jobtitle="Something later")

    world.forward(61)
    world.deliver()

    assert axes(field) == APPROVED
    assert world.value(contact, "jobtitle") == "Something later"


def test_refused_value_does_not_stop_other_fields(world: World):
    contact = world.contact()
    fields = world.edited(jobtitle="Head", telephone1="+47 1")
    world.decide(approve=(fields["jobtitle"],), reject=())
    world.decide(approve=(fields["telephone1"],))
    Decision.objects.filter(field=fields["telephone1"]).update(value_to_write="9" * 500)

    world.deliver()

    assert axes(fields["jobtitle"]) == APPROVED
    assert axes(fields["telephone1"]) == (FieldDecision.APPROVED, FieldDelivery.FAILED)
    assert fields["telephone1"].trouble.startswith("The CRM refused it:")
    assert world.written(contact, "jobtitle") == ["Head"]


def test_deleted_contact_causes_conflict_and_is_not_recreated(world: World):
    contact = world.contact()
    fields = world.edited(jobtitle="Head", telephone1="+47 1")
    world.decide(approve=(fields["jobtitle"],))
    world.delete(contact)

    world.deliver()

    assert axes(fields["jobtitle"]) == HANDED_BACK
    assert fields["jobtitle"].contact_is_gone
    assert str(contact) not in {row["contactid"] for row in world.rows("contacts")}


def test_decision_made_in_crm_is_kept(world: World):
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    world.decide_in_the_crm(field)

    world.deliver()

    assert axes(field) == (FieldDecision.WITHDRAWN, FieldDelivery.NONE)
    assert world.written(contact, "jobtitle") == []


def test_failure_after_last_attempt_can_be_retried(world: World, settings):
    settings.ATTEMPTS = 1
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.faults({**WRITES, "cut": "before_commit", "times": 1})
    world.decide(approve=(field,))
    world.deliver()
    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.FAILED)
    assert "It is not known whether it was written" in field.trouble

    decisions.retry(field.pk, by=rita())
    world.deliver()

    assert axes(field) == APPROVED
    assert world.written(contact, "jobtitle") == ["Head"]


def test_repeatedly_dying_workers_use_up_attempts(world: World, settings):
    settings.ATTEMPTS = 2
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    for _ in range(2):
        assert queue.claim(Delivery, Delivery.objects.get().pk)
        world.forward()
        queue.sweep(Delivery)
    world.forward()

    world.deliver()

    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.FAILED)
    assert field.trouble == "The work was interrupted 2 times."
    assert (Delivery.objects.get().state, world.ledger("contact")) == (JobState.FAILED, [])


def test_rejection_reports_that_failed_approval_was_written(world: World, settings):
    settings.ATTEMPTS = 1
    world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.faults({**WRITES, "cut": "after_commit", "times": 1})
    world.decide(approve=(field,))
    world.deliver()
    approval = Decision.objects.get()
    assert (approval.state, axes(field)) == (DecisionState.FAILED, (FieldDecision.APPROVED, FieldDelivery.FAILED))

    world.decide(reject=(field,))
    world.deliver()

    approval.refresh_from_db()
    assert (approval.state, axes(field)) == (DecisionState.WRITTEN, HANDED_BACK)
    assert (field.crm_now_value, field.trouble) == ("Head", MESSAGES[Finding.WRITTEN_BEFORE])
    world.decide(reject=(field,))
    world.deliver()
    assert axes(field) == REJECTED


def test_value_put_back_can_be_approved_after_all(world: World):
    contact = world.contact()
    before = world.value(contact, "jobtitle")
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    world.deliver()

    follow_ups.put_back(field.pk, by=rita(), reason="It was right")
    world.deliver()
    assert (axes(field), world.value(contact, "jobtitle")) == (REJECTED, before)

    follow_ups.approve_after_all(field.pk, by=rita(), reason="No, it was not")
    world.deliver()
    assert (axes(field), world.value(contact, "jobtitle")) == (APPROVED, "Head")


def test_approving_after_all_keeps_later_change(world: World):
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    world.deliver()
    follow_ups.put_back(field.pk, by=rita(), reason="It was right")
    world.deliver()
    world.form(contact, jobtitle="Director")

    follow_ups.approve_after_all(field.pk, by=rita(), reason="No, it was not")
    world.deliver()
    assert world.value(contact, "jobtitle") == "Director"
    assert axes(field) == HANDED_BACK


def test_superseded_edit_is_marked_in_crm(world: World):
    old = world.edited(jobtitle="Head")["jobtitle"]
    newer = world.edited(jobtitle="Chief")["jobtitle"]

    world.deliver()

    assert axes(old) == (FieldDecision.SUPERSEDED, FieldDelivery.DONE)
    assert world.staged(old)["osync_decision"] == 410000003
    assert axes(newer) == (FieldDecision.PENDING, FieldDelivery.NONE)


def test_delivery_continues_after_undo_window_of_later_decision(world: World, settings):
    fields = world.edited(jobtitle="Head", telephone1="+47 1")
    world.decide(approve=(fields["jobtitle"],))
    settings.UNDO_SECONDS = 60
    world.decide(approve=(fields["telephone1"],))

    world.deliver()
    assert Decision.objects.get(field=fields["telephone1"]).state == DecisionState.OPEN
    assert Delivery.objects.get().state == JobState.READY, "the same delivery continues, without the safety net"
    world.forward(61)
    world.deliver()

    assert [axes(field) for field in fields.values()] == [APPROVED, APPROVED]


def test_mirror_recognizes_our_own_marks(world: World):
    fields = world.edited(jobtitle="Head", telephone1="+47 1")
    world.decide(approve=(fields["jobtitle"],), reject=(fields["telephone1"],))
    world.deliver()

    assert world.pull().withdrawn == 0
    assert (axes(fields["jobtitle"]), axes(fields["telephone1"])) == (APPROVED, REJECTED)
