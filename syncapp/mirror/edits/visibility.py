"""Visibility of edits: an edit is shown together with all its fields, so that no part of it is decided alone.

The CRM stages an edit and its fields in one transaction, but they are read from two tables, a moment apart. An edit is
therefore stored hidden, and shown once all fields have been read after it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from syncapp.jobs.queue import failpoint
from syncapp.mirror.edits import arrivals, recognition, supersede
from syncapp.models import SyncField, SyncRecord


@dataclass(frozen=True, slots=True)
class ShowResult:
    """The edits that became visible, and the number of older fields that they superseded."""

    edits: frozenset[UUID]
    superseded: int


def hidden_ids() -> set[UUID]:
    """Return the stored edits that are still hidden: they have no fields yet, or a pull was interrupted."""
    return set(SyncRecord.objects.arriving().values_list("pk", flat=True))


def ids_with_fields(ids: Collection[UUID]) -> set[UUID]:
    """Return the ids of the edits that have fields; the others stay hidden until their fields are read."""
    return set(SyncField.objects.filter(record__in=ids).order_by().values_list("record", flat=True).distinct())


def show(ids: Collection[UUID], *, records_arrivals: bool) -> ShowResult:
    """Show the hidden edits among these that have fields, and let all of these edits supersede older ones.

    With `records_arrivals`, also record the readable ones as arrivals. Call it in a separate transaction, after the
    fields have been read.
    """
    arriving = SyncRecord.objects.arriving().filter(pk__in=ids).values_list("pk", flat=True)
    arrived = ids_with_fields(list(arriving))
    marks = supersede.supersede(ids, arriving=arrived)
    if marks:
        failpoint("mirror.superseded")
    recognition.fill_in_contacts(arrived)
    SyncRecord.objects.recount(arrived | supersede.record_ids_of(marks), show=arrived)
    if arrived and records_arrivals:
        readable = SyncRecord.objects.filter(pk__in=arrived, crm_state=0, unreadable="", target_id__isnull=False)
        arrivals.record(readable.values_list("pk", flat=True))
    return ShowResult(frozenset(arrived), len(marks))
