"""Decisions written after the last backup, which the CRM's rows prove after a restore."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from syncapp.connection import clients
from syncapp.crm.errors import CrmError
from syncapp.mirror import cursors
from syncapp.mirror.edits import pull
from syncapp.models import AuditEntry, Decision, MirrorCursor, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind
from syncapp.review import decisions, follow_ups
from tests.support import backup
from tests.support.people import rita
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)

Seen = tuple[str, str]
APPROVED = (FieldDecision.APPROVED, FieldDelivery.DONE)
REJECTED = (FieldDecision.REJECTED, FieldDelivery.DONE)
WITHDRAWN = (FieldDecision.WITHDRAWN, FieldDelivery.NONE)


def state_of(field: SyncField) -> Seen:
    row = SyncField.objects.get(pk=field.pk)
    return row.decision, row.delivery


def write(world: World, *approve: SyncField, reject: tuple[SyncField, ...] = ()) -> None:
    """Approve the field and deliver it to the CRM."""
    world.decide(approve=approve, reject=reject)
    world.forward()
    world.deliver()


def test_decision_after_backup_is_recognized(world: World, tmp_path: Path):
    fields = world.edited(jobtitle="Head", telephone1="0123")
    kept = backup.back_up(tmp_path)
    write(world, fields["jobtitle"], reject=(fields["telephone1"],))
    before = {each.pk: each for each in Decision.objects.all()}
    backup.restore(kept)

    world.pull()

    assert state_of(fields["jobtitle"]) == APPROVED
    assert state_of(fields["telephone1"]) == REJECTED
    for decision in Decision.objects.all():
        assert (decision.state, decision.decider) == (DecisionState.WRITTEN, "Rita")
        assert decision.decided_at == before[decision.pk].decided_at.replace(microsecond=0)
        assert decision.value_to_write == before[decision.pk].value_to_write
        assert decision.reason == before[decision.pk].reason
    assert len(Decision.objects.all()) == len(before) == 2
    assert not AuditEntry.objects.filter(action="field.withdrawn").exists()


def test_decision_on_edit_staged_after_backup_is_recognized(world: World, tmp_path: Path):
    world.pull()
    kept = backup.back_up(tmp_path)
    field = world.edited(jobtitle="Head")["jobtitle"]
    write(world, field)
    backup.restore(kept)
    assert not SyncField.objects.exists()

    world.pull()

    assert state_of(field) == APPROVED
    record = SyncRecord.objects.decided().get()
    assert (record.name, record.waiting_count, record.writing_count) == (field.record.name, 0, 0)
    decision = Decision.objects.get()
    assert (decision.value_to_write, decision.target_id) == ("Head", record.target_id)


def test_full_read_into_empty_database_recognizes_decision(world: World, tmp_path: Path):
    kept = backup.back_up(tmp_path)
    field = world.edited(jobtitle="Head")["jobtitle"]
    write(world, field)
    world.decide_in_the_crm(world.edited(1, jobtitle="Chief")["jobtitle"])
    backup.restore(kept)

    world.pull()

    assert [each.pk for each in SyncField.objects.all()] == [field.pk]
    assert state_of(field) == APPROVED


def test_rereading_recognizes_nothing_twice(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    write(world, field)
    backup.restore(kept)
    world.pull()
    revision = SyncField.objects.get().revision

    for table in (pull.FIELDS, pull.RECORDS):
        cursors.request_full_read(table)
    world.pull()

    assert Decision.objects.count() == AuditEntry.objects.filter(action="field.recognized.approved").count() == 1
    assert SyncField.objects.get().revision == revision


def test_audit_entry_names_decider_and_times(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    write(world, field)
    decided_on = Decision.objects.get().decided_at.replace(microsecond=0)
    backup.restore(kept)

    world.pull()

    entry = AuditEntry.objects.get(action="field.recognized.approved")
    decision = Decision.objects.get()
    assert (entry.actor, entry.channel, entry.decision_id) == (None, "mirror", decision.pk)
    assert datetime.fromisoformat(entry.details["decided_on"]) == decision.decided_at == decided_on
    assert decision.recognized_by == "Rita"
    assert decision.recognized_at is not None
    assert decision.recognized_at >= decided_on
    assert (entry.value.before, entry.value.after) == (field.original_value, "Head")


def test_decision_in_crm_is_not_recognized(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    world.decide_in_the_crm(field)
    backup.restore(kept)

    world.pull()

    assert state_of(field) == WITHDRAWN


def test_copied_mark_is_not_recognized(world: World):
    field, other = world.edited(jobtitle="Head")["jobtitle"], world.edited(1, jobtitle="Chief")["jobtitle"]
    write(world, field)
    world.copy_mark(field, other, user="Jonas Weber")

    world.pull()

    assert state_of(other) == WITHDRAWN
    assert Decision.objects.count() == 1


def test_mark_with_unknown_id_is_not_recognized(world: World):
    field, other = world.edited(jobtitle="Head")["jobtitle"], world.edited(1, jobtitle="Chief")["jobtitle"]
    write(world, field)
    world.copy_mark(field, other, user="Jonas Weber", osync_decisionid="5f0c1b9e-0000-4000-8000-000000000001")

    world.pull()

    assert state_of(other) == WITHDRAWN
    assert Decision.objects.count() == 1


def test_decision_withdrawn_by_earlier_release_is_recognized(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    write(world, field)
    backup.restore(kept)
    SyncField.objects.update(decision=FieldDecision.WITHDRAWN)

    world.pull()

    assert state_of(field) == APPROVED


def test_put_back_after_backup_is_recognized(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    write(world, field)
    kept = backup.back_up(tmp_path)
    follow_ups.put_back(field.pk, by=rita(), reason="Wrong person")
    world.forward()
    world.deliver()
    backup.restore(kept)

    world.pull()

    assert state_of(field) == REJECTED
    newest = Decision.objects.order_by("-version")[0]
    assert (newest.kind, newest.value_to_write, newest.expected_value) == (Kind.PUT_BACK, field.original_value, "Head")


def test_decisions_after_backup_during_pull_are_recognized(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pull, "PAGE_SIZE", 1)
    world.pull()
    for number in range(3):
        world.outlook(world.contact(number), jobtitle=f"Head {number}")
    world.pull(seconds=0)
    assert MirrorCursor.objects.get(table=pull.FIELDS).next_link
    kept = backup.back_up(tmp_path)
    world.pull()
    fields = list(SyncField.objects.all())
    write(world, *fields)
    backup.restore(kept)

    world.pull()

    assert {state_of(field) for field in fields} == {APPROVED}
    assert SyncRecord.objects.decided().count() == 3


def test_full_read_after_expired_link_recognizes_decision(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    write(world, field)
    backup.restore(kept)
    world.expire(delta_tokens=True)

    world.pull()

    assert state_of(field) == APPROVED
    assert not AuditEntry.objects.filter(action="field.withdrawn").exists()


def test_delta_link_from_earlier_release_causes_full_read(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    cursor = MirrorCursor.objects.get(table=pull.FIELDS)
    cursor.delta_link = cursor.delta_link.replace("_modifiedby_value,_modifiedonbehalfby_value,", "")
    assert "modifiedby" not in cursor.delta_link
    cursor.save()
    kept = backup.back_up(tmp_path)
    write(world, field)
    backup.restore(kept)

    world.pull()

    assert state_of(field) == APPROVED
    assert MirrorCursor.objects.get(table=pull.FIELDS).generation == cursor.generation + 1


def test_decision_replaced_after_backup_is_not_delivered(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    open_one = world.decide(approve=(field,)).taken[0]
    kept = backup.back_up(tmp_path)
    decisions.undo(open_one.pk, by=rita())
    field.refresh_from_db()
    write(world, reject=(field,))
    backup.restore(kept)

    world.pull()
    world.forward()
    world.deliver()

    assert state_of(field) == REJECTED
    states = dict(Decision.objects.values_list("outcome", "state"))
    assert states == {"approved": DecisionState.WITHDRAWN, "rejected": DecisionState.WRITTEN}
    assert world.written(field.record.contact, "jobtitle") == []
    assert AuditEntry.objects.get(action="field.recognized.rejected").channel == "worker"


def test_delivery_written_after_backup_is_not_repeated(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    kept = backup.back_up(tmp_path)
    world.forward()
    world.deliver()
    world.form(field.record.contact, jobtitle="Changed in the CRM since")
    backup.restore(kept)

    world.pull()
    world.forward()
    world.deliver()

    assert state_of(field) == APPROVED
    assert Decision.objects.get().decided_by == rita()
    assert world.written(field.record.contact, "jobtitle") == ["Head"]


def test_retry_written_after_backup_is_recognized(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.faults({"method": "PATCH", "table": "contact", "status": 400})
    write(world, field)
    world.heal()
    assert state_of(field) == (FieldDecision.APPROVED, FieldDelivery.FAILED)
    kept = backup.back_up(tmp_path)
    decisions.retry(field.pk, by=rita())
    world.forward()
    world.deliver()
    backup.restore(kept)

    world.pull()

    assert state_of(field) == APPROVED
    assert Decision.objects.get().state == DecisionState.WRITTEN
    assert SyncField.objects.get().trouble == ""
    assert not SyncRecord.objects.needing_attention().exists()
    entry = AuditEntry.objects.filter(action="field.delivery.written").latest("id")
    assert (entry.channel, entry.details["finding"]) == ("mirror", "found_later")


def test_superseding_after_backup_is_recognized(world: World, tmp_path: Path):
    older = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    newer = world.edited(jobtitle="Chief")["jobtitle"]
    world.deliver()
    backup.restore(kept)

    world.pull()

    assert state_of(older) == (FieldDecision.SUPERSEDED, FieldDelivery.DONE)
    assert state_of(newer) == (FieldDecision.PENDING, FieldDelivery.NONE)
    world.deliver()
    marked = [entry for entry in world.ledger("osync_syncfield") if entry["id"] == str(older.pk)]
    assert len(marked) == 1


def test_recognized_approval_can_be_put_back(world: World, tmp_path: Path):
    world.pull()
    kept = backup.back_up(tmp_path)
    field = world.edited(jobtitle="Head")["jobtitle"]
    write(world, field)
    backup.restore(kept)
    world.pull()

    follow_ups.put_back(field.pk, by=rita(), reason="Wrong person")
    world.forward()
    world.deliver()

    assert state_of(field) == REJECTED
    assert world.written(SyncRecord.objects.get().contact, "jobtitle") == ["Head", field.original_value]


def test_read_without_own_user_stores_nothing(world: World, tmp_path: Path):
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    write(world, field)
    backup.restore(kept)
    for client in (clients.crm, clients.verified_client):
        client.cache_clear()
    world.faults({"method": "GET", "path": "WhoAmI", "status": 403})

    with pytest.raises(CrmError):
        world.pull()

    assert state_of(field) == (FieldDecision.PENDING, FieldDelivery.NONE)
    world.heal()
    world.pull()
    assert state_of(field) == APPROVED
