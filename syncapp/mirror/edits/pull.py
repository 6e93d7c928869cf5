"""The pull: reads staged edits from the CRM into our tables, by two delta links.

Fields are read before records, so that each field's parent is in the later read; if that read brings new edits, the
fields are read again before the edits are shown (mirror/edits/visibility.py). The cursor moves once its page is stored,
so a crash repeats a page, which changes nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, DeltaExpired
from syncapp.crm.page_chain import PageChain
from syncapp.crm.staging.records import ChangePage
from syncapp.jobs import breakers
from syncapp.jobs.queue import failpoint
from syncapp.mirror import columns, cursors, statistics, unreadable, uses
from syncapp.mirror.cursors import TableLease
from syncapp.mirror.directory import editors
from syncapp.mirror.edits import arrivals, companies, rows, search_words, staging_columns, visibility
from syncapp.mirror.unreadable import Kind
from syncapp.mirror.uses import Use
from syncapp.models import Breaker, MirrorCursor, SyncField, SyncRecord
from syncapp.models.jobs.job import database_now
from syncapp.models.locking import lock, retried
from syncapp.models.mirror.sync_field import FieldDecision

PAGE_SIZE = 1000
FIELDS, RECORDS = "fields", "records"
Progress = Callable[["PullResult"], None]
Leases = Mapping[str, TableLease]  # by table


@dataclass(slots=True)
class PullResult:
    """Counts of one pull.

    `finished` is True if both tables were read completely, `busy` if another pull was running.
    """

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
    """One of the two tables, with the functions that read and store its rows."""

    name: str
    read: Callable[[CrmClient, str], ChangePage[Any]]
    store: Callable[..., rows.StoreResult]
    kind: Kind


_TABLES = (
    _Table(FIELDS, lambda crm, link: crm.staged_fields(link, page_size=PAGE_SIZE), rows.store_fields, Kind.FIELD),
    _Table(
        RECORDS,
        lambda crm, link: crm.staged_records(link, page_size=PAGE_SIZE, with_origin=staging_columns.has_origin(crm)),
        rows.store_records,
        Kind.EDIT,
    ),
)


@dataclass(frozen=True, slots=True)
class _Pull:
    """A running pull; `hidden` are the edits that it stored and has not shown yet."""

    crm: CrmClient
    leases: Leases
    until: float | None
    progress: Progress
    pulled: PullResult
    hidden: set[UUID] = field(default_factory=set)

    def extend_leases(self) -> None:
        """Check and extend both leases, in the transaction that stores rows. Raises LostLease."""
        for lease in self.leases.values():
            cursors.extend(lease)


def pull(crm: CrmClient, *, seconds: float | None = None, progress: Progress = lambda pulled: None) -> PullResult:
    """Read changes for at most `seconds`; the next pull continues from there. Raises CrmError, LostLease."""
    until = None if seconds is None else time.monotonic() + seconds
    pulled = PullResult()
    search_words.fill(until=until)
    columns.refresh(crm)
    with _lease_tables() as leases:
        if leases is None:
            pulled.busy = True
            return pulled
        fields, records = _TABLES
        running = _Pull(crm, leases, until, progress, pulled)
        hidden_before = visibility.hidden_ids()
        if not _read(running, fields):
            return pulled
        _show(running, hidden_before)
        if not _read(running, records):
            return pulled
        if running.hidden:
            if not _read(running, fields):
                return pulled
            _show(running, running.hidden)
    _read_names(crm)
    pulled.finished = True
    return pulled


def _read_names(crm: CrmClient) -> None:
    """Read editors and companies; if the CRM refuses that, edits still arrive. Raises other errors of the CRM."""
    permit = breakers.try_acquire((Breaker.Name.REFUSED_NAMES,))
    if permit is None:
        return
    try:
        editors.read_editors(crm, editors.due_editors())
        companies.read_missing(crm)
    except CrmError as error:
        if not error.is_refusal:
            raise
        breakers.record_refusal(Breaker.Name.REFUSED_NAMES, error)
        return
    if permit.probes:
        breakers.reset(Breaker.Name.REFUSED_NAMES)


def is_due() -> bool:
    """Return whether to begin a pull now; one that failed or did not reach the end is repeated at once."""
    interval = uses.pull_interval()
    if interval <= settings.PULL_SECONDS:
        return True
    recent = {"pulled_at__gt": database_now(plus=-interval), "pulled_at__lte": Now()}
    read = MirrorCursor.objects.filter(table__in=[FIELDS, RECORDS], is_full_read=False, next_link="", **recent)
    return read.count() < len(_TABLES)


@contextmanager
def _lease_tables() -> Iterator[Leases | None]:
    """Lease both tables; None if another pull holds one of them."""
    leases: dict[str, TableLease] = {}
    try:
        for table in _TABLES:
            lease = cursors.acquire(table.name)
            if lease is None:
                break
            leases[table.name] = lease
        yield leases if len(leases) == len(_TABLES) else None
    finally:
        for lease in leases.values():
            cursors.release(lease)


def _show(running: _Pull, ids: Collection[UUID]) -> None:
    """Show the edits among `ids` that have fields."""
    records_arrivals = not arrivals.is_first_read(cursors.current(running.leases[RECORDS]))
    for part in rows.split_chunks(sorted(visibility.ids_with_fields(ids))):
        _show_part(running, part, records_arrivals=records_arrivals)


def _show_part(running: _Pull, ids: Collection[UUID], *, records_arrivals: bool) -> None:
    if not ids:
        return
    editors.read_arriving_editors(running.crm)

    @retried
    def show() -> visibility.ShowResult:
        result = visibility.show(ids, records_arrivals=records_arrivals)
        running.extend_leases()
        return result

    result = show()
    running.hidden.difference_update(result.edits)
    running.pulled.shown += len(result.edits)
    running.pulled.superseded += result.superseded


def _read(running: _Pull, table: _Table) -> bool:
    """Read pages until the delta link; return False if the time ran out."""
    lease = running.leases[table.name]
    with cursors.recording_problems(lease):
        cursor, has_restarted = cursors.current(lease), False
        chain = PageChain(pages=cursor.pages)
        while True:
            cursor = cursors.current(lease)
            started = time.monotonic()
            try:
                page = table.read(running.crm, chain.follow(cursor.next_link or cursor.delta_link))
            except DeltaExpired:
                if has_restarted:
                    raise  # the link is new
                has_restarted, chain = True, PageChain()
                cursors.restart(lease)
                continue
            finally:
                running.pulled.crm_seconds += time.monotonic() - started
            if table.name == FIELDS:
                versions = {cursor.definitions, page.definitions}
                definitions_changed = "" not in versions and len(versions) > 1
                if definitions_changed or columns.needs_refresh("contact", {row.column for row in page.rows}):
                    columns.refresh(running.crm, force=True)
            _store_page(running, table, cursor, page)
            running.progress(running.pulled)
            if page.delta_link:
                # An edit staged between two pages may lack fields; they are in the next delta.
                if table.name == RECORDS or cursor.pages == 0:
                    return True
                chain = PageChain()
            if running.until is not None and time.monotonic() > running.until:
                return False


def _store_page(running: _Pull, table: _Table, cursor: MirrorCursor, page: ChangePage[Any]) -> None:
    """Store the rows, show complete edits, then apply deletions and move the cursor, in short transactions.

    Rows of each table are stored in separate transactions, which lock them in a fixed order.
    """
    if table.name == FIELDS and any(row.state for row in page.rows):
        # A mark is ours only if our own user wrote it, so the pull fails if the CRM does not name that user.
        table = replace(table, store=partial(rows.store_fields, own_user=running.crm.own_user_id()))
    for part in rows.split_chunks(page.rows):
        _store_rows(running, table, cursor, part)

    @retried
    def store_position() -> int:
        withdrawn = _withdraw_gone(table, cursor, page)
        unreadable.register(table.kind, page.unreadable, readable=page.deleted, generation=cursor.generation)
        values: dict[str, Any] = {"next_link": page.next_link, "pages": F("pages") + 1}
        values["definitions"] = page.definitions or cursor.definitions
        if page.delta_link:  # the next delta continues from here
            values |= {"delta_link": page.delta_link, "next_link": "", "pulled_at": Now(), "pages": 0, "trouble": ""}
            if cursor.is_full_read:
                values |= {"is_full_read": False, "full_read_at": Now()}
                unreadable.remove_older([table.kind], generation=cursor.generation)
                if table.name == RECORDS and arrivals.is_first_read(cursor):
                    arrivals.start_backlog(table.name)
        cursors.advance(running.leases[table.name], **values)
        failpoint(f"mirror.{table.name}.stored")
        return withdrawn

    running.pulled.withdrawn += store_position()
    failpoint(f"mirror.{table.name}.moved")
    if page.delta_link and cursor.is_full_read and table.name == RECORDS:
        statistics.refresh()
    running.pulled.pages += 1


def _store_rows(running: _Pull, table: _Table, cursor: MirrorCursor, part: Sequence[Any]) -> None:
    if not part:
        return
    failpoint(f"mirror.{table.name}.read")
    records_arrivals = not arrivals.is_first_read(cursor)
    if not cursor.is_full_read:  # the full read also returns known edits
        uses.note(Use.ARRIVALS)

    @retried
    def store() -> rows.StoreResult:
        result = table.store(part, generation=cursor.generation)
        SyncRecord.objects.recount(result.uncounted)
        if records_arrivals:
            arrivals.record(result.readable)
        running.extend_leases()
        return result

    result = store()
    pulled = running.pulled
    setattr(pulled, table.name, getattr(pulled, table.name) + len(part))
    pulled.withdrawn += result.withdrawn
    pulled.recognized += result.recognized
    running.hidden.update(result.hidden)
    _show_part(running, result.records, records_arrivals=records_arrivals)


def _withdraw_gone(table: _Table, cursor: MirrorCursor, page: ChangePage[Any]) -> int:
    """Withdraw open fields that were deleted, or that a full read did not find; return how many."""
    deleted = SyncField.objects.filter(**{"pk__in" if table.name == FIELDS else "record__in": page.deleted})
    gone = [(deleted, "deleted_in_the_crm")] if page.deleted else []
    if page.delta_link and cursor.is_full_read and table.name == FIELDS:
        # Two queries, because only the first has an index by generation.
        for fields in (SyncField.objects.filter(decision=FieldDecision.PENDING), SyncField.objects.failed()):
            gone.append((fields.filter(generation__lt=cursor.generation), "not_in_the_full_read"))
    record_by_field = dict(pair for fields, _ in gone for pair in fields.open().values_list("pk", "record_id"))
    if not record_by_field:
        return 0
    lock(SyncField.objects.filter(pk__in=record_by_field))
    withdrawn = sum(rows.withdraw(fields, why=why) for fields, why in gone)
    SyncRecord.objects.recount(record_by_field.values())
    return withdrawn
