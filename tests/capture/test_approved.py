"""Decisions about edits that were not restored, and the original of the next edit."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db.models import F

from syncapp.models import Capture, SyncField
from syncapp.models.capture.settings import CaptureMode
from tests.capture.conftest import Company
from tests.capture.test_staging import flags, restoring, stage, staged

__all__ = ["restoring"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def unrestored(restoring: Company) -> tuple[Company, UUID]:
    """Return a contact with an edit that was staged and not restored; from now on edits are restored."""
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


def test_undecided_value_is_no_original(unrestored: tuple[Company, UUID]) -> None:
    company, contact = unrestored
    company.outlook(contact, jobtitle="Captain")

    stage(company)

    before = staged(company, contact)[0][1]
    assert staged(company, contact)[-1] == ("jobtitle", before, "Captain")
    assert company.value(contact, "jobtitle") == before
