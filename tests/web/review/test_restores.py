"""Captured edits on the record page, list and numbers: how long they were live, or why they were not restored."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp.models import Restore, SyncField, SyncRecord
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.review.bulk import warnings
from tests.support import scenes
from tests.support.factories import make_captured, make_field, make_record
from tests.support.people import browser, rita, vera
from tests.support.screen import Screen, opened

pytestmark = pytest.mark.django_db

CHOICES = "The CRM holds the proposed value: approving keeps it, rejecting writes the original."


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def words_of(field: SyncField) -> str:
    return opened(browser(rita()), SyncRecord.objects.get(pk=field.record_id)).words


def titles_of(field: SyncField) -> set[str]:
    """Return the hints of the page's buttons."""
    tags = opened(browser(rita()), SyncRecord.objects.get(pk=field.record_id)).tags
    return {found["title"] for tag, found in tags if "title" in found}


def test_page_says_how_long_value_was_live() -> None:
    field, _ = make_captured()

    words = words_of(field)

    assert "was in the CRM for 9 s" in words
    assert "ot restored" not in words
    assert "was in the CRM for" not in words_of(make_field())


def test_unrestored_field_explains_cause_and_consequence() -> None:
    field, _ = make_captured(is_restored=False)

    assert "Not restored: an entry is missing in the CRM’s audit log" in words_of(field)
    assert CHOICES in words_of(field)
    assert {"Keep the value that is in the CRM", "Write the original into the CRM"} <= titles_of(field)
    assert not {"Keep the value that is in the CRM", "Write the original into the CRM"} & titles_of(make_captured()[0])


def test_late_edit_says_how_long_it_was_live() -> None:
    happened = timezone.now() - timedelta(hours=2, minutes=5)
    field, _ = make_captured(is_restored=False, reason="too_late", happened_at=happened)

    assert "Already in the CRM for 2 h" in words_of(field)


def test_held_field_says_outlook_keeps_sending() -> None:
    field, _ = make_captured(is_restored=False, reason="held")

    assert "Outlook keeps sending this: it was restored 3 times within 24 hours" in words_of(field)


def test_refused_restore_shows_the_answer() -> None:
    field, _ = make_captured(is_restored=False, reason="refused_400", trouble="<b>No such option.</b>")

    assert "the CRM refused the original value. The CRM’s answer: <b>No such option.</b>" in words_of(field)


def test_only_unrestored_fields_have_a_note() -> None:
    field, row = make_captured(is_restored=False)
    restored = make_field(field.record, "telephone1", original_value="1", proposed_value="2")
    Restore.objects.create(
        contact_id=row.contact_id,
        column_name="telephone1",
        audit_id=row.audit_id,
        source=row.source,
        value_found="2",
        value_restored="1",
        result=RestoreResult.RESTORED,
        happened_at=row.happened_at,
        done_at=row.done_at,
        live_seconds=70,
    )

    words = words_of(restored)

    assert words.count(CHOICES) == 1
    assert "was in the CRM for 1 min" in words


@pytest.mark.parametrize("reason", ["overwritten", "others_value"])
def test_consequences_are_hidden_until_value_is_read(reason: str) -> None:
    field, _ = make_captured(is_restored=False, reason=reason)
    assert CHOICES not in words_of(field)

    SyncField.objects.filter(pk=field.pk).update(crm_now_value=field.proposed_value, crm_now_read_at=timezone.now())

    assert CHOICES in words_of(field)


def test_changed_live_value_hides_the_consequences() -> None:
    field, _ = make_captured(is_restored=False, reason="overwritten")
    SyncField.objects.filter(pk=field.pk).update(crm_now_value="Director", crm_now_read_at=timezone.now())

    words = words_of(field)

    assert "the field was changed again in the CRM after this edit" in words
    assert CHOICES not in words


@pytest.mark.parametrize(("is_restored", "live", "is_changed"), [
    (False, "Buyer", False),  # restored, while another field of the edit was not
    (False, "Pilot", False),
    (False, "Director", True),
    (True, "Pilot", True),
])  # fmt: skip
def test_only_unexpected_live_value_counts_as_changed(is_restored: bool, live: str, is_changed: bool) -> None:
    field, _ = make_captured(is_restored=is_restored)
    known = {"original_value": "Buyer", "proposed_value": "Pilot", "crm_now_value": live}
    SyncField.objects.filter(pk=field.pk).update(**known, crm_now_read_at=timezone.now())
    field.refresh_from_db()

    assert warnings.is_changed_in_crm(field, None) is is_changed
    # A restored field with the proposal in it needs no choice.
    assert ("Changed in the CRM" in words_of(field)) is (is_changed and live != "Pilot")


def test_list_marks_unrestored_edits() -> None:
    make_captured(is_restored=False)
    assert "Not restored" in Screen(browser(rita()).get("/review/")).words


def test_list_leaves_restored_edits_unmarked() -> None:
    make_captured()
    assert "Not restored" not in Screen(browser(rita()).get("/review/")).words


def test_page_says_outlook_sent_rejected_value_again() -> None:
    field, row = make_captured()
    scenes.rejected(field, by=rita())
    SyncField.objects.filter(pk=field.pk).update(
        repeats=3, repeated_at=timezone.now(), decision=FieldDecision.REJECTED, delivery=FieldDelivery.DONE
    )
    assert "Outlook sent this 3 more times after it was rejected, last at" in words_of(field)
    assert "the rejected value is in the CRM" not in words_of(field)

    Restore.objects.create(
        contact_id=row.contact_id,
        column_name="jobtitle",
        audit_id=field.pk,
        source=row.source,
        value_found=field.proposed_value,
        result=RestoreResult.NOT_RESTORED,
        reason="held",
        happened_at=timezone.now(),
        done_at=timezone.now(),
    )

    assert "Outlook keeps sending this: the rejected value is in the CRM" in words_of(field)


def test_edit_without_editor_says_person_unknown() -> None:
    record = make_record(editor_id=None, editor_name="", editor_key="")
    make_field(record)

    assert "Edited in Outlook, person unknown" in opened(browser(rita()), record).words
    assert "person unknown" in Screen(browser(rita()).get("/review/")).words


def test_numbers_page_shows_median_and_longest_time() -> None:
    assert "until restored" not in Screen(browser(vera()).get("/numbers/")).words
    for seconds in (5, 9, 130):
        make_captured(live_seconds=seconds)

    words = Screen(browser(vera()).get("/numbers/")).words

    assert "9 s median time in the CRM before restore" in words
    assert "2 min longest time in the CRM before restore" in words
