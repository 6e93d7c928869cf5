"""Edits staged by capture without restoring the original: approval keeps the value, rejection writes the original."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from syncapp.connection import clients
from syncapp.crm.staging.records import UNKNOWN_ORIGINAL, ChangeSet, NewField, NewRecord
from syncapp.models import SyncField
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.review import follow_ups
from syncapp.review.bulk import warnings
from syncapp.review.errors import NotPossible
from tests.support.people import browser, rita
from tests.support.screen import opened
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)


class Unrestored:
    """A job title that Outlook changed from Buyer to Pilot, staged without restoring."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.plug_in(enabled=False)
        self.contact = world.new_contact(f"Unrestored {uuid.uuid4().hex[:6]}")
        world.outlook(self.contact, jobtitle="Pilot")
        users = world.rows("systemusers", select="fullname")
        self.editor = next(uuid.UUID(row["systemuserid"]) for row in users if row["fullname"] == "Jonas Weber")
        world.begin_ledger()

    def stage(self, *, original: str | None = "Buyer", label: str = "", is_restored: bool = False) -> SyncField:
        title = NewField("jobtitle", original, "Pilot", label, "Pilot")
        record = NewRecord(
            operation_id=uuid.uuid4(),
            name="Tilda",
            table="contact",
            contact_id=self.contact,
            editor_id=self.editor,
            edited_on=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
            source="audit",
            is_restored=is_restored,
            fields=(title,),
        )
        clients.verified_client().apply(ChangeSet(records=(record,)), tag="osync-test")
        self.world.pull()
        return SyncField.objects.select_related("record").get(pk=record.field_id("jobtitle"))

    @property
    def title(self) -> str:
        return str(self.world.value(self.contact, "jobtitle"))


@pytest.fixture
def unrestored(world: World) -> Iterator[Unrestored]:
    yield Unrestored(world)
    world.plug_in(enabled=True)


def axes(field: SyncField) -> tuple[str, str]:
    field.refresh_from_db()
    return field.decision, field.delivery


def test_mirror_reads_source_and_restored_flag(unrestored: Unrestored) -> None:
    field = unrestored.stage()

    assert (field.record.source, field.record.is_restored) == ("audit", False)
    assert (field.staged_value, field.expected_value) == ("Pilot", "Pilot")
    assert not warnings.is_changed_in_crm(field, None)


def test_plugin_edit_counts_as_restored(world: World) -> None:
    field = world.edited(jobtitle="Head")["jobtitle"]

    assert (field.record.source, field.record.is_restored) == ("plug-in", True)


def test_approval_only_marks_field(unrestored: Unrestored) -> None:
    field = unrestored.stage()

    unrestored.world.decide(approve=(field,))
    unrestored.world.deliver()

    assert axes(field) == (FieldDecision.APPROVED, FieldDelivery.ALREADY)
    assert unrestored.title == "Pilot"
    assert unrestored.world.written(unrestored.contact, "jobtitle") == []


def test_rejection_writes_original(unrestored: Unrestored) -> None:
    field = unrestored.stage()

    unrestored.world.decide(reject=(field,))
    unrestored.world.deliver()

    assert axes(field) == (FieldDecision.REJECTED, FieldDelivery.DONE)
    assert unrestored.world.written(unrestored.contact, "jobtitle") == ["Buyer"]
    assert unrestored.world.staged(field)["osync_decision"] == 410000002
    assert "Rejected, original restored" in opened(browser(rita()), field.record).words


def test_rejection_of_restored_edit_only_marks_field(unrestored: Unrestored) -> None:
    field = unrestored.stage(is_restored=True)

    unrestored.world.decide(reject=(field,))
    unrestored.world.deliver()

    assert unrestored.title == "Pilot"
    assert unrestored.world.written(unrestored.contact, "jobtitle") == []


def test_rejection_keeps_value_written_by_others(unrestored: Unrestored) -> None:
    field = unrestored.stage()
    unrestored.world.decide(reject=(field,))
    unrestored.world.form(unrestored.contact, jobtitle="Director")

    unrestored.world.deliver()

    assert axes(field) == (FieldDecision.PENDING, FieldDelivery.CONFLICT)
    assert unrestored.title == "Director"
    unrestored.world.decide(reject=(field,))
    unrestored.world.deliver()
    assert axes(field) == (FieldDecision.REJECTED, FieldDelivery.DONE)
    assert unrestored.title == "Director"


def test_rejection_with_unknown_original_only_marks_field(unrestored: Unrestored) -> None:
    field = unrestored.stage(original=None, label=UNKNOWN_ORIGINAL)

    words = opened(browser(rita()), field.record).words
    assert "(not known)" in words
    assert "Rejecting changes nothing in the CRM." in words
    unrestored.world.decide(reject=(field,))
    unrestored.world.deliver()

    assert axes(field) == (FieldDecision.REJECTED, FieldDelivery.DONE)
    assert unrestored.title == "Pilot"


def test_rejection_writes_empty_original(unrestored: Unrestored) -> None:
    field = unrestored.stage(original=None)

    unrestored.world.decide(reject=(field,))
    unrestored.world.deliver()

    assert unrestored.world.value(unrestored.contact, "jobtitle") is None


def test_page_says_what_rejecting_does(unrestored: Unrestored) -> None:
    field = unrestored.stage()

    assert "rejecting writes the original" in opened(browser(rita()), field.record).words
    assert (
        "rejecting writes the original" not in opened(browser(rita()), unrestored.stage(is_restored=True).record).words
    )


def test_original_can_be_put_back_after_approval(unrestored: Unrestored) -> None:
    field = unrestored.stage()
    unrestored.world.decide(approve=(field,))
    unrestored.world.deliver()

    follow_ups.put_back(field.pk, by=rita(), reason="Wrong after all")
    unrestored.world.deliver()

    assert unrestored.title == "Buyer"


def test_unknown_original_cannot_be_put_back(unrestored: Unrestored) -> None:
    field = unrestored.stage(original=None, label=UNKNOWN_ORIGINAL)
    unrestored.world.decide(approve=(field,))
    unrestored.world.deliver()

    with pytest.raises(NotPossible):
        follow_ups.put_back(field.pk, by=rita(), reason="Wrong after all")


def test_rejected_value_can_be_approved_after_all(unrestored: Unrestored) -> None:
    field = unrestored.stage()
    unrestored.world.decide(reject=(field,))
    unrestored.world.deliver()

    follow_ups.approve_after_all(field.pk, by=rita(), reason="Correct after all")
    unrestored.world.deliver()

    assert unrestored.title == "Pilot"


def test_page_shows_repeats_and_echoes(unrestored: Unrestored) -> None:
    field = unrestored.stage()
    SyncField.objects.filter(pk=field.pk).update(echoed_at=timezone.now())
    assert "another program wrote the same value" in opened(browser(rita()), field.record).words
    field.refresh_from_db()

    unrestored.world.decide(reject=(field,))
    unrestored.world.deliver()
    SyncField.objects.filter(pk=field.pk).update(repeats=2)

    assert "Outlook sent this 2 more times after it was rejected" in opened(browser(rita()), field.record).words
