"""Edits that came after the first reading: the only ones that mails tell of. What was there before is a backlog."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models.functions import Now

from syncapp import preferences
from syncapp.models import Arrival, MirrorCursor, SyncRecord

BACKLOG_FROM = 200  # waiting edits after the first reading: a queue that nobody looks through in a day


def is_first_reading(cursor: MirrorCursor) -> bool:
    """Whether the table is being read for the first time, so that nothing of it is news."""
    return cursor.is_full_read and cursor.full_read_at is None


def record(record_ids: Iterable[UUID]) -> None:
    """Keep that these edits have just been shown. Safe to repeat."""
    rows = [Arrival(record_id=record_id, at=Now()) for record_id in sorted(record_ids)]
    Arrival.objects.bulk_create(rows, ignore_conflicts=True)


def start_backlog(table: str) -> None:
    """Where the first reading found a long queue, no mail is sent and nothing is overdue until somebody says so."""
    found = SyncRecord.objects.waiting().count()
    MirrorCursor.objects.filter(table=table).update(found_first=found)
    if found >= BACKLOG_FROM:
        preferences.change(by=None, channel="mirror", backlog=True)
