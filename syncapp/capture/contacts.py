"""The first step of a round: contacts that changed, found by change tracking; an audit entry is expected for each.

A changed contact is awaited until its entry arrives or the waiting time ends: changes to columns that are not audited
leave no entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F

from syncapp.capture import delays
from syncapp.capture.rounds import Round
from syncapp.crm.contact_changes import ContactChange
from syncapp.crm.errors import DeltaExpired
from syncapp.crm.page_chain import PageChain
from syncapp.crm.staging.records import ChangePage
from syncapp.jobs.queue import failpoint
from syncapp.mirror import cursors, uses
from syncapp.mirror.uses import Use
from syncapp.models import CaptureContact, CaptureEntry
from syncapp.models.jobs.job import database_now
from syncapp.models.locking import retried

PAGE_SIZE = 5000
RETENTION = timedelta(days=2)


def read(running: Round) -> bool:
    """Read the contacts that changed; return False if the time ran out. Raises CrmError, LostLease."""
    chain, has_restarted = PageChain(pages=cursors.current(running.lease).pages), False
    while True:
        cursor = cursors.current(running.lease)
        try:
            link = chain.follow(cursor.next_link or cursor.delta_link)
            page = running.crm.contact_changes.tracked(link, page_size=PAGE_SIZE)
        except DeltaExpired:
            if has_restarted:
                raise  # a new link cannot have expired
            has_restarted, chain = True, PageChain()
            cursors.restart(running.lease)
            continue
        _store(running, page, is_full_read=cursor.is_full_read)
        failpoint("capture.contacts")
        if page.delta_link:
            return True
        if running.is_over():
            return False


@retried
def _store(running: Round, page: ChangePage[ContactChange], *, is_full_read: bool) -> None:
    changed = [row for row in page.rows if row.modified_on is not None]
    if is_full_read:  # the first read returns every contact; those that have not changed lately are not awaited
        since = max(filter(None, (running.capture.observing_since, running.capture.read_until)), default=running.now)
        oldest = since - delays.overlap(running.capture)
        changed = [row for row in changed if row.modified_on is not None and row.modified_on >= oldest]
    new = _new_changes(changed)
    now, patience = running.now, delays.patience(running.capture)
    rows = [
        CaptureContact(
            contact_id=row.contact_id,
            modified_on=modified_on,
            version=row.version,
            created_on=row.created_on,
            modified_by=row.modified_by,
            signed_by=row.signed_by,
            noticed_at=now,
            awaited_until=now + patience,
        )
        for row in new
        if (modified_on := row.modified_on) is not None
    ]
    updated = ["modified_on", "version", "created_on", "modified_by", "signed_by", "noticed_at", "awaited_until"]
    CaptureContact.objects.bulk_create(
        rows, batch_size=1000, update_conflicts=True, unique_fields=["contact_id"], update_fields=updated
    )
    CaptureContact.objects.filter(pk__in=page.deleted).delete()
    running.result.contacts += len(rows) + len(page.deleted)
    if page.delta_link:
        done = {"delta_link": page.delta_link, "next_link": "", "is_full_read": False, "pages": 0}
        cursors.advance(running.lease, **done)
    else:
        cursors.advance(running.lease, next_link=page.next_link, pages=F("pages") + 1)
    if not is_full_read and rows:
        uses.note(Use.CONTACTS)


def _new_changes(rows: list[ContactChange]) -> list[ContactChange]:
    """Return the rows with a change that is not known yet, so that reading a page again changes nothing.

    Times have whole seconds, so only the version shows that a contact changed twice within one second.
    """
    ids = [row.contact_id for row in rows]
    known: dict[UUID, tuple[datetime, int | None]] = {}
    for start in range(0, len(ids), 1000):
        found = CaptureContact.objects.filter(pk__in=ids[start : start + 1000])
        known |= {row.contact_id: (row.modified_on, row.version) for row in found}
    return [row for row in rows if known.get(row.contact_id) != (row.modified_on, row.version)]


def stop_waiting(newest: Mapping[UUID, datetime]) -> None:
    """Stop waiting for entries that have arrived; `newest` has the time of the newest entry by contact."""
    ids = list(newest)
    for start in range(0, len(ids), 1000):
        awaited = CaptureContact.objects.filter(pk__in=ids[start : start + 1000], awaited_until__isnull=False)
        arrived = [
            key
            for key, modified_on in awaited.values_list("contact_id", "modified_on")
            if modified_on.replace(microsecond=0) <= newest[key].replace(microsecond=0)
        ]
        CaptureContact.objects.filter(pk__in=arrived).update(awaited_until=None)


def awaited_since(now: datetime) -> datetime | None:
    """Return the time of the oldest change whose entry is still awaited; None if there is none."""
    awaited = CaptureContact.objects.filter(awaited_until__gt=now).order_by("modified_on")
    return awaited.values_list("modified_on", flat=True).first()


def has_missing_entries(now: datetime) -> bool:
    """Return whether, since the newest entry was read, contacts have changed whose entries did not arrive in time."""
    newest = CaptureEntry.objects.order_by("-read_at").values_list("read_at", flat=True).first()
    silent = CaptureContact.objects.filter(awaited_until__lte=now)
    return (silent if newest is None else silent.filter(noticed_at__gt=newest)).exists()


def delete_old() -> int:
    """Delete rows about contacts whose change was noticed more than two days ago; return how many."""
    return CaptureContact.objects.filter(noticed_at__lt=database_now(plus=-RETENTION.total_seconds())).delete()[0]
