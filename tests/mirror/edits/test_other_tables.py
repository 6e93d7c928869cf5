"""Edits of another table than contact: set aside with an explanation, never written."""

from __future__ import annotations

import pytest

from syncapp.models import Decision, SyncField, SyncRecord, UnreadableRow
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.review.errors import NotPossible
from tests.support.people import ada, browser, rita
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = "This edit is in a table that the portal does not review: account."


@pytest.fixture
def field(world: World) -> SyncField:
    """Stage and pull an edit of a company."""
    edit = world.stage_edit(world.account(), table="account")
    world.stage_field(edit, "name", "Short-lived", "Brandvik AS")
    world.pull()
    return SyncField.objects.select_related("record").get(record=edit)


def test_edit_of_account_is_set_aside(field: SyncField) -> None:
    row = UnreadableRow.objects.get()

    assert (row.kind, row.row_id, row.problem) == (UnreadableRow.Kind.EDIT, str(field.record_id), WORDS)
    assert (field.record.waiting_count, field.record.attention_count) == (0, 1)


def test_edit_of_account_cannot_be_decided(world: World, field: SyncField) -> None:
    approved, rejected = world.decide(approve=(field,)), world.decide(reject=(field,))

    assert [type(each) for each in (*approved.refused, *rejected.refused)] == [NotPossible, NotPossible]
    assert not Decision.objects.exists()


def test_account_edit_mirrored_by_earlier_release_is_refused(world: World, field: SyncField) -> None:
    SyncRecord.objects.filter(pk=field.record_id).update(unreadable="")

    decided = world.decide(approve=(field,))

    assert [str(each) for each in decided.refused] == [WORDS]
    assert not Decision.objects.exists()


def test_pages_say_why_account_is_set_aside(field: SyncField) -> None:
    record = browser(rita()).get(f"/review/{field.record_id}/?tab=attention").content.decode()
    settings = browser(ada()).get("/settings/connection/").content.decode()

    assert f"{WORDS}</bdi> Decide it in the CRM." in " ".join(record.split())
    assert WORDS in settings


def test_account_edits_do_not_supersede_each_other(world: World, field: SyncField) -> None:
    newer = world.stage_edit(field.record.contact, table="account")
    world.stage_field(newer, "name", "Short-lived", "Brandvik ASA")
    world.pull()

    field.refresh_from_db()
    assert field.decision == FieldDecision.PENDING
    assert SyncRecord.objects.needing_attention().count() == 2


def test_contact_edit_beside_account_edit_can_be_decided(world: World, field: SyncField) -> None:
    good = world.edited(jobtitle="Head")["jobtitle"]

    assert good.record.waiting_count == 1
    assert world.decide(approve=(good,)).refused == ()
