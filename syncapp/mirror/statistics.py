"""Planner statistics of the mirrored tables, refreshed after a full read, when their sizes jump.

PostgreSQL would refresh them within a minute or two, SQLite never does. Without statistics, SQLite takes any index that
fits the sort order and walks through all edits to find the few that are being written.
"""

from __future__ import annotations

from django.db import connection

from syncapp.models import RecordWord, SyncField, SyncRecord

SAMPLE = 1000


def refresh() -> None:
    """Sample each index again, within a fraction of a second regardless of the table size."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA analysis_limit = {SAMPLE}")
        for model in (SyncRecord, SyncField, RecordWord):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
