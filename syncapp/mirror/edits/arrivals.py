"""Arrivals: edits after the first read, which mails announce. Earlier edits are the backlog."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models.functions import Now

from syncapp import preferences
from syncapp.models import Arrival, MirrorCursor, SyncRecord

BACKLOG_FROM = 200  # waiting edits after the first read, more than a day's work


def is_first_reading(cursor: MirrorCursor) -> bool:
    """Return whether the table is being read for the first time, so that its edits do not count as arrivals."""
    return cursor.is_full_read and cursor.full_read_at is None


def record(record_ids: Iterable[UUID]) -> None:
    """Record that these edits have just become visible. Safe to repeat."""
    rows = [Arrival(record_id=record_id, at=Now()) for record_id in sorted(record_ids)]
    Arrival.objects.bulk_create(rows, ignore_conflicts=True)


def start_backlog(table: str) -> None:
    """Start backlog mode if the first read found a long queue: no mails and nothing overdue until it is ended."""
    found = SyncRecord.objects.waiting().count()
    MirrorCursor.objects.filter(table=table).update(found_first=found)
    if found >= BACKLOG_FROM:
        preferences.change(by=None, channel="mirror", backlog=True)
