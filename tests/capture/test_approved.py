"""Decisions about edits that were not restored, and the original of the next edit."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db.models import F

from syncapp.models import Capture, CaptureEntry, SyncField
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureMode
from tests.capture.conftest import Company
from tests.capture.staging_scene import flags, stage, staged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def unrestored(restoring: Company) -> tuple[Company, UUID]:
    """Return a contact with an edit that was staged but not restored; later edits are restored."""
    contact = restoring.contact()
    Capture.objects.update(mode=CaptureMode.STAGING)
    restoring.outlook(contact, jobtitle="Pilot")
    stage(restoring)
    restoring.pull()
    Capture.objects.update(mode=CaptureMode.RESTORING, mode_since=F("observing_since"))
    assert flags(restoring, contact) == [False]
    return restoring, contact


def test_approved_value_is_the_next_original(unrestored: tuple[Company, UUID]) -> None:
    company, contact = unrestored
    company.decide(approve=(SyncField.objects.get(),))
    company.deliver()
    company.outlook(contact, jobtitle="Captain")

    stage(company)

    assert staged(company, contact)[-1] == ("jobtitle", "Pilot", "Captain")
    assert company.value(contact, "jobtitle") == "Pilot"


def test_undecided_value_is_not_an_original(unrestored: tuple[Company, UUID]) -> None:
    company, contact = unrestored
    company.outlook(contact, jobtitle="Captain")

    stage(company)

    before = staged(company, contact)[0][1]
    assert staged(company, contact)[-1] == ("jobtitle", before, "Captain")
    assert company.value(contact, "jobtitle") == before


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_edit_decided_after_lost_answer_counts_as_staged(restoring: Company, decision: str) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    Capture.objects.update(mode=CaptureMode.STAGING)
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.faults({"method": "PATCH", "table": "osync_syncrecord", "cut": "after_commit", "times": 1})
    stage(restoring)
    assert CaptureEntry.objects.get().state == EntryState.READ, "the answer was lost"
    restoring.pull()
    restoring.decide(**{decision: (SyncField.objects.get(),)})
    restoring.deliver()

    stage(restoring, rounds=2)

    edit = CaptureEntry.objects.get(source=Source.OUTLOOK)
    assert (edit.state, edit.reason) == (EntryState.STAGED, "")
    assert SyncField.objects.get().repeats == 0
    assert restoring.value(contact, "jobtitle") == ("Pilot" if decision == "approve" else before)
