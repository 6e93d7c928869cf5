"""The CRM's staged edits → our tables, by two delta links: the place where a staged change enters.

SyncFields are read before SyncRecords, so that each field's parent is in the later read. A page and its cursor commit
together; a crash repeats a page and changes nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import DeltaExpired
from syncapp.crm.page_chain import PageChain
from syncapp.crm.records import ChangePage
from syncapp.jobs.queue import failpoint
from syncapp.mirror import (
    arrivals,
    columns,
    companies,
    cursors,
    rows,
    search_words,
    statistics,
    supersede,
    unreadable,
    users,
)
from syncapp.mirror.cursors import Reader
from syncapp.mirror.unreadable import Kind
from syncapp.models import MirrorCursor, SyncField, SyncRecord
from syncapp.models.sync_field import FieldDecision

PAGE_SIZE = 1000
FIELDS, RECORDS = "fields", "records"
Progress = Callable[["Pulled"], None]


@dataclass(slots=True)
class Pulled:
    """What one pull did; `finished` means both tables were read to their end."""

    pages: int = 0
    fields: int = 0
    records: int = 0
    withdrawn: int = 0
    recognized: int = 0
    superseded: int = 0
    crm_seconds: float = 0.0
    finished: bool = False
    busy: bool = False


@dataclass(frozen=True, slots=True)
class _Table:
    """How one of the two tables is read and stored."""

    name: str
    read: Callable[[CrmClient, str], ChangePage[Any]]
    store: Callable[..., rows.Stored]
    kind: Kind


_TABLES = (
    _Table(FIELDS, lambda crm, link: crm.staged_fields(link, page_size=PAGE_SIZE), rows.store_fields, Kind.FIELD),
    _Table(RECORDS, lambda crm, link: crm.staged_records(link, page_size=PAGE_SIZE), rows.store_records, Kind.EDIT),
)


def pull(crm: CrmClient, *, seconds: float | None = None, progress: Progress = lambda pulled: None) -> Pulled:
    """Read what changed, for at most `seconds`; the next pull goes on where this one stopped.

    Raises CrmError, LostLease.
    """
    until = None if seconds is None else time.monotonic() + seconds
    pulled = Pulled()
    search_words.fill(until=until)
    columns.refresh(crm)
    for table in _TABLES:
        reader = cursors.take(table.name)
        if reader is None:
            pulled.busy = True
            return pulled
        try:
            with cursors.guarded(reader):
                if not _read(crm, table, reader, pulled, until=until, progress=progress):
                    return pulled
        finally:
            cursors.release(reader)
    users.read_editors(crm, users.due_editors())
    companies.read(crm)
    pulled.finished = True
    return pulled


def _read(
    crm: CrmClient,
    table: _Table,
    reader: Reader,
    pulled: Pulled,
    *,
    until: float | None,
    progress: Progress,
) -> bool:
    """Pages until the delta link; False where the time was up before."""
    cursor, has_begun_anew = cursors.of(reader), False
    chain = PageChain(pages=cursor.pages)
    while True:
        cursor = cursors.of(reader)
        started = time.monotonic()
        try:
            page = table.read(crm, chain.follow(cursor.next_link or cursor.delta_link))
        except DeltaExpired:
            if has_begun_anew:
                raise  # a link that was made just now
            has_begun_anew, chain = True, PageChain()
            cursors.start_over(reader)
            continue
        finally:
            pulled.crm_seconds += time.monotonic() - started
        _refresh_columns(crm, table, cursor, page)
        _store_page(_judging(table, crm, page), reader, cursor, page, pulled)
        progress(pulled)
        if page.delta_link:
            if cursor.is_full_read and table.name == RECORDS:
                statistics.refresh()
            return True
        if until is not None and time.monotonic() > until:
            return False


def _judging(table: _Table, crm: CrmClient, page: ChangePage[Any]) -> _Table:
    """Let the page's decided fields be compared with our own user in the CRM, which is asked for before it is stored.

    Without it nobody could tell our own marks from copies, so a CRM that does not say who we are ends the reading.
    """
    if table.name != FIELDS or not any(row.state for row in page.rows):
        return table
    return replace(table, store=partial(rows.store_fields, own_user=crm.own_user_id()))


def _refresh_columns(crm: CrmClient, table: _Table, cursor: MirrorCursor, page: ChangePage[Any]) -> None:
    """Definitions that changed, or an edit of a column that was made since, are read before the rows are shown."""
    if table.name != FIELDS:
        return
    changed = "" not in (cursor.definitions, page.definitions) and cursor.definitions != page.definitions
    if changed or columns.lacks("contact", {row.column for row in page.rows}):
        columns.refresh(crm, force=True)


def _store_page(table: _Table, reader: Reader, cursor: MirrorCursor, page: ChangePage[Any], pulled: Pulled) -> None:
    """Rows, deletions and the cursor: short transactions, the cursor with the last."""
    parts = list(rows.chunks(page.rows))
    for part in parts[:-1]:
        with transaction.atomic():
            _store_rows(table, part, cursor, pulled)
            cursors.move(reader)
    with transaction.atomic():
        _store_rows(table, parts[-1], cursor, pulled)
        _withdraw_deleted(table, page.deleted, pulled)
        unreadable.note(table.kind, page.unreadable, readable=page.deleted, generation=cursor.generation)
        if page.delta_link:
            _finish(table, reader, cursor, page, pulled)
        else:
            known = page.definitions or cursor.definitions
            cursors.move(reader, next_link=page.next_link, definitions=known, pages=F("pages") + 1)
        failpoint(f"mirror.{table.name}.stored")
    failpoint(f"mirror.{table.name}.moved")
    pulled.pages += 1


def _store_rows(table: _Table, part: Sequence[Any], cursor: MirrorCursor, pulled: Pulled) -> None:
    if not part:
        return
    stored = table.store(part, generation=cursor.generation)
    if stored.arrived and not arrivals.is_first_reading(cursor):
        arrivals.note(stored.arrived)
    marks = supersede.supersede(stored.records)
    if marks:
        failpoint("mirror.superseded")
    SyncRecord.objects.recount(stored.uncounted | supersede.records_of(marks))
    setattr(pulled, table.name, getattr(pulled, table.name) + len(part))
    pulled.withdrawn += stored.withdrawn
    pulled.recognized += stored.recognized
    pulled.superseded += len(marks)


def _withdraw_deleted(table: _Table, ids: Sequence[UUID], pulled: Pulled) -> None:
    if not ids:
        return
    gone = SyncField.objects.filter(**{"pk__in" if table.name == FIELDS else "record__in": ids})
    _withdraw(gone, pulled, why="deleted_in_the_crm")


def _finish(table: _Table, reader: Reader, cursor: MirrorCursor, page: ChangePage[Any], pulled: Pulled) -> None:
    """The end of a read. After a full one, open rows that it did not see are gone from the CRM."""
    done: dict[str, Any] = {"next_link": "", "delta_link": page.delta_link, "pulled_at": Now()}
    done |= {"pages": 0, "trouble": ""}
    done["definitions"] = page.definitions or cursor.definitions
    if cursor.is_full_read:
        done |= {"is_full_read": False, "full_read_at": Now()}
        unreadable.forget_older([table.kind], generation=cursor.generation)
        if table.name == RECORDS and arrivals.is_first_reading(cursor):
            arrivals.begin_with_backlog(table.name)
        if table.name == FIELDS:
            # Two questions, because only the first has an index by generation.
            for fields in (SyncField.objects.filter(decision=FieldDecision.PENDING), SyncField.objects.failed()):
                _withdraw(fields.filter(generation__lt=cursor.generation), pulled, why="not_in_the_full_read")
    cursors.move(reader, **done)


def _withdraw(fields: Any, pulled: Pulled, *, why: str) -> None:
    record_ids = set(fields.open().values_list("record_id", flat=True))
    pulled.withdrawn += rows.withdraw(fields, why=why)
    SyncRecord.objects.recount(record_ids)
