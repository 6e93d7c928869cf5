"""Audit entries that operations write."""

from __future__ import annotations

import hashlib

import pytest

from syncapp import audit
from syncapp.mirror.edits.rows import withdraw
from syncapp.models import AuditEntry, AuditValue, SyncField
from syncapp.models.audit import Area, area_of
from syncapp.review.context import digest
from syncapp.review.decisions import reject
from tests.support.factories import make_field
from tests.support.people import rita
from tests.support.world import World

pytestmark = pytest.mark.django_db


def test_rejection_keeps_the_rejected_value():
    field = make_field(original_value="Buyer", proposed_value="Head")

    reject(field.pk, by=rita(), seen=digest(field))

    entry = AuditEntry.objects.get(action="field.review.rejected")
    assert (entry.value.before, entry.value.after, entry.column_name) == ("Buyer", "Head", field.column_name)


def test_withdrawal_names_edit_and_field():
    field = make_field()

    withdraw(SyncField.objects.all(), why="gone")

    entry = AuditEntry.objects.get()
    assert (entry.record_id, entry.column_name, entry.area) == (field.record_id, field.column_name, Area.MIRROR)


def test_conflict_records_expected_and_found_values(world: World):
    contact = world.contact()
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.form(contact, jobtitle="Chief")
    world.decide(approve=(field,))

    world.deliver()

    value = AuditEntry.objects.get(action="field.delivery.conflict").value
    assert (value.before, value.after) == (field.original_value, "Chief")


@pytest.mark.parametrize(
    ("action", "area"),
    [
        ("field.review.approved", Area.DECISION),
        ("field.delivery.written", Area.DELIVERY),
        ("person.signed_in", Area.SIGN_IN),
        ("record.assigned", Area.TEAM),
        ("something.new", Area.SETTING),
    ],
)
def test_every_action_has_an_area(action, area):
    assert area_of(action) == audit.record(action, by=None, channel="system").area == area


def test_digest_uses_its_own_key(settings):
    ours = audit.digest("+47 1")
    settings.SECRET_KEY = "another" * 10
    assert audit.digest("+47 1") == ours

    settings.AUDIT_KEY = "somebody else's"

    assert audit.digest("+47 1") not in (ours, hashlib.sha256(b"+47 1").hexdigest())
    assert (audit.digest(None), audit.digest("") != "") == ("", True)


def test_digest_identifies_erased_values():
    audit.record("field.review.approved", by=None, channel="screen", before="old", after="new", reason="typo")
    sealed = audit.seal(AuditEntry.objects.get())

    AuditValue.objects.all().delete()

    left = AuditEntry.objects.get()
    assert (left.before_digest, left.after_digest) == (audit.digest("old"), audit.digest("new"))
    assert "typo" not in str(vars(left))
    assert audit.seal(left) == sealed
