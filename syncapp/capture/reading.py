"""Reading of the CRM's audit log in rounds, one at a time (a lease in the database).

    contacts that changed ─▶ list of entries ─▶ their values ─▶ who made each change ─▶ a job for each contact
    (contacts.py)            (entry_lists.py)    (details.py)     (conclusions.py)        (scheduling.py)

Each step stores what it read together with its position, so reading a page again after a crash has no effect.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.db.models.functions import Now

from syncapp.capture import (
    auditing,
    brakes,
    columns,
    conclusions,
    contacts,
    details,
    entry_lists,
    gaps,
    identities,
    policy,
    rivals,
)
from syncapp.capture.rounds import CURSOR, ReadResult, Round
from syncapp.crm.client import CrmClient
from syncapp.crm.names import Names
from syncapp.mirror import columns as definitions
from syncapp.mirror import cursors
from syncapp.mirror.cursors import TableLease
from syncapp.models import Capture, CaptureEntry, MirrorCursor
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import database_now

# The pages that show changes count 30 days.
RETENTION = timedelta(days=35)
_STEPS = (contacts.read, entry_lists.read, details.read, conclusions.conclude)


def read(crm: CrmClient, *, names: Names, seconds: float | None = None) -> ReadResult:
    """Read the audit log for at most `seconds`; the next round continues from there.

    If capture is off, begin to observe. The result is `busy` if another process is reading.

    Raises CrmError, LostLease.
    """
    lease = cursors.acquire(CURSOR)
    if lease is None:
        return ReadResult(busy=True)
    try:
        with cursors.recording_problems(lease):
            running = _begin(crm, lease, names, seconds)
            running.result.finished = all(step(running) for step in _STEPS)
            if running.result.finished:
                brakes.check()
                rivals.check()
                cursors.advance(lease, pulled_at=Now(), trouble="")
            return running.result
    finally:
        cursors.release(lease)


def _begin(crm: CrmClient, lease: TableLease, names: Names, seconds: float | None) -> Round:
    until = None if seconds is None else time.monotonic() + seconds
    definitions.refresh(crm)
    cursor = MirrorCursor.objects.annotate(now=Now()).get(table=CURSOR)
    now: datetime = cursor.now
    initial = {"mode": CaptureMode.OBSERVING, "mode_since": now, "observing_since": now}
    Capture.objects.filter(slot=1, mode=CaptureMode.OFF).update(**initial)
    capture, _ = Capture.objects.get_or_create(slot=1, defaults=initial)
    gaps.record_pause_in_reading(capture, read_at=cursor.pulled_at, now=now)
    watched = columns.tracked(names.contact_revision)
    if auditing.refresh(crm, capture, [*watched, names.contact_revision], now=now):
        identities.find_sync_user(crm)
    return Round(
        crm=crm,
        lease=lease,
        capture=capture,
        now=now,
        until=until,
        revision=names.contact_revision,
        columns=watched,
        known=identities.known_users(crm),
        policy=policy.load(capture),
    )


def delete_old() -> int:
    """Delete entries that no page counts anymore, and old rows about contacts; return how many rows."""
    old = CaptureEntry.objects.filter(happened_at__lt=database_now(plus=-RETENTION.total_seconds()))
    return old.delete()[0] + contacts.delete_old()
