"""The CRM's staged edits → our tables, by two delta links: the place where a staged change enters.

SyncFields are read before SyncRecords, so that each field's parent is in the later read; where that brought new edits,
the fields are read once more before the edits are shown (mirror/edits/visibility.py). The cursor moves once its page is
stored: a crash repeats a page and changes nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import DeltaExpired
from syncapp.crm.page_chain import PageChain
from syncapp.crm.staging.records import ChangePage
from syncapp.jobs.queue import failpoint
from syncapp.mirror import columns, cursors, statistics, unreadable
from syncapp.mirror.cursors import TableLease
from syncapp.mirror.directory import editors
from syncapp.mirror.edits import arrivals, companies, rows, search_words, visibility
from syncapp.mirror.unreadable import Kind
from syncapp.models import MirrorCursor, SyncField, SyncRecord
from syncapp.models.locking import lock, retried
from syncapp.models.mirror.sync_field import FieldDecision

PAGE_SIZE = 1000
FIELDS, RECORDS = "fields", "records"
Progress = Callable[["PullResult"], None]
Readers = Mapping[str, TableLease]  # by table


@dataclass(slots=True)
class PullResult:
    """What one pull did; `finished` means both tables were read to their end."""

    pages: int = 0
    fields: int = 0
    records: int = 0
    shown: int = 0
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


@dataclass(frozen=True, slots=True)
class _Pull:
    """One pull under way; `hidden` are the edits that it stored and has not shown yet."""

    crm: CrmClient
    readers: Readers
    until: float | None
    progress: Progress
    pulled: PullResult
    hidden: set[UUID] = field(default_factory=set)

    def keep_leases(self) -> None:
        """Prove and renew both leases, in the transaction of what is stored. Raises LostLease."""
        for reader in self.readers.values():
            cursors.extend(reader)


def pull(crm: CrmClient, *, seconds: float | None = None, progress: Progress = lambda pulled: None) -> PullResult:
    """Read what changed, for at most `seconds`; the next pull goes on where this one stopped.

    Raises CrmError, LostLease.
    """
    until = None if seconds is None else time.monotonic() + seconds
    pulled = PullResult()
    search_words.fill(until=until)
    columns.refresh(crm)
    with _both_tables() as readers:
        if readers is None:
            pulled.busy = True
            return pulled
        if not _read_both(_Pull(crm, readers, until, progress, pulled)):
            return pulled
    editors.read_editors(crm, editors.due_editors())
    companies.read_missing(crm)
    pulled.finished = True
    return pulled


@contextmanager
def _both_tables() -> Iterator[Readers | None]:
    """Hold the right to read both tables; None where another puller has it: there is one at a time."""
    taken: dict[str, TableLease] = {}
    try:
        for table in _TABLES:
            reader = cursors.acquire(table.name)
            if reader is None:
                break
            taken[table.name] = reader
        yield taken if len(taken) == len(_TABLES) else None
    finally:
        for reader in taken.values():
            cursors.release(reader)


def _read_both(this: _Pull) -> bool:
    """Read both tables and show what is complete; False where the time was up before."""
    fields, records = _TABLES
    stored_before = visibility.hidden_ids()
    if not _read(this, fields):
        return False
    _show(this, stored_before)
    if not _read(this, records):
        return False
    if this.hidden:
        if not _read(this, fields):
            return False
        _show(this, this.hidden)
    return True


def _show(this: _Pull, ids: Collection[UUID]) -> None:
    """Show those of these edits that have fields by now, after a reading of the fields."""
    is_news = not arrivals.is_first_reading(cursors.current(this.readers[RECORDS]))
    for part in rows.chunks(sorted(visibility.with_fields(ids))):
        _show_part(this, part, is_news=is_news)


def _show_part(this: _Pull, ids: Collection[UUID], *, is_news: bool) -> None:
    if not ids:
        return

    @retried
    def show() -> visibility.ShowResult:
        shown = visibility.show(ids, is_news=is_news)
        this.keep_leases()
        return shown

    shown = show()
    this.hidden.difference_update(shown.edits)
    this.pulled.shown += len(shown.edits)
    this.pulled.superseded += shown.superseded


def _read(this: _Pull, table: _Table) -> bool:
    """Read pages until the delta link; return False where the time was up before."""
    reader = this.readers[table.name]
    with cursors.recording_problems(reader):
        cursor, has_begun_anew = cursors.current(reader), False
        chain = PageChain(pages=cursor.pages)
        while True:
            cursor = cursors.current(reader)
            started = time.monotonic()
            try:
                page = table.read(this.crm, chain.follow(cursor.next_link or cursor.delta_link))
            except DeltaExpired:
                if has_begun_anew:
                    raise  # a link that was made just now
                has_begun_anew, chain = True, PageChain()
                cursors.restart(reader)
                continue
            finally:
                this.pulled.crm_seconds += time.monotonic() - started
            _refresh_columns(this.crm, table, cursor, page)
            _store_page(this, _judging(table, this.crm, page), cursor, page)
            this.progress(this.pulled)
            if page.delta_link:
                if _is_whole(table, cursor):
                    return True
                chain = PageChain()
            if this.until is not None and time.monotonic() > this.until:
                return False


def _is_whole(table: _Table, cursor: MirrorCursor) -> bool:
    """Return whether all fields of each edit have come, once a reading that began with `cursor` came to its end.

    Of an edit that was staged between two pages a part may have come; the rest is in the next delta.
    """
    return table.name == RECORDS or cursor.pages == 0


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
    if changed or columns.needs_refresh("contact", {row.column for row in page.rows}):
        columns.refresh(crm, force=True)


def _store_page(this: _Pull, table: _Table, cursor: MirrorCursor, page: ChangePage[Any]) -> None:
    """Store the rows, show what is complete, then keep deletions and the cursor: in short transactions.

    Rows of one table are stored in a transaction of their own, so that it locks them in one order.
    """
    for part in rows.chunks(page.rows):
        _store_rows(this, table, cursor, part)

    @retried
    def finish() -> int:
        withdrawn = _withdraw_gone(table, cursor, page)
        unreadable.register(table.kind, page.unreadable, readable=page.deleted, generation=cursor.generation)
        reader = this.readers[table.name]
        if page.delta_link:
            _finish(table, reader, cursor, page)
        else:
            known = page.definitions or cursor.definitions
            cursors.advance(reader, next_link=page.next_link, definitions=known, pages=F("pages") + 1)
        failpoint(f"mirror.{table.name}.stored")
        return withdrawn

    this.pulled.withdrawn += finish()
    failpoint(f"mirror.{table.name}.moved")
    if page.delta_link and cursor.is_full_read and table.name == RECORDS:
        statistics.refresh()
    this.pulled.pages += 1


def _store_rows(this: _Pull, table: _Table, cursor: MirrorCursor, part: Sequence[Any]) -> None:
    if not part:
        return
    is_news = not arrivals.is_first_reading(cursor)

    @retried
    def store() -> rows.Stored:
        stored = table.store(part, generation=cursor.generation)
        SyncRecord.objects.recount(stored.uncounted)
        if is_news:
            arrivals.record(stored.readable)
        this.keep_leases()
        return stored

    stored = store()
    pulled = this.pulled
    setattr(pulled, table.name, getattr(pulled, table.name) + len(part))
    pulled.withdrawn += stored.withdrawn
    pulled.recognized += stored.recognized
    this.hidden.update(stored.hidden)
    _show_part(this, stored.records, is_news=is_news)


def _withdraw_gone(table: _Table, cursor: MirrorCursor, page: ChangePage[Any]) -> int:
    """Withdraw open fields that were deleted, and after a full read those that it did not see; return how many."""
    deleted = SyncField.objects.filter(**{"pk__in" if table.name == FIELDS else "record__in": page.deleted})
    gone = [(deleted, "deleted_in_the_crm")] if page.deleted else []
    if page.delta_link and cursor.is_full_read and table.name == FIELDS:
        # Two questions, because only the first has an index by generation.
        for fields in (SyncField.objects.filter(decision=FieldDecision.PENDING), SyncField.objects.failed()):
            gone.append((fields.filter(generation__lt=cursor.generation), "not_in_the_full_read"))
    of_records = dict(pair for fields, _ in gone for pair in fields.open().values_list("pk", "record_id"))
    if not of_records:
        return 0
    lock(SyncField.objects.filter(pk__in=of_records))
    withdrawn = sum(rows.withdraw(fields, why=why) for fields, why in gone)
    SyncRecord.objects.recount(of_records.values())
    return withdrawn


def _finish(table: _Table, reader: TableLease, cursor: MirrorCursor, page: ChangePage[Any]) -> None:
    """Keep the end of a read; the delta follows from there."""
    done: dict[str, Any] = {"next_link": "", "delta_link": page.delta_link, "pulled_at": Now()}
    done |= {"pages": 0, "trouble": ""}
    done["definitions"] = page.definitions or cursor.definitions
    if cursor.is_full_read:
        done |= {"is_full_read": False, "full_read_at": Now()}
        unreadable.remove_older([table.kind], generation=cursor.generation)
        if table.name == RECORDS and arrivals.is_first_reading(cursor):
            arrivals.start_backlog(table.name)
    cursors.advance(reader, **done)
