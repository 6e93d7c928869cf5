"""Arrivals: edits after the first read, which mails announce. Earlier edits are the backlog."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models.functions import Now

from syncapp import preferences
from syncapp.models import Arrival, MirrorCursor, SyncRecord

MIN_BACKLOG = 200  # waiting edits after the first read; this is more than a day's work


def is_first_read(cursor: MirrorCursor) -> bool:
    """Return whether the table is being read for the first time; its edits then do not count as arrivals."""
    return cursor.is_full_read and cursor.full_read_at is None


def record(record_ids: Iterable[UUID]) -> None:
    """Record that these edits have just become visible. Safe to repeat."""
    rows = [Arrival(record_id=record_id, at=Now()) for record_id in sorted(record_ids)]
    Arrival.objects.bulk_create(rows, ignore_conflicts=True)


def start_backlog(table: str) -> None:
    """Store how many edits the first read found; from MIN_BACKLOG on, start backlog mode.

    Until that mode is ended, no mails are sent and no edit is overdue.
    """
    found = SyncRecord.objects.waiting().count()
    MirrorCursor.objects.filter(table=table).update(found_first=found)
    if found >= MIN_BACKLOG:
        preferences.change(by=None, channel="mirror", backlog=True)
