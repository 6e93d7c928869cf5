"""The place where an edit becomes visible: together with all its fields, so that nobody decides a part of it.

The CRM stages an edit and its fields in one transaction, but they are read from two tables, a moment apart. So an edit
is stored hidden, and shown once the fields were read to their end after it.
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
    """The edits that became visible, and how many older fields were superseded."""

    edits: frozenset[UUID]
    superseded: int


def hidden_ids() -> set[UUID]:
    """Return the edits that are stored and not shown: no fields have come yet, or a pull was interrupted."""
    return set(SyncRecord.objects.arriving().values_list("pk", flat=True))


def with_fields(ids: Collection[UUID]) -> set[UUID]:
    """Return those of these edits that have fields; one without any stays hidden until they come."""
    return set(SyncField.objects.filter(record__in=ids).order_by().values_list("record", flat=True).distinct())


def show(ids: Collection[UUID], *, is_news: bool) -> ShowResult:
    """Show those of these edits that are hidden and have fields, and let all of them supersede older ones.

    Call it in a transaction of its own, after a reading of the fields.
    """
    arriving = SyncRecord.objects.arriving().filter(pk__in=ids).values_list("pk", flat=True)
    arrived = with_fields(list(arriving))
    marks = supersede.supersede(ids, arriving=arrived)
    if marks:
        failpoint("mirror.superseded")
    recognition.fill_in_contacts(arrived)
    SyncRecord.objects.recount(arrived | supersede.record_ids_of(marks), show=arrived)
    if arrived and is_news:
        open_ones = SyncRecord.objects.filter(pk__in=arrived, crm_state=0, unreadable="", target_id__isnull=False)
        arrivals.record(open_ones.values_list("pk", flat=True))
    return ShowResult(frozenset(arrived), len(marks))
