"""Captured changes by one source, each to one column of a contact: newest first, paged by position, not by offset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from syncapp.capture import counts
from syncapp.capture.policy import Reason
from syncapp.crm.audits.records import Action
from syncapp.models import CaptureValue, Restore
from syncapp.models.capture.day import ChangeResult
from syncapp.models.capture.entry import OPEN_ENTRIES, EntryState, Source
from syncapp.models.jobs.job import database_now

PAGE_SIZE, BATCH_SIZE = 50, 1000
# The capture pages count the same number of days.
SECONDS_SHOWN = counts.MONTH * 86_400.0


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """The changes to list; an empty `column` means any. `program_id` is the CRM user that a program writes as."""

    source: Source
    program_id: UUID | None = None
    column: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of changes, each with its entry, and whether more follow."""

    changes: Sequence[CaptureValue]
    has_more: bool


def page(conditions: ChangeFilter, *, before: int | None = None, size: int = PAGE_SIZE) -> Page:
    """Return the newest changes, or those older than the change with the id `before`."""
    rows = _changes(conditions)
    last = CaptureValue.objects.filter(pk=before or 0).select_related("entry").first()
    if last is not None:
        at, entry_id = last.entry.happened_at, last.entry_id
        older = Q(entry__happened_at__lt=at) | Q(entry_id__lt=entry_id) | Q(entry_id=entry_id, pk__lt=last.pk)
        rows = rows.filter(older, entry__happened_at__lte=at)
    found = list(rows.order_by("-entry__happened_at", "-entry_id", "-pk")[: size + 1])
    return Page(found[:size], has_more=len(found) > size)


def batches(conditions: ChangeFilter) -> Iterator[Sequence[CaptureValue]]:
    """Yield all changes in batches, newest first."""
    before: int | None = None
    while True:
        found = page(conditions, before=before, size=BATCH_SIZE)
        if found.changes:
            yield found.changes
        if not found.has_more:
            return
        before = found.changes[-1].pk


def result_of(change: CaptureValue) -> ChangeResult:
    """Return the result of a listed change, as counts.py counts it."""
    state = change.entry.state
    if state == EntryState.STAGED:
        return ChangeResult(getattr(change, "restore_result", None) or ChangeResult.LET_THROUGH)
    return ChangeResult.WAITING if state in OPEN_ENTRIES else ChangeResult(state)


def _changes(conditions: ChangeFilter) -> QuerySet[CaptureValue]:
    restore = Restore.objects.filter(audit_id=OuterRef("entry_id"), column_name=OuterRef("column_name"))
    rows = CaptureValue.objects.filter(
        entry__source=conditions.source,
        entry__action=Action.UPDATE,
        entry__happened_at__gt=database_now(plus=-SECONDS_SHOWN),
    ).exclude(entry__reason=Reason.NO_TRACKED_COLUMN)
    if conditions.program_id is not None:
        program = conditions.program_id
        rows = rows.filter(Q(entry__user_id=program) | Q(entry__calling_user_id=program))
    if conditions.column:
        rows = rows.filter(column_name=conditions.column)
    return rows.select_related("entry").annotate(
        restore_result=Subquery(restore.values("result")[:1]),
        restore_reason=Subquery(restore.values("reason")[:1]),
        live_seconds=Subquery(restore.values("live_seconds")[:1]),
    )
