"""What the database's planner knows of the mirrored tables: refreshed after a full read, when their sizes jump.

PostgreSQL would look by itself within a minute or two, SQLite never: it then takes any index that fits the order,
and walks through every edit ever made to find the few that are being written.
"""

from __future__ import annotations

from django.db import connection

from syncapp.models import RecordWord, SyncField, SyncRecord

SAMPLE = 1000


def refresh() -> None:
    """Count a sample of each index anew; takes a fraction of a second however large the tables are."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA analysis_limit = {SAMPLE}")
        for model in (SyncRecord, SyncField, RecordWord):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
