"""The demo without the plug-in, from an edit on the Outlook page to a reviewed value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import F
from pytest_django import Settings

from dataverse_sandbox.server import SandboxServer
from syncapp.demo import capture
from syncapp.models import Capture, CaptureSource, SyncRecord
from syncapp.models.capture.settings import CaptureMode
from tests.capture.conftest import Company
from tests.capture.staging_scene import flags, stage, staged
from tests.support.people import ada

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def demo(sandbox: SandboxServer, settings: Settings, db: None) -> Iterator[Company]:
    settings.CAPTURE, settings.CAPTURE_COLUMNS, settings.UNDO_SECONDS = "audit", ["*"], 0
    settings.CRM_ENABLE_WRITES = True
    story = Company(sandbox.url)
    story.reset()
    ada()
    capture.set_up()
    CaptureSource.objects.update(since=F("since") - MINUTE)
    Capture.objects.update(mode_since=F("mode_since") - MINUTE)
    story.backdate()
    story.read()
    story.begin_ledger()
    yield story
    story.audit(enabled=False, delay_seconds=0, jitter_seconds=0)
    story.sign("unsigned")
    story.switch_plugin(enabled=True)


def test_outlook_edit_is_staged_restored_and_approved(demo: Company) -> None:
    contact = demo.contact()
    before = demo.value(contact, "jobtitle")
    demo.outlook(contact, jobtitle="Pilot")
    for writer in ("erp", "flow", "form_without_script", "form"):
        demo.write(writer, demo.contact(1), jobtitle=f"By {writer}")
    demo.import_all(fax="+49 1")

    stage(demo, rounds=2)

    assert staged(demo, contact) == [("jobtitle", before, "Pilot")]
    assert (flags(demo, contact), demo.value(contact, "jobtitle")) == ([True], before)
    assert demo.value(demo.contact(1), "jobtitle") == "By form"
    assert {demo.value(demo.contact(number), "fax") for number in range(3)} == {"+49 1"}
    demo.pull()
    (field,) = SyncRecord.objects.get().fields.all()
    demo.decide(approve=(field,))
    demo.deliver()
    assert demo.value(contact, "jobtitle") == "Pilot"


def test_second_demo_start_changes_nothing(demo: Company) -> None:
    since = CaptureSource.objects.get().since
    Capture.objects.update(mode=CaptureMode.STAGING)

    capture.set_up()

    assert (Capture.objects.get().mode, CaptureSource.objects.get().since) == (CaptureMode.STAGING, since)


def test_demo_started_with_plugin_stops_capture(demo: Company, settings: Settings) -> None:
    settings.CAPTURE = "off"

    capture.set_up()

    assert (Capture.objects.get().mode, CaptureSource.objects.get().is_on) == (CaptureMode.OFF, False)
    demo.outlook(demo.contact(), jobtitle="Pilot")
    assert len(demo.rows("osync_syncrecords")) == 1


def test_demo_started_without_plugin_captures_again(demo: Company, settings: Settings) -> None:
    settings.CAPTURE = "off"
    capture.set_up()
    demo.outlook(demo.contact(), jobtitle="Pilot")
    demo.pull()
    settings.CAPTURE = "audit"

    capture.set_up()

    assert (Capture.objects.get().mode, CaptureSource.objects.get().is_on) == (CaptureMode.RESTORING, True)
