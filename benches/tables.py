"""Bulk operations on the mirror's tables: empty, read, insert."""

from __future__ import annotations

import time
from typing import Any

from django.apps import apps
from django.db import connection, transaction

from syncapp.mirror.edits import pull, rows
from syncapp.models import SyncField, SyncRecord

Mirrored = tuple[list[SyncRecord], list[SyncField]]


def vendor() -> str:
    """Return the database's name and version."""
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    version = ".".join(map(str, connection.get_database_version()))
    return f"{names[connection.vendor]} {version}"


def empty() -> None:
    """Empty all our tables completely, so that no dead rows or free pages slow the next round."""
    tables = [model._meta.db_table for model in apps.get_app_config("syncapp").get_models()]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
            return
        cursor.execute("PRAGMA foreign_keys=OFF")
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608  (our own tables' names)
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("PRAGMA foreign_keys=ON")


def mirrored() -> Mirrored:
    """Return the rows that a pull stored, in the order of their keys."""
    return list(SyncRecord.objects.order_by("pk")), list(SyncField.objects.order_by("pk"))


def insert_bare(stored: Mirrored) -> float:
    """Insert these rows into empty tables; return the seconds it took."""
    empty()
    started = time.perf_counter()
    for model, instances in zip((SyncRecord, SyncField), stored, strict=True):
        _insert(model, instances)
    return time.perf_counter() - started


def _insert(model: Any, instances: list[Any]) -> None:
    for start in range(0, len(instances), pull.PAGE_SIZE):
        for chunk in rows.split_chunks(instances[start : start + pull.PAGE_SIZE]):
            with transaction.atomic():
                model.objects.bulk_create(chunk)
