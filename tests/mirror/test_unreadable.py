"""Unreadable rows of the CRM: each is set aside and shown, and the other rows arrive."""

from __future__ import annotations

import uuid

import pytest
from django.db import transaction

from syncapp import health, preferences
from syncapp.crm.staging.records import Unreadable
from syncapp.mirror import unreadable
from syncapp.mirror.edits.rows import store_fields
from syncapp.models import Message, SyncField, SyncRecord, UnreadableRow
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.notifications import alerts
from syncapp.review.errors import NotPossible
from syncapp.review.rules import runs
from tests.mirror.staged import a_field, a_record, store
from tests.support.people import browser, rita
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)

NUL = "The CRM's value of osync_proposedvalue holds a NUL character (U+0000)."


def test_edit_with_nul_does_not_block_other_edits(world: World):
    world.outlook(world.contact(0), jobtitle="a\u0000b")
    world.outlook(world.contact(1), jobtitle="Head")

    pulled = world.pull()

    assert pulled.finished
    assert SyncField.objects.get(proposed_value="Head").record.waiting_count == 1
    bad = SyncField.objects.exclude(unreadable="").get()
    assert (bad.unreadable, bad.column_name, bad.proposed_value) == (NUL, "jobtitle", None)
    assert (bad.record.waiting_count, bad.record.attention_count) == (0, 1)


def test_unreadable_change_cannot_be_decided(world: World):
    bad = world.edited(jobtitle="a\u0000b")["jobtitle"]

    decided = world.decide(approve=(bad,))
    rejected = world.decide(reject=(bad,))
    runs.run()

    assert [type(each) for each in (*decided.refused, *rejected.refused)] == [NotPossible, NotPossible]
    assert not bad.decisions.exists()


def test_row_leaves_list_once_it_is_readable(world: World):
    bad = world.edited(jobtitle="a\u0000b")["jobtitle"]
    assert UnreadableRow.objects.get().row_id == str(bad.pk)

    store(a_record(id=bad.record_id), a_field(id=bad.pk, record_id=bad.record_id, proposed="ab", version=9))

    bad.refresh_from_db()
    assert (bad.unreadable, bad.proposed_value, bad.record.waiting_count) == ("", "ab", 1)
    assert not UnreadableRow.objects.exists()


def test_newer_edit_supersedes_the_unreadable_one(world: World):
    bad = world.edited(jobtitle="a\u0000b")["jobtitle"]

    good = world.edited(jobtitle="Head")["jobtitle"]
    world.forward()
    world.deliver()
    world.pull()

    bad.refresh_from_db()
    assert (bad.decision, good.decision) == (FieldDecision.SUPERSEDED, FieldDecision.PENDING)
    assert world.staged(bad)["osync_decision"] == 410000003
    assert not UnreadableRow.objects.exists(), "the row is no longer needed"


def test_unreadable_edit_supersedes_nothing(world: World):
    good = world.edited(jobtitle="Head")["jobtitle"]

    world.edited(jobtitle="a\u0000b")

    good.refresh_from_db()
    assert good.decision == FieldDecision.PENDING


def test_unreadable_row_decided_in_crm_leaves_list(world: World):
    bad = world.edited(jobtitle="a\u0000b")["jobtitle"]
    world.decide_in_the_crm(bad)

    world.pull()

    bad.refresh_from_db()
    assert bad.decision == FieldDecision.WITHDRAWN
    assert not UnreadableRow.objects.exists()


def test_edit_without_contact_is_shown_as_unreadable():
    record = a_record(contact_id=None, target_id=None, problem="The row does not say which contact was edited.")

    store(record, a_field(record))

    edit = SyncRecord.objects.needing_attention().get()
    assert (edit.unreadable, edit.is_stub) == (record.problem, False)


def test_row_that_becomes_unreadable_keeps_earlier_values():
    record = a_record()
    field = a_field(record)
    store(record, field)

    store(a_record(id=record.id, name="", problem=NUL), a_field(id=field.id, record_id=record.id, problem=NUL))

    row = SyncField.objects.get()
    assert (row.proposed_value, row.unreadable, row.record.name) == ("Head", NUL, "Marta Villanueva")
    assert row.record.unreadable == NUL


@pytest.mark.parametrize(
    ("of", "value"),
    [("column", "x" * 129), ("decision", 2**31), ("decision_id", "x" * 101), ("state", 2**15)],
)
def test_too_large_value_sets_row_aside(of, value):
    record = a_record()
    bad, good = a_field(record, **{of: value}), a_field(record, column="telephone1")

    store(record, bad, good)

    assert SyncField.objects.get(pk=good.id).unreadable == ""
    held = SyncField.objects.filter(pk=bad.id).first()
    assert held is None if of == "state" else held.unreadable


def test_edit_with_too_long_name_is_set_aside():
    record = a_record(name="x" * 401)

    store(record, a_field(record))

    assert "longer than 400" in SyncRecord.objects.get().unreadable


@transaction.atomic
def test_field_without_edit_is_listed_as_unreadable():
    store_fields([a_field(record_id=None, problem=NUL)], generation=0)

    assert UnreadableRow.objects.get().problem == NUL
    assert not SyncField.objects.exists()


def test_unreadable_row_alerts_operators_but_health_stays_ok(world: World):
    preferences.change(by=None, operations_address="ops@contoso.example")
    world.edited(jobtitle="a\u0000b")
    UnreadableRow.objects.update(first_seen_at="2026-11-01T00:00Z")

    alerts.queue_alerts()

    mail = Message.objects.filter(details__code="unreadable").get()
    assert "1 row of the CRM cannot be read" in mail.details["text"]
    examined = health.check_health()
    assert (examined.unreadable_rows, "pull" in examined.failing) == (1, False)


def test_unreadable_row_is_registered_once():
    found = [Unreadable(str(uuid.uuid4()), NUL)] * 2

    unreadable.register(unreadable.Kind.EDIT, found)
    unreadable.register(unreadable.Kind.EDIT, found)

    assert UnreadableRow.objects.count() == 1


def test_unreadable_proposal_is_not_shown_as_cleared(world: World):
    bad = world.edited(jobtitle="a\u0000b")["jobtitle"]

    page = browser(rita()).get(f"/review/{bad.record_id}/?tab=attention").content.decode()

    assert bad.change_kind == "other"
    assert "Job Title (cleared)" not in page
    assert "(cannot be read)" in browser(rita()).get(f"/review/{bad.record_id}/history").content.decode()
