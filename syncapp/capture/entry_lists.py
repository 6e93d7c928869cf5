"""The second step of a round: the list of audit entries since the cursor minus an overlap, stored as rows.

Entries may appear late and out of order, so each listing begins before the newest known entry, and entries are
recognized by their id. Every six hours, a whole day is listed again, to find entries that arrived even later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from syncapp.capture import auditing, contacts, delays, identities, sources, values
from syncapp.capture.columns import TABLE
from syncapp.capture.policy import Reason
from syncapp.capture.rounds import Round
from syncapp.crm.audits.records import AuditEntry, Operation
from syncapp.crm.errors import CrmError
from syncapp.crm.page_chain import PageChain
from syncapp.crm.paging import Page
from syncapp.jobs.queue import failpoint
from syncapp.mirror import unreadable
from syncapp.mirror.unreadable import Kind
from syncapp.models import Capture, CaptureEntry, CaptureValue
from syncapp.models.capture.entry import EntryState, Evidence
from syncapp.models.locking import retried

PAGE_SIZE = 1000
OPERATIONS = (Operation.CREATE, Operation.UPDATE, Operation.DELETE)
# Even if no contact changes, the list is read this often.
MAX_INTERVAL = timedelta(hours=1)
DEEP_LISTING_INTERVAL, DEEP_LISTING_PERIOD = timedelta(hours=6), timedelta(hours=24)
_ROUNDING = timedelta(seconds=2)


def read(running: Round) -> bool:
    """List the entries if any are expected; return False if the time ran out. Raises CrmError, LostLease."""
    if not _entries_are_expected(running):
        return True
    if not running.capture.next_link:
        _begin(running)
    chain = PageChain()
    while True:
        page = _read_page(running, chain.follow(running.capture.next_link))
        _store(running, page)
        failpoint("capture.listed")
        if not page.next_link:
            _finish(running)
            return True
        if running.is_over():
            return False


def _entries_are_expected(running: Round) -> bool:
    capture, now = running.capture, running.now
    if capture.next_link or running.result.contacts or capture.listed_at is None:
        return True
    if now - capture.listed_at > MAX_INTERVAL or contacts.awaited_since(now) is not None:
        return True
    # Waiting ends at the first entry from the second in which the contact last changed; that second may have more.
    return CaptureEntry.objects.filter(read_at__gte=capture.listed_at).exists()


def _begin(running: Round) -> None:
    capture, now = running.capture, running.now
    since = (capture.read_until or capture.observing_since or now) - delays.overlap(capture)
    awaited = contacts.awaited_since(now)
    if awaited is not None:
        since = min(since, awaited - _ROUNDING)
    if capture.deep_listed_at is None or now - capture.deep_listed_at > DEEP_LISTING_INTERVAL:
        # After downtime, also list the day before it, whose late entries were never read.
        since = min(since, (capture.listed_at or now) - DEEP_LISTING_PERIOD)
        capture.deep_listed_at = now
    capture.listing_since = max(since, capture.observing_since or since)
    capture.listing_began_at = now
    capture.save(update_fields=["listing_since", "listing_began_at", "deep_listed_at"])


def _read_page(running: Round, link: str) -> Page[AuditEntry]:
    """Read a page of the list. The first read also finds out whether this CRM's lists may name the changed columns."""
    capture = running.capture
    if link or capture.has_change_data is not None:
        return _request_page(running, link, with_change_data=bool(capture.has_change_data))
    try:
        page = _request_page(running, link, with_change_data=True)
        capture.has_change_data = True
    except CrmError as error:
        if not error.is_refusal:
            raise
        page = _request_page(running, link, with_change_data=False)
        capture.has_change_data = False
    capture.save(update_fields=["has_change_data"])
    return page


def _request_page(running: Round, link: str, *, with_change_data: bool) -> Page[AuditEntry]:
    since = running.capture.listing_since or running.now
    return running.crm.audits.entries(
        TABLE,
        since=since,
        operations=OPERATIONS,
        with_change_data=with_change_data,
        link=link,
        page_size=PAGE_SIZE,
    )


@retried
def _store(running: Round, page: Page[AuditEntry]) -> None:
    readable, set_aside = unreadable.split(Kind.ENTRY, page.rows, page.unreadable)
    known = set(CaptureEntry.objects.filter(pk__in=[each.id for each in readable]).values_list("pk", flat=True))
    fresh = [each for each in readable if each.id not in known and each.created_on and each.row_id]
    rows, named = [], []
    for entry in fresh:
        row, columns = _row(running, entry)
        rows.append(row)
        named += [CaptureValue(entry=row, column_name=column) for column in columns]
    CaptureEntry.objects.bulk_create(rows, batch_size=500)
    CaptureValue.objects.bulk_create(named, batch_size=500)
    newest: dict[UUID, datetime] = {}
    for row in rows:
        newest[row.contact_id] = max(row.happened_at, newest.get(row.contact_id, row.happened_at))
    contacts.stop_waiting(newest)
    signed = [row for row in rows if row.evidence == Evidence.CALLING_USER]
    if signers := {row.calling_user_id for row in signed if row.calling_user_id is not None}:
        identities.note_signature(signers)
    Capture.objects.update(next_link=page.next_link)
    running.extend_lease()
    running.capture.next_link = page.next_link
    running.result.entries += len(rows)
    running.result.set_aside += len(set_aside) + len(page.unreadable)


def _row(running: Round, entry: AuditEntry) -> tuple[CaptureEntry, Sequence[str]]:
    """Return the row for a new entry, and the tracked columns that it names as changed."""
    if entry.created_on is None or entry.row_id is None:
        raise ValueError("an entry without a contact or a time")
    named = values.named_changes(entry.change_data, running.revision) if entry.change_data else None
    is_audited = running.revision in auditing.readable_at(running.capture, entry.created_on, [running.revision])
    revision = sources.Revision.UNKNOWN
    if named is not None:
        revision = sources.revision_of(*named.revision, is_audited=is_audited)
    found = sources.conclude(entry, running.known, revision=revision)
    row = CaptureEntry(
        audit_id=entry.id,
        contact_id=entry.row_id,
        action=entry.action,
        happened_at=entry.created_on,
        user_id=entry.user_id,
        calling_user_id=entry.calling_user_id,
        transaction_id=entry.transaction_id,
        source=found.source,
        evidence=found.evidence,
        lacks_revision=found.lacks_revision,
        read_at=running.now,
        delay=delays.delay_of(entry.created_on, now=running.now, listed_at=running.capture.listed_at),
    )
    if sources.ends_baselines(entry):
        row.state = EntryState.BASELINE_END
        return row, ()
    columns = sorted(named.columns & set(running.columns)) if named is not None else []
    if named is not None and not columns:
        row.state, row.reason = EntryState.LET_THROUGH, Reason.NO_TRACKED_COLUMN
    return row, columns


def _finish(running: Round) -> None:
    """Record that the list is complete: measure delays, move the cursor, and record gaps."""
    capture = running.capture
    newest = CaptureEntry.objects.order_by("-happened_at").values_list("happened_at", flat=True).first()
    if running.result.entries:
        delays.update(running.now)
    Capture.objects.update(read_until=newest or capture.read_until, listed_at=capture.listing_began_at)
    capture.refresh_from_db()
    if not running.result.entries and contacts.has_missing_entries(running.now):
        watched = [*running.columns, running.revision]
        auditing.refresh(running.crm, capture, watched, now=running.now, may_be_off=True)
