"""The periodic task that reads the audit log, and the troubles it reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from pytest_django import Settings

from syncapp import health, tasks
from syncapp.capture import gaps as gap_rows
from syncapp.capture import rhythm
from syncapp.health.observations import Observations
from syncapp.mirror import uses
from syncapp.mirror.uses import Use
from syncapp.models import Breaker, Capture, CaptureGap, DailyOperations, Heartbeat, MirrorCursor
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import database_now
from tests.capture.conftest import Company, entries

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def codes() -> list[str]:
    """Return the codes of the troubles of capture, while Redis answers."""
    found = [trouble.kind.code for trouble in health.troubles(Observations())]
    return [code for code in found if code.startswith(("capture", "audit_log", "forbidden:audit", "refused:audit"))]


def test_task_reads_while_capture_is_on(company: Company) -> None:
    company.outlook(company.contact(), jobtitle="Pilot")

    tasks.read_audit_log()

    assert len(entries(company.contact())) == 1


@pytest.mark.parametrize(("way", "mode", "is_due"), [("off", "observing", False), ("audit", "off", False)])
def test_disabled_capture_is_not_due(way, mode, is_due, settings: Settings, db: Any) -> None:
    settings.CAPTURE = way
    Capture.objects.create(mode=mode)

    assert rhythm.is_due() is is_due
    assert codes() == []


def test_enabled_capture_is_due_after_interval(settings: Settings) -> None:
    settings.CAPTURE, settings.DEMO = "audit", True
    assert not rhythm.is_due(), "the demo begins by itself"
    settings.DEMO = False
    assert rhythm.is_due(), "the first time"

    Capture.objects.create(mode=CaptureMode.OBSERVING)
    MirrorCursor.objects.create(table="capture", is_full_read=False, pulled_at=database_now())
    assert not rhythm.is_due()

    MirrorCursor.objects.update(pulled_at=F("pulled_at") - timedelta(minutes=5))
    assert rhythm.is_due()


def test_forbidden_audit_log_opens_its_breaker(company: Company) -> None:
    company.take_away("prvReadAuditSummary")
    company.outlook(company.contact(), jobtitle="Pilot")

    tasks.read_audit_log()

    assert Breaker.objects.get(opened_at__isnull=False).name == Breaker.Name.FORBIDDEN_AUDIT
    assert codes() == ["forbidden:audit"]

    company.take_away()
    Breaker.objects.update(next_probe_at=database_now())
    tasks.read_audit_log()
    assert codes() == []
    assert len(entries(company.contact())) == 1


def test_overdue_reading_is_reported(company: Company) -> None:
    Heartbeat.objects.create(name="worker", asked_at=database_now(), answered_at=database_now())
    assert codes() == []

    company.silent_for(minutes=10)

    assert codes() == ["audit_log"]


@pytest.mark.parametrize("use", [Use.QUEUE, Use.ARRIVALS])
def test_long_pause_before_use_is_not_reported(company: Company, settings: Settings, use: Use) -> None:
    settings.PULL_IDLE_SECONDS = 120
    Heartbeat.objects.create(name="worker", asked_at=database_now(), answered_at=database_now())
    company.silent_for(minutes=4)
    uses.reset_throttle()
    uses.note(use)
    assert rhythm.is_due()
    assert codes() == []

    Heartbeat.objects.filter(name=use).update(asked_at=database_now(plus=-120))
    assert codes() == ["audit_log"]


def test_pause_and_recent_gap_are_reported(company: Company) -> None:
    now = database_now()
    Capture.objects.update(mode=CaptureMode.PAUSED, trouble="51 of at most 50 restores in 10 minutes")
    CaptureGap.objects.create(reason=gap_rows.Reason.DOWNTIME, begins_at=now, ends_at=now)
    old = database_now(plus=-8 * 86_400)
    CaptureGap.objects.create(reason=gap_rows.Reason.DOWNTIME, begins_at=old, ends_at=old)

    found = {trouble.kind.code: trouble for trouble in health.troubles(Observations())}

    assert codes() == ["capture_paused", "capture_gap"]
    assert found["capture_paused"].detail == "51 of at most 50 restores in 10 minutes"
    assert "UTC to " in found["capture_gap"].text


@pytest.mark.parametrize(("used", "has_allowance", "slower"), [(0, True, False), (13_000, False, True)])
def test_half_used_allowance_slows_reading(used, has_allowance, slower, settings: Settings) -> None:
    settings.PULL_IDLE_SECONDS, settings.CRM_DAILY_ALLOWANCE = 120, 25_000
    DailyOperations.objects.create(day=datetime.now(UTC).date(), number=used)

    assert rhythm.has_spare_allowance() is has_allowance
    assert (rhythm._min_interval(used, NOON) > 5) is slower
