"""Capture refuses to start, and pauses, alongside a plug-in or another portal that stages the same edits."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db.models import F
from pytest_django import Settings

from syncapp.capture import rivals, switching
from syncapp.capture.errors import SwitchRefused
from syncapp.models import AuditEntry, Capture, CaptureEntry, CaptureSource, Restore
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureMode
from tests.capture.conftest import Company
from tests.capture.staging_scene import stage
from tests.capture.switches import is_on, mode, now, observe
from tests.support.factories import make_field, make_record
from tests.support.people import ada

pytestmark = pytest.mark.django_db


@pytest.fixture
def observing(settings: Settings) -> None:
    """Remove everything that prevents switching on."""
    settings.CAPTURE = "audit"
    observe()


def staged(*, minutes_ago: float = 5, **columns: Any) -> uuid.UUID:
    """Store an edit that was staged in the CRM; return its operation id."""
    operation = columns.pop("operation_id", uuid.uuid4())
    values = {"source": "plug-in", "edited_on": now(minutes=minutes_ago), **columns}
    make_field(make_record(operation_id=str(operation), **values))
    return operation


def entry(audit_id: uuid.UUID, state: EntryState) -> None:
    """Store the audit entry of an edit."""
    moment = now(minutes=5)
    CaptureEntry.objects.create(
        audit_id=audit_id, contact_id=uuid.uuid4(), action=2, happened_at=moment, read_at=moment, state=state
    )


def switch_on() -> str:
    """Switch capture on; return the message if it is refused."""
    try:
        switching.switch_on(Source.OUTLOOK, by=ada(), pilot_team_id=None)
    except SwitchRefused as refused:
        return refused.message
    return ""


def restoring(*, minutes: float = 30) -> None:
    """Let capture restore for some minutes."""
    Capture.objects.update(mode=CaptureMode.RESTORING, mode_since=now(minutes=minutes))


@pytest.mark.parametrize("source", ["plug-in", "", "web hook"])
def test_plugin_edits_prevent_switching_on(observing: None, source: str) -> None:
    staged(source=source)

    assert f"staged by “{source or 'an unnamed program'}”, not by this portal, within the last hour" in switch_on()
    assert (is_on(), mode()) == (False, ("observing", ""))


@pytest.mark.parametrize("columns", [{"minutes_ago": 61}, {"target_table": "account"}], ids=["earlier", "other table"])
def test_unrelated_edits_allow_switching_on(observing: None, columns: dict[str, Any]) -> None:
    staged(**columns)

    assert (switch_on(), is_on()) == ("", True)


def test_edits_before_observing_allow_switching_on(observing: None) -> None:
    staged(minutes_ago=5)
    Capture.objects.update(observing_since=now(minutes=1))

    assert switch_on() == ""


def test_decided_plugin_edits_prevent_switching_on(observing: None) -> None:
    record = make_record(operation_id="x", source="plug-in", edited_on=now(minutes=5))
    make_field(record, decision="approved", delivery="done")

    assert "not by this portal" in switch_on()


@pytest.mark.parametrize("state", [None, EntryState.OBSERVED, EntryState.LET_THROUGH])
def test_edits_staged_by_another_portal_prevent_switching_on(observing: None, state: EntryState | None) -> None:
    operation = staged(source="audit")
    if state is not None:
        entry(operation, state)

    assert "staged by another portal" in switch_on()


@pytest.mark.parametrize("proof", ["staged", "answer lost", "restore"])
def test_edits_staged_by_this_portal_allow_switching_on(observing: None, proof: str) -> None:
    operation = staged(source="audit")
    if proof == "restore":
        Restore.objects.create(
            contact_id=uuid.uuid4(), audit_id=operation, happened_at=now(), done_at=now(), column_name="fax"
        )
    else:
        entry(operation, EntryState.STAGED if proof == "staged" else EntryState.READ)

    assert switch_on() == ""


def test_edit_staged_by_rival_pauses_capture(observing: None) -> None:
    restoring()
    staged()

    assert rivals.check() is not None
    assert mode() == ("paused", "rival")
    assert Capture.objects.get().trouble == "An edit was staged by “plug-in”, not by this portal"
    assert AuditEntry.objects.get().details == {"brake": "rival"}


@pytest.mark.parametrize("case", ["before", "observing", "alone"])
def test_capture_continues_without_a_rival(observing: None, case: str) -> None:
    if case != "observing":
        restoring(minutes=1 if case == "before" else 30)
    if case != "alone":
        staged()
    before = mode()

    assert (rivals.check(), mode()) == (None, before)


def test_resuming_requires_the_rival_to_be_off(observing: None) -> None:
    restoring()
    CaptureSource.objects.create(source=Source.OUTLOOK, is_on=True)
    staged()
    rivals.check()
    Capture.objects.update(mode_since=now(minutes=2))
    staged(minutes_ago=1)
    with pytest.raises(SwitchRefused):
        switching.resume(by=ada())
    Capture.objects.update(mode_since=now())

    switching.resume(by=ada())

    assert (mode(), rivals.check()) == (("restoring", ""), None)


@pytest.mark.django_db(transaction=True)
def test_returning_plugin_pauses_capture(company: Company) -> None:
    company.switch_on()
    Capture.objects.update(mode_since=F("observing_since"))
    company.outlook(company.contact(), jobtitle="Pilot")
    stage(company)
    company.pull()
    company.read()
    assert mode() == ("restoring", "")

    company.switch_plugin(enabled=True)
    company.outlook(company.contact(1), jobtitle="Pilot")
    company.pull()
    company.read()

    assert mode() == ("paused", "rival")
