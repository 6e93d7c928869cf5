"""How far each table has been read: one puller at a time, by a lease and a fence in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Now

from syncapp.crm.errors import ProtocolError
from syncapp.crm.page_chain import ENDLESS
from syncapp.jobs.queue import LostLease
from syncapp.models import MirrorCursor
from syncapp.models.jobs.job import database_now


@dataclass(frozen=True, slots=True)
class TableLease:
    """The right to read one table, for as long as its fence is the newest."""

    table: str
    fencing_token: int


def acquire(table: str) -> TableLease | None:
    """The right to read a table, or None while somebody else holds it."""
    MirrorCursor.objects.get_or_create(table=table)
    free = MirrorCursor.objects.filter(Q(table=table) & (Q(lease_until__isnull=True) | Q(lease_until__lte=Now())))
    if free.update(fencing_token=F("fencing_token") + 1, lease_until=database_now(plus=settings.LEASE)) != 1:
        return None
    return TableLease(table, MirrorCursor.objects.get(table=table).fencing_token)


def current(reader: TableLease) -> MirrorCursor:
    """The cursor as it stands."""
    return MirrorCursor.objects.get(table=reader.table)


def advance(reader: TableLease, **columns: Any) -> None:
    """Move the cursor and renew the lease, in the transaction of the page that was read. Raises LostLease."""
    lease = {"lease_until": database_now(plus=settings.LEASE), "moved_at": Now()}
    held = MirrorCursor.objects.filter(
        table=reader.table, fencing_token=reader.fencing_token, lease_until__isnull=False
    )
    if held.update(**{**lease, **columns}) != 1:
        raise LostLease(reader.table)


def extend(reader: TableLease) -> None:
    """Renew the lease of a table that is not being read at the moment. Raises LostLease."""
    held = MirrorCursor.objects.filter(
        table=reader.table, fencing_token=reader.fencing_token, lease_until__isnull=False
    )
    if held.update(lease_until=database_now(plus=settings.LEASE)) != 1:
        raise LostLease(reader.table)


def release(reader: TableLease) -> None:
    """Let the next puller in at once."""
    MirrorCursor.objects.filter(table=reader.table, fencing_token=reader.fencing_token).update(lease_until=None)


def restart(reader: TableLease) -> None:
    """Begin a full read under a new generation: an expired link, or the nightly repair. Raises LostLease."""
    advance(reader, next_link="", delta_link="", is_full_read=True, generation=F("generation") + 1, pages=0)


def record_problem(reader: TableLease, why: str) -> None:
    """Keep why the table could not be read, until it can."""
    MirrorCursor.objects.filter(table=reader.table, fencing_token=reader.fencing_token).update(trouble=why[:300])


@contextmanager
def recording_problems(reader: TableLease) -> Iterator[None]:
    """Keep why an answer could not be used; pages without end are read from the start the next time."""
    try:
        yield
    except ProtocolError as error:
        record_problem(reader, error.message)
        if error.code == ENDLESS:
            restart(reader)
        raise


def request_full_read(table: str) -> bool:
    """Make the next pull a full read; False while somebody reads, since a read must not change its kind midway."""
    reader = acquire(table)
    if reader is None:
        return False
    restart(reader)
    release(reader)
    return True
