"""Capture pauses automatically when it restores or sees more changes than people make in Outlook."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from syncapp.capture import brakes, counts
from syncapp.capture.brakes import Brake
from syncapp.crm.audits.records import Action
from syncapp.crm.directory.records import SyncMethod
from syncapp.models import AuditEntry, Capture, CaptureContactDay, CaptureEntry, CaptureSource, FilterUser, Restore
from syncapp.models.capture.entry import Evidence, Source
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from syncapp.models.jobs.job import database_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def capture() -> Capture:
    """Return a capture that has been restoring for a month."""
    month_ago = now() - timedelta(days=30)
    return Capture.objects.create(mode=CaptureMode.RESTORING, mode_since=month_ago, observing_since=month_ago)


def now() -> datetime:
    return database_now(plus=0)


def restore(number: int, *, seconds_ago: float = 60, **columns: Any) -> None:
    """Store restores of different contacts."""
    done_at = now() - timedelta(seconds=seconds_ago)
    defaults = {"source": Source.OUTLOOK, "result": RestoreResult.RESTORED, "column_name": "jobtitle"}
    defaults |= {"done_at": done_at}
    Restore.objects.bulk_create(
        Restore(audit_id=uuid.uuid4(), happened_at=done_at, **{"contact_id": uuid.uuid4()} | defaults | columns)
        for _ in range(number)
    )


def change(number: int, *, seconds_ago: float = 60, **columns: Any) -> None:
    """Store updates of different contacts, signed by the synchronization."""
    moment = now() - timedelta(seconds=seconds_ago)
    defaults = {"source": Source.OUTLOOK, "evidence": Evidence.CALLING_USER, "action": Action.UPDATE}
    CaptureEntry.objects.bulk_create(
        CaptureEntry(
            audit_id=uuid.uuid4(), contact_id=uuid.uuid4(), happened_at=moment, read_at=moment, **defaults | columns
        )
        for _ in range(number)
    )


def mailbox_user(method: SyncMethod = SyncMethod.SERVER_SIDE) -> uuid.UUID:
    return FilterUser.objects.create(id=uuid.uuid4(), name="Ann", method=method, read_at=now()).pk


def unsigned_by(user: uuid.UUID, number: int, *, seconds_ago: float = 7200) -> None:
    """Store unsigned updates by a user."""
    change(number, seconds_ago=seconds_ago, source=Source.UNKNOWN, evidence=Evidence.NONE, user_id=user)


def test_many_restores_from_one_source_pause_capture(capture: Capture) -> None:
    restore(50)

    found = brakes.check()

    capture.refresh_from_db()
    assert found is not None
    assert (capture.mode, capture.reason) == (CaptureMode.PAUSED, Brake.MANY_RESTORES)
    assert capture.trouble == "50 of at most 50 restores in 10 minutes"
    assert [(entry.action, entry.details) for entry in AuditEntry.objects.all()] == [
        ("capture.paused", {"brake": "many_restores"})
    ]


@pytest.mark.parametrize(
    "others",
    [
        {"source": Source.UNKNOWN},
        {"result": RestoreResult.NOT_RESTORED},
        {"seconds_ago": 601},
    ],
    ids=["another source", "not restored", "earlier"],
)
def test_restores_below_limit_do_not_pause_capture(capture: Capture, others: dict[str, Any]) -> None:
    restore(49)
    restore(1, **others)

    assert brakes.check() is None
    capture.refresh_from_db()
    assert capture.mode == CaptureMode.RESTORING


def test_columns_of_one_write_count_once(capture: Capture) -> None:
    contact, done_at = uuid.uuid4(), datetime.now(UTC) - timedelta(minutes=1)
    for column in ("fax", "pager", "jobtitle"):
        restore(1, contact_id=contact, column_name=column, done_at=done_at)
    restore(48)

    assert brakes.check() is None
    restore(1, contact_id=contact, done_at=done_at + timedelta(seconds=1))
    assert brakes.check() is not None


def test_restores_before_resuming_do_not_count(capture: Capture) -> None:
    restore(50)
    Capture.objects.update(mode_since=now())

    assert brakes.check() is None


def test_mass_edit_pauses_capture(capture: Capture) -> None:
    change(201)

    assert brakes.check() is not None
    capture.refresh_from_db()
    assert (capture.reason, capture.trouble) == (
        Brake.MASS_EDIT,
        "201 contacts changed in 10 minutes, more than 200",
    )


def test_busy_company_has_higher_mass_edit_limit(capture: Capture) -> None:
    for days in (1, 2, 3):
        day = counts.today() - timedelta(days=days)
        CaptureContactDay.objects.create(day=day, source=Source.OUTLOOK, contacts=1000)
    change(250)

    assert brakes.check() is None
    change(1)
    assert brakes.check() is not None


def test_import_does_not_pause_capture_under_signed_rule(capture: Capture) -> None:
    change(500, source=Source.PROGRAM, evidence=Evidence.APPLICATION)

    assert brakes.check() is None


@pytest.mark.parametrize(("on", "is_paused"), [(Source.PROGRAM, True), (Source.UNKNOWN, False)])
def test_only_import_from_active_source_pauses_capture(capture: Capture, on: Source, is_paused: bool) -> None:
    Capture.objects.update(rule=CaptureRule.ORIGINAL)
    CaptureSource.objects.create(source=on, is_on=True)
    CaptureSource.objects.create(source=Source.OUTLOOK)
    change(201, source=Source.PROGRAM, evidence=Evidence.APPLICATION, lacks_revision=True)

    assert (brakes.check() is not None) is is_paused


def test_missing_signature_pauses_capture(capture: Capture) -> None:
    change(5, seconds_ago=5 * 86400)
    unsigned_by(mailbox_user(), 20)

    assert brakes.check() is not None
    capture.refresh_from_db()
    assert (capture.reason, capture.trouble) == (
        Brake.SIGNATURE_GONE,
        "0 of the last 20 updates by mailbox users are signed",
    )


def test_few_unsigned_updates_do_not_pause_capture(capture: Capture) -> None:
    change(5, seconds_ago=5 * 86400)
    unsigned_by(mailbox_user(), 19)

    assert brakes.check() is None


def test_one_signed_update_prevents_pause(capture: Capture) -> None:
    unsigned_by(mailbox_user(), 20)
    change(1, seconds_ago=3600)

    assert brakes.check() is None


def test_usual_unsigned_share_does_not_pause_capture(capture: Capture) -> None:
    user = mailbox_user()
    change(5, seconds_ago=5 * 86400)
    unsigned_by(user, 95, seconds_ago=6 * 86400)
    unsigned_by(user, 60)

    assert brakes.check() is None
    unsigned_by(user, 100)
    assert brakes.check() is not None


def test_signature_brake_requires_an_earlier_signature(capture: Capture) -> None:
    unsigned_by(mailbox_user(), 20)

    assert brakes.check() is None


def test_signature_brake_ignores_users_without_server_side_sync(capture: Capture) -> None:
    change(5, seconds_ago=5 * 86400)
    unsigned_by(mailbox_user(SyncMethod.OUTLOOK), 20)

    assert brakes.check() is None


@pytest.mark.parametrize("mode", [CaptureMode.OFF, CaptureMode.OBSERVING, CaptureMode.PAUSED])
def test_brakes_ignore_capture_that_is_not_restoring(capture: Capture, mode: CaptureMode) -> None:
    Capture.objects.update(mode=mode, reason="stopped")
    restore(60)

    assert brakes.check() is None
    assert Capture.objects.filter(mode=mode, reason="stopped").update(mode_since=F("mode_since")) == 1
