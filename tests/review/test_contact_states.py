"""Inactive and merged contacts: named on the page, and written only if the reviewer saw that state."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.db import transaction

from syncapp.connection import clients
from syncapp.crm.staging.records import Column, ColumnType, ContactState, DeliverySnapshot, LiveContact, StagedField
from syncapp.mirror.edits.live_values import refresh_record
from syncapp.models import SyncField
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.review.context import digest
from syncapp.review.delivery import conflicts
from syncapp.review.delivery.conflicts import Finding
from tests.support import scenes
from tests.support.factories import make_field
from tests.support.people import browser, rita
from tests.support.screen import Screen, opened
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)
TITLE = Column("contact", "jobtitle", "Job Title", ColumnType.TEXT)


def test_contact_deactivated_before_write_causes_conflict(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    world.form(world.contact(), statecode=1)

    world.deliver()

    field.refresh_from_db()
    assert (field.decision, field.delivery) == (FieldDecision.PENDING, FieldDelivery.CONFLICT)
    assert "deactivated" in field.trouble
    assert world.written(world.contact(), "jobtitle") == []


def test_approval_given_for_inactive_contact_is_written(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.form(world.contact(), statecode=1)
    before = digest(field)
    refresh_record(field.record, crm=clients.crm())
    field.refresh_from_db()
    assert digest(field) != before, "a form that did not show the state is no longer valid"

    world.decide(approve=(field,))
    world.deliver()

    field.refresh_from_db()
    assert (field.decision, field.delivery) == (FieldDecision.APPROVED, FieldDelivery.DONE)


def test_page_says_contact_is_inactive(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    client = browser(rita())
    assert "Inactive in the CRM" not in opened(client, field.record).words
    world.form(world.contact(), statecode=1)

    headers = {"HX-Request": "true", "HX-Target": "crm-now"}
    read = client.post(f"/review/{field.record_id}/read-again", headers=headers)

    assert read["HX-Retarget"] == "#record"
    assert "Inactive in the CRM" in Screen(read).words
    assert "Inactive in the CRM" in opened(client, field.record).words


@pytest.mark.parametrize(
    ("known", "finding"), [("", Finding.MERGED), ("inactive", Finding.MERGED), ("merged", Finding.WRITE)]
)
def test_approval_is_written_only_if_merge_was_known(known, finding):
    with transaction.atomic():  # making a field counts its edit's fields under a lock
        field = make_field(contact_state=known)
    decision = scenes.approved(field, by=rita())

    (assessment,) = conflicts.assess([decision], view_of(field), columns={"jobtitle": TITLE}, own={})

    assert assessment.finding is finding


def view_of(field: SyncField) -> DeliverySnapshot:
    values = {"jobtitle": "Buyer", "statecode": "1", "masterid": f"contact:{uuid.uuid4()}"}
    labels = {"masterid": "Marta Villanueva-Holt"}
    contact = LiveContact(field.record.contact, 'W/"1"', 1, values, labels, datetime.now(UTC))
    assert (contact.state, contact.merged_into) == (ContactState.MERGED, "Marta Villanueva-Holt")
    staged = StagedField(
        id=field.pk, record_id=field.record_id, column="jobtitle", original="Buyer", proposed="Head", original_label="",
        proposed_label="", decision=410000000, decision_id="", applied=None, decided_by="", decided_on=None, reason="",
        state=0, version=1, etag='W/"1"',
    )  # fmt: skip
    return DeliverySnapshot(contact=contact, fields={field.pk: staged}, records={})
