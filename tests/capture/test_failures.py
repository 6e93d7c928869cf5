"""Edits that could not be staged: shown and counted, retried or left in the CRM, never used as an original."""

from __future__ import annotations

from uuid import UUID

import pytest
from pytest_django import Settings

from syncapp import health
from syncapp.capture import chains
from syncapp.capture.policy import Reason
from syncapp.health.observations import Observations
from syncapp.models import AuditEntry, Capture, CaptureEntry, CaptureJob
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureRule
from syncapp.models.jobs.job import JobState, database_now
from tests.capture.conftest import Company, entries
from tests.capture.staging_scene import stage, staged
from tests.support.people import ada, browser
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def failed(restoring: Company, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """Return a contact whose edit could not be staged because of a fault in the portal, since repaired."""
    settings.ATTEMPTS = 1
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    with monkeypatch.context() as patched:
        patched.setattr(chains, "make_plan", lambda *given: 1 / 0)
        stage(restoring)
    assert CaptureJob.objects.get().state == JobState.FAILED
    return contact


def press(button: str) -> Screen:
    return Screen(browser(ada()).post("/settings/connection/captured", {"do": button}, follow=True))


def codes() -> list[str]:
    return [trouble.code for trouble in health.troubles(Observations()) if trouble.code == "capture_failed"]


def test_failed_edit_is_reported_as_a_trouble(failed: UUID) -> None:
    assert [entry.state for entry in entries(failed)] == [EntryState.SET_ASIDE]
    assert codes() == ["capture_failed"]
    words = Screen(browser(ada()).get("/settings/connection/")).words
    assert "Edits that could not be staged" in words
    assert "An unexpected error stopped it (ZeroDivisionError)" in words


def test_retried_edit_is_staged_and_restored(restoring: Company, failed: UUID) -> None:
    assert "1 edit will be read and staged again." in press("retry").words

    stage(restoring)

    ((_, before, title),) = staged(restoring, failed)
    assert (title, restoring.value(failed, "jobtitle")) == ("Pilot", before)
    assert codes() == []
    assert AuditEntry.objects.get(action="capture.retried").details == {"entries": 1}


def test_leaving_edit_in_crm_ends_trouble(restoring: Company, failed: UUID) -> None:
    assert "1 edit left in the CRM." in press("leave").words

    stage(restoring)

    assert (restoring.value(failed, "jobtitle"), staged(restoring, failed), codes()) == ("Pilot", [], [])
    assert "No edits are waiting here anymore." in press("leave").words


def test_failed_edit_is_not_used_as_original(restoring: Company, failed: UUID) -> None:
    (value,) = entries(failed)[0].values.all()
    restoring.outlook(failed, jobtitle="Captain")

    stage(restoring)

    assert staged(restoring, failed) == [("jobtitle", value.old_value, "Captain")]
    assert restoring.value(failed, "jobtitle") == value.old_value
    assert codes() == ["capture_failed"]


def aside(source: Source, reason: Reason) -> CaptureEntry:
    """Store an entry that is set aside."""
    now = database_now(plus=0)
    key = UUID(int=CaptureEntry.objects.count() + 1)
    columns = {"state": EntryState.SET_ASIDE, "source": source, "reason": reason, "attempts": 5}
    return CaptureEntry.objects.create(
        audit_id=key, contact_id=key, action=2, happened_at=now, read_at=now, problem="503", **columns
    )


def test_retry_covers_unreadable_but_not_deleted_entries() -> None:
    Capture.objects.create()
    unread, deleted = aside(Source.OUTLOOK, Reason.UNREADABLE), aside(Source.OUTLOOK, Reason.NOT_IN_LOG)

    press("retry")

    unread.refresh_from_db()
    deleted.refresh_from_db()
    assert (unread.state, unread.attempts, unread.problem) == (EntryState.NEW, 0, "")
    assert deleted.state == EntryState.SET_ASIDE
    assert "None of these edits can be retried." in press("retry").words


@pytest.mark.parametrize(("rule", "is_shown"), [(CaptureRule.SIGNED, False), (CaptureRule.ORIGINAL, True)])
def test_failed_unsigned_entry_is_shown_under_original_rule(rule, is_shown) -> None:
    Capture.objects.create(rule=rule)
    aside(Source.UNKNOWN, Reason.UNREADABLE)

    words = Screen(browser(ada()).get("/settings/connection/")).words

    assert ("Edits that could not be staged" in words) is is_shown


def test_unknown_button_returns_404() -> None:
    assert browser(ada()).post("/settings/connection/captured", {"do": "?"}).status_code == 404
