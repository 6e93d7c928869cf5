"""Planner statistics of the mirrored tables after a full read."""

from __future__ import annotations

import pytest
from django.db import connection

from syncapp.mirror import statistics
from syncapp.models import SyncRecord
from tests.support.factories import make_field

pytestmark = pytest.mark.django_db


def known_rows() -> int:
    """Return the planner's estimate of the number of edits; 0 without statistics."""
    own = {
        "sqlite": "SELECT MAX(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = %s",
        "postgresql": "SELECT GREATEST(reltuples, 0) FROM pg_class WHERE relname = %s",
    }
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite" and "sqlite_stat1" not in connection.introspection.table_names(cursor):
            return 0
        cursor.execute(own[connection.vendor], [SyncRecord._meta.db_table])
        return int(cursor.fetchone()[0] or 0)


def test_refresh_updates_planner_statistics() -> None:
    for _ in range(30):
        make_field()

    statistics.refresh()

    assert known_rows() == 30
