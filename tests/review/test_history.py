"""The history of a contact, and former values."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.review.decision import DecisionState
from syncapp.review import history
from tests.support import scenes
from tests.support.factories import CONTACT_COLUMNS, EDITED_ON, make_field, make_newer_edit, make_record
from tests.support.people import rita

pytestmark = pytest.mark.django_db
KNOWN = {column.name: column for column in CONTACT_COLUMNS}


def earlier(record: SyncRecord, days: int, was: str, will: str, column: str = "jobtitle") -> SyncField:
    """Return an older edit of the same contact."""
    edited_on = EDITED_ON - timedelta(days=days)
    older = make_record(record.name, target_id=record.target_id, edited_on=edited_on)
    return make_field(older, column, original_value=was, proposed_value=will)


def written(field: SyncField, days: int) -> None:
    """Create a field whose approval was written at this time."""
    decision = scenes.approved(field, by=rita())
    scenes.finished(decision)
    then = EDITED_ON - timedelta(days=days)
    Decision.objects.filter(pk=decision.pk).update(state=DecisionState.WRITTEN, finished_at=then)


def echo_of(field: SyncField) -> history.FormerValue | None:
    field = SyncField.objects.select_related("record").get(pk=field.pk)
    rows = history.fields_in_other_edits(field.record, [field])
    return history.find_former_values([field], rows, KNOWN).get(field.pk)


def test_overwritten_value_counts_as_held_until_our_write():
    field = make_field(original_value="Head", proposed_value="Buyer")
    written(earlier(field.record, 20, "Buyer", "Head"), days=10)

    assert echo_of(field) == history.FormerValue(EDITED_ON - timedelta(days=10), ended=True)


def test_original_value_counts_as_held_at_edit_time():
    field = make_field(original_value="Head", proposed_value="Buyer")
    earlier(field.record, 20, "Buyer", "Chief")

    assert echo_of(field) == history.FormerValue(EDITED_ON - timedelta(days=20), ended=False)


@pytest.mark.parametrize("column", ["jobtitle", "telephone1"])
def test_value_never_held_by_column_is_not_former(column: str):
    field = make_field(original_value="Head", proposed_value="New")
    earlier(field.record, 20, "Buyer" if column == "jobtitle" else "New", "Chief", column)

    assert echo_of(field) is None


def test_value_of_another_contact_is_not_former():
    field = make_field(original_value="Head", proposed_value="Buyer")
    earlier(make_record(target_id=uuid.uuid4()), 20, "Buyer", "Chief")

    assert echo_of(field) is None


def test_former_values_are_compared_by_type():
    field = make_field(column="birthdate", original_value="1979-03-14", proposed_value="1987-03-14")
    earlier(field.record, 20, "1987-03-14", "1990-01-01", "birthdate")

    assert echo_of(field) is not None


def test_history_is_newest_first_and_limited():
    field = make_field()
    older = [earlier(field.record, days, "A", "B") for days in (30, 20)]

    past = history.contact_history(field.record)

    assert list(past.fields) == [field, older[1], older[0]]
    assert history.contact_history(field.record, limit=2).has_more


def test_superseded_field_links_newest_edit():
    field = make_field()
    make_newer_edit(field)
    newest = make_newer_edit(field, minutes=9)
    SyncField.objects.filter(pk=field.pk).update(decision="superseded", delivery="done", finished_at=timezone.now())
    field.refresh_from_db()

    assert history.newer_edits(field.record, [field]) == {"jobtitle": newest.record_id}
