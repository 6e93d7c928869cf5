"""Read cursors: how far each table has been read, by one puller at a time (lease and fencing token in the database)."""

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
    """The right to read one table, valid while its fencing token is the newest."""

    table: str
    fencing_token: int


def acquire(table: str) -> TableLease | None:
    """Lease a table; return None while another puller holds it."""
    MirrorCursor.objects.get_or_create(table=table)
    free = MirrorCursor.objects.filter(Q(table=table) & (Q(lease_until__isnull=True) | Q(lease_until__lte=Now())))
    if free.update(fencing_token=F("fencing_token") + 1, lease_until=database_now(plus=settings.LEASE)) != 1:
        return None
    return TableLease(table, MirrorCursor.objects.get(table=table).fencing_token)


def current(lease: TableLease) -> MirrorCursor:
    """Return the table's cursor."""
    return MirrorCursor.objects.get(table=lease.table)


def advance(lease: TableLease, **columns: Any) -> None:
    """Move the cursor and extend the lease, in the transaction that stores the page. Raises LostLease."""
    extended = {"lease_until": database_now(plus=settings.LEASE), "moved_at": Now()}
    held = MirrorCursor.objects.filter(table=lease.table, fencing_token=lease.fencing_token, lease_until__isnull=False)
    if held.update(**{**extended, **columns}) != 1:
        raise LostLease(lease.table)


def extend(lease: TableLease) -> None:
    """Extend the lease (heartbeat). Raises LostLease."""
    held = MirrorCursor.objects.filter(table=lease.table, fencing_token=lease.fencing_token, lease_until__isnull=False)
    if held.update(lease_until=database_now(plus=settings.LEASE)) != 1:
        raise LostLease(lease.table)


def release(lease: TableLease) -> None:
    """Release the lease."""
    MirrorCursor.objects.filter(table=lease.table, fencing_token=lease.fencing_token).update(lease_until=None)


def restart(lease: TableLease) -> None:
    """Start a full read with a new generation, after an unusable link or for the nightly repair. Raises LostLease."""
    advance(lease, next_link="", delta_link="", is_full_read=True, generation=F("generation") + 1, pages=0)


def record_problem(lease: TableLease, problem: str) -> None:
    """Store why the table could not be read, until it can be read again."""
    MirrorCursor.objects.filter(table=lease.table, fencing_token=lease.fencing_token).update(trouble=problem[:300])


@contextmanager
def recording_problems(lease: TableLease) -> Iterator[None]:
    """Store why an answer was unusable; after an endless page chain, restart from the beginning."""
    try:
        yield
    except ProtocolError as error:
        record_problem(lease, error.message)
        if error.code == ENDLESS:
            restart(lease)
        raise


def request_full_read(table: str) -> bool:
    """Make the next pull a full read; return False while the table is being read."""
    lease = acquire(table)
    if lease is None:
        return False
    restart(lease)
    release(lease)
    return True
