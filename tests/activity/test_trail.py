"""What the operations put into the audit trail: enough to tell who did what to which field, and what became of it."""

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


def test_a_rejection_keeps_the_value_that_was_refused():
    field = make_field(original_value="Buyer", proposed_value="Head")

    reject(field.pk, by=rita(), seen=digest(field))

    entry = AuditEntry.objects.get(action="field.review.rejected")
    assert (entry.value.before, entry.value.after, entry.column_name) == ("Buyer", "Head", field.column_name)


def test_a_withdrawal_names_its_edit_and_field():
    field = make_field()

    withdraw(SyncField.objects.all(), why="gone")

    entry = AuditEntry.objects.get()
    assert (entry.record_id, entry.column_name, entry.area) == (field.record_id, field.column_name, Area.MIRROR)


def test_a_conflict_tells_what_was_expected_and_what_was_found(world: World):
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
def test_every_action_has_its_area(action, area):
    assert area_of(action) == audit.record(action, by=None, channel="system").area == area


def test_a_digest_is_made_with_a_key_of_its_own(settings):
    ours = audit.digest("+47 1")
    settings.SECRET_KEY = "another" * 10
    assert audit.digest("+47 1") == ours

    settings.AUDIT_KEY = "somebody else's"

    assert audit.digest("+47 1") not in (ours, hashlib.sha256(b"+47 1").hexdigest())
    assert (audit.digest(None), audit.digest("") != "") == ("", True)


def test_values_can_be_erased_and_the_entry_still_proves_which_they_were():
    audit.record("field.review.approved", by=None, channel="screen", before="old", after="new", reason="typo")
    sealed = audit.seal(AuditEntry.objects.get())

    AuditValue.objects.all().delete()

    left = AuditEntry.objects.get()
    assert (left.before_digest, left.after_digest) == (audit.digest("old"), audit.digest("new"))
    assert "typo" not in str(vars(left))
    assert audit.seal(left) == sealed
