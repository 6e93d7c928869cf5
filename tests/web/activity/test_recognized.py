"""Decisions from before a restore on the record page, in the list, the activity and mails."""

from __future__ import annotations

import pytest
from django.utils import timezone

from syncapp.models import SyncField
from syncapp.web.base import times
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.people import browser, rob, vera
from tests.support.screen import Screen, opened

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def page(field: SyncField) -> Screen:
    return opened(browser(rob()), field.record)


def test_record_page_names_recognized_decider():
    field, now = make_field(), timezone.now()
    scenes.found_after_restore(field, decided_on=now)

    words = page(field).words

    assert f"Written by Rita Lindqvist {times.at(now)}; before a restore" in words
    assert "This edit was decided through the portal by Rita Lindqvist before its database was restored" in words
    assert "decided in the CRM itself" not in words


def test_recognized_rejection_keeps_its_reason():
    field = make_field()
    scenes.found_after_restore(field, "rejected")

    words = page(field).words

    assert "Rejected not correct: Ask them first; by Rita Lindqvist" in words


def test_record_page_counts_recognized_fields():
    record = make_record()
    field = make_field(record)
    make_field(record, "fax")
    scenes.found_after_restore(field)

    assert "1 field was decided through the portal by Rita Lindqvist before" in page(field).words


def test_superseded_edit_names_no_decider():
    field = make_field()
    scenes.found_after_restore(field, "superseded", by="Outlook Sync Portal")

    assert "This edit was decided through the portal before its database was restored" in page(field).words


def test_different_written_value_is_shown():
    field = make_field(proposed_value="Head of Procurement")
    scenes.found_after_restore(field, applied="Head of Purchasing")

    assert "Written as Head of Purchasing" in page(field).words


def test_decided_tab_shows_recognized_decision():
    field = make_field(make_record("Marta Villanueva"))
    scenes.found_after_restore(field)

    words = Screen(browser(rob()).get("/review/?tab=decided")).words

    assert "Marta Villanueva" in words


def test_activity_names_decider_of_recognized_decision():
    field, now = make_field(make_record("Marta Villanueva")), timezone.now()
    scenes.found_after_restore(field, decided_on=now)

    words = Screen(browser(vera()).get("/activity/?area=decision")).words

    assert "Portal Found approved Marta Villanueva Job Title: Buyer → becomes Head of Procurement" in words
    assert f"decided in the portal by Rita Lindqvist {times.at(now)}, before a restore; found in CRM" in words


def test_mail_link_names_recognized_decider():
    field = make_field()
    scenes.found_after_restore(field)

    words = Screen(browser(rob()).get(f"/review/{field.record_id}/?link=a")).words

    assert "Already decided, last by Rita Lindqvist" in words
