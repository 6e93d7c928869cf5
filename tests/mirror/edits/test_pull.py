"""The pull against the real sandbox: full reads, deltas, interruptions, expired links, deletions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp import preferences
from syncapp.jobs import queue
from syncapp.mirror import cursors
from syncapp.mirror.edits import arrivals, pull
from syncapp.models import Arrival, CrmColumn, CrmUser, MirrorCursor, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.review import notification_rules
from tests.support.people import rita
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def waiting() -> int:
    return SyncField.objects.filter(decision=FieldDecision.PENDING).count()


def test_first_pull_reads_edits_labels_and_editors(world: World):
    world.reset(users=10, contacts=20, pending=12)

    pulled = world.pull()

    assert pulled.finished
    assert SyncRecord.objects.waiting().count() == 12
    assert CrmUser.objects.exclude(name="").exists()
    assert CrmColumn.objects.filter(table="contact", name="jobtitle").exclude(label="").exists()


@pytest.mark.parametrize(("pending", "is_backlog"), [(11, False), (12, True)])
def test_large_first_pull_starts_backlog(world: World, monkeypatch, pending, is_backlog):
    monkeypatch.setattr(arrivals, "MIN_BACKLOG", 12)
    world.reset(users=10, contacts=20, pending=pending)
    rita()

    world.pull()

    assert (notification_rules.notify_new_edits(), preferences.read().backlog) == (0, is_backlog)
    assert notification_rules.send_reminders() == (0 if is_backlog else 1), (
        "edits of six days are overdue unless they are a backlog"
    )
    preferences.change(by=None, backlog=False)
    world.outlook(world.contact(), jobtitle="Head")
    world.pull()
    assert notification_rules.notify_new_edits() == 1
    assert Arrival.objects.get().record.target_id == world.contact(), "edits of the first pull are no news"


def test_next_pull_reads_only_changes(world: World):
    world.reset(contacts=20, pending=12)
    world.pull()
    world.outlook(world.contact(), jobtitle="Head")

    pulled = world.pull()

    assert (pulled.fields, pulled.records) == (1, 1)


def test_new_column_is_read_with_next_pull(world: World):
    world.pull()
    label = {"LocalizedLabels": [{"Label": "Badge", "LanguageCode": 1033}]}
    column = {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_Badge"}
    world.define("contact", {**column, "DisplayName": label, "MaxLength": 30})

    world.pull()

    assert CrmColumn.objects.get(name="new_badge").label == "Badge"


def test_unknown_column_rereads_only_old_definitions(world: World):
    world.pull()
    CrmColumn.objects.filter(name="jobtitle").delete()

    world.edited(jobtitle="Head")
    assert not CrmColumn.objects.filter(name="jobtitle").exists()
    CrmColumn.objects.update(read_at=timezone.now() - timedelta(minutes=2))
    world.edited(jobtitle="Pilot")

    assert CrmColumn.objects.filter(name="jobtitle").exists()


def test_idle_pull_changes_nothing(world: World):
    world.reset(contacts=20, pending=12)
    world.pull()

    pulled = world.pull()

    assert (pulled.fields, pulled.records, pulled.withdrawn) == (0, 0, 0)


def test_next_pull_continues_after_time_limit(world: World, monkeypatch):
    monkeypatch.setattr(pull, "PAGE_SIZE", 5)
    world.reset(contacts=20, pending=12)

    first = world.pull(seconds=0)
    assert (first.finished, first.pages) == (False, 1)
    while not world.pull(seconds=0).finished:
        pass

    assert SyncRecord.objects.waiting().count() == 12
    assert waiting() == SyncField.objects.count()


def test_page_is_read_again_after_crash(world: World, monkeypatch):
    world.reset(contacts=20, pending=12)
    with monkeypatch.context() as crash:
        crash.setattr(pull.cursors, "advance", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            world.pull()
    assert not SyncRecord.objects.visible().exists()

    world.pull()

    assert (SyncRecord.objects.waiting().count(), waiting()) == (12, SyncField.objects.count())


def _power_cut(*args: object, **columns: object) -> None:
    raise KeyboardInterrupt


def test_expired_link_causes_full_read(world: World):
    world.reset(contacts=20, pending=12)
    world.pull()
    world.expire(delta_tokens=True)
    world.outlook(world.contact(), jobtitle="Head")

    pulled = world.pull()

    assert pulled.finished
    assert pulled.fields == SyncField.objects.count()
    assert MirrorCursor.objects.get(table=pull.FIELDS).generation == 1


def test_changed_crm_address_causes_full_read(world: World):
    world.edited(jobtitle="Head")
    MirrorCursor.objects.update(delta_link="https://former.crm4.dynamics.com/api/data/v9.2/x?$deltatoken=1")
    world.outlook(world.contact(), telephone1="+47 1")

    pulled = world.pull()

    assert pulled.finished
    assert SyncField.objects.filter(column_name="telephone1").exists()


def test_full_read_withdraws_deleted_rows(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.expire(delta_tokens=True)
    SyncField.objects.create(id=world.contact(1), record=field.record, column_name="telephone1")

    world.pull()

    assert SyncField.objects.get(column_name="telephone1").decision == FieldDecision.WITHDRAWN
    field.refresh_from_db()
    assert field.decision == FieldDecision.PENDING


def test_nightly_full_read_repairs_missed_changes(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    SyncField.objects.all().delete()

    for table in (pull.FIELDS, pull.RECORDS):
        assert cursors.request_full_read(table)
    world.pull()

    assert SyncField.objects.filter(pk=field.pk).exists()


def test_row_decided_in_crm_leaves_queue(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide_in_the_crm(field)

    world.pull()

    field.refresh_from_db()
    assert field.decision == FieldDecision.WITHDRAWN
    assert not SyncRecord.objects.waiting().exists()


def test_newer_edit_supersedes_older(world: World):
    old = world.edited(jobtitle="Head")["jobtitle"]

    newer = world.edited(jobtitle="Chief")["jobtitle"]

    old.refresh_from_db()
    assert (old.decision, newer.decision) == (FieldDecision.SUPERSEDED, FieldDecision.PENDING)


def test_only_one_puller_reads_table(world: World):
    world.edited(jobtitle="Head")
    reader = cursors.acquire(pull.FIELDS)

    assert world.pull().busy

    cursors.release(reader)
    assert world.pull().finished


def test_puller_without_lease_stores_nothing(world: World, monkeypatch):
    world.reset(contacts=20, pending=12)
    original = pull.cursors.current

    def overtaken(reader: cursors.TableLease) -> MirrorCursor:
        MirrorCursor.objects.filter(table=reader.table).update(fencing_token=reader.fencing_token + 1)
        return original(reader)

    monkeypatch.setattr(pull.cursors, "current", overtaken)

    with pytest.raises(queue.LostLease):
        world.pull()
    assert not SyncField.objects.exists()


def test_late_puller_does_not_release_new_lease(world: World):
    late = cursors.acquire(pull.FIELDS)
    MirrorCursor.objects.update(lease_until="2026-01-01T00:00Z")
    assert cursors.acquire(pull.FIELDS) is not None

    cursors.release(late)

    assert cursors.acquire(pull.FIELDS) is None


def test_fields_of_edit_may_span_pages(world: World, monkeypatch):
    monkeypatch.setattr(pull, "PAGE_SIZE", 1)
    contact = world.contact()
    world.outlook(contact, jobtitle="Head", telephone1="+47 1", department="Sales")

    world.pull()

    assert SyncRecord.objects.waiting().get().waiting_count == 3
