"""Definitions of the CRM's columns, stored so that labels and types are known while the CRM is unavailable."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.crm.staging.records import Column, ColumnType, Navigation, Unreadable
from syncapp.mirror import fitting, unreadable
from syncapp.mirror.unreadable import Kind
from syncapp.models import CrmColumn
from syncapp.models.mirror.sync_record import REVIEWED_TABLE

FRESH_FOR = timedelta(hours=6)
# The CRM itself may lack a column, so it is not asked again for every page.
RETRY_AFTER = timedelta(minutes=1)
_cache: ContextVar[dict[str, dict[str, Column]] | None] = ContextVar("columns", default=None)


@contextmanager
def cached() -> Iterator[None]:
    """Read each table's columns at most once within the block, such as a request.

    Blocks of one process share what they read for up to COLUMNS_SECONDS.
    """
    token = _cache.set({})
    try:
        yield
    finally:
        _cache.reset(token)


def of_table(table: str) -> dict[str, Column]:
    """Return the known columns of a table by logical name: one query, often none within `cached`."""
    held = _cache.get()
    if held is None:
        return _read(table)
    if table not in held:
        seconds = settings.COLUMNS_SECONDS
        held[table] = _read_cached(table, int(time.monotonic() // seconds)) if seconds else _read(table)
    return held[table]


@lru_cache(maxsize=8)
def _read_cached(table: str, _period: int) -> dict[str, Column]:
    return _read(table)


def _read(table: str) -> dict[str, Column]:
    return {row.name: _column(row) for row in CrmColumn.objects.filter(table=table)}


def select(table: str, names: Collection[str]) -> Mapping[str, Column]:
    """Return the known columns among `names`; the result may contain other columns of the table."""
    held = _cache.get()
    if held is not None and table in held:
        return held[table]
    return {row.name: _column(row) for row in CrmColumn.objects.filter(table=table, name__in=names)}


def find(table: str, name: str) -> Column | None:
    """Return one column; None if it is not known."""
    row = CrmColumn.objects.filter(table=table, name=name).first()
    return _column(row) if row else None


def label(table: str, name: str) -> str:
    """Return the column's label on the CRM's forms; the logical name if it is not known."""
    row = CrmColumn.objects.filter(table=table, name=name).only("label").first()
    return row.label if row and row.label else name


def labels(table: str) -> dict[str, str]:
    """Return the labels of a table's columns by logical name, in one query."""
    return dict(CrmColumn.objects.filter(table=table).exclude(label="").values_list("name", "label"))


def refresh(crm: CrmClient, *, table: str = "contact", force: bool = False) -> bool:
    """Read the definitions if they are missing or older than FRESH_FOR; return whether they were read.

    With `force`, they are read in any case. Raises CrmError.
    """
    fresh = CrmColumn.objects.filter(table=table, read_at__gt=timezone.now() - FRESH_FOR)
    if fresh.exists() and not force:
        return False
    store(table, crm.columns(table))
    return True


def expire(table: str) -> None:
    """Have the next pull read the definitions again, because the CRM refused a request that relied on them."""
    CrmColumn.objects.filter(table=table).update(read_at=timezone.now() - FRESH_FOR)


def needs_refresh(table: str, names: Collection[str]) -> bool:
    """Return whether one of these columns is unknown and the CRM was not asked within RETRY_AFTER."""
    known = CrmColumn.objects.filter(table=table)
    if set(names) <= set(known.filter(name__in=names).values_list("name", flat=True)):
        return False
    return not known.filter(read_at__gt=timezone.now() - RETRY_AFTER).exists()


@transaction.atomic
def store(table: str, columns: tuple[Column, ...]) -> None:
    """Store these definitions and delete other columns; an unreadable one keeps its last known definition."""
    named = []
    for column in columns:
        if column.name:
            values = {"name": column.name, "label": column.label, "max_length": column.max_length}
            named.append(replace(column, problem=column.problem or fitting.misfit(CrmColumn, values)))
    problems = [Unreadable(column.name[:160], column.problem) for column in named if column.problem]
    unidentified = [column.problem for column in columns if not column.name]
    problems += [Unreadable(f"?{number}", problem) for number, problem in enumerate(unidentified, 1)]
    if table == REVIEWED_TABLE:  # the only table whose columns people see
        unreadable.replace_all(Kind.COLUMN, problems)
    stored = set(CrmColumn.objects.filter(table=table).values_list("name", flat=True))
    rows = [
        CrmColumn(
            table=table,
            name=column.name[:128],
            label=column.label[:400],
            type=column.type,
            max_length=column.max_length,
            precision=column.precision,
            minimum="" if column.minimum is None else str(column.minimum),
            maximum="" if column.maximum is None else str(column.maximum),
            options=[list(option) for option in column.options],
            targets=list(column.targets),
            navigation=[asdict(navigation) for navigation in column.navigation],
            writable=column.writable,
            is_zoneless=column.is_zoneless,
            is_shown_as_date=column.is_shown_as_date,
            read_at=Now(),
        )
        for column in named
        if not (column.problem and column.name in stored)
    ]
    updated = ["label", "type", "max_length", "options", "targets", "navigation", "writable", "read_at"]
    updated += ["is_zoneless", "is_shown_as_date", "precision", "minimum", "maximum"]
    CrmColumn.objects.bulk_create(rows, update_conflicts=True, unique_fields=["table", "name"], update_fields=updated)
    CrmColumn.objects.filter(table=table).exclude(name__in=[column.name[:128] for column in named]).delete()
    _read_cached.cache_clear()


def _column(row: CrmColumn) -> Column:
    return Column(
        table=row.table,
        name=row.name,
        label=row.label or row.name,
        # A newer release may have stored another type, during a rolling upgrade or before a downgrade.
        type=ColumnType(row.type) if row.type in tuple(ColumnType) else ColumnType.OTHER,
        max_length=row.max_length,
        precision=row.precision,
        minimum=Decimal(row.minimum) if row.minimum else None,
        maximum=Decimal(row.maximum) if row.maximum else None,
        options=tuple((int(value), str(text)) for value, text in row.options),
        targets=tuple(row.targets),
        navigation=tuple(Navigation(**navigation) for navigation in row.navigation),
        writable=row.writable,
        is_zoneless=row.is_zoneless,
        is_shown_as_date=row.is_shown_as_date,
    )
