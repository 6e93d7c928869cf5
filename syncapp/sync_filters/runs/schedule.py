"""What may still be said of a frozen list before it starts, and moving a start that has not come yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from syncapp import audit
from syncapp.models import FilterRun, Person
from syncapp.models.jobs.job import JobState
from syncapp.models.sync_filters.run import RunState
from syncapp.sync_filters.errors import NotPossible


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run goes: why, under which change number, so many first, from when on."""

    reason: str = ""
    change_number: str = ""
    pilot: int = 0
    starts_at: datetime | None = None


def settle_manner(run: FilterRun, manner: Manner, *, by: Person) -> None:
    """Note how a frozen list is to be run, before it starts. Raises NotPossible."""
    columns = {
        "reason": manner.reason[:500],
        "change_number": manner.change_number[:60],
        "pilot": manner.pilot,
        "starts_at": manner.starts_at,
    }
    if FilterRun.objects.filter(pk=run.pk, state=RunState.PLANNED, person=by).update(**columns) != 1:
        raise NotPossible("Only who froze this list can change it, and only before it starts.")
    run.refresh_from_db()


def move_start(run: FilterRun, starts_at: datetime | None, *, by: Person, channel: str = "screen") -> None:
    """Start a run that waits for its time earlier, later, or now (None). Raises NotPossible."""
    with transaction.atomic():
        row = FilterRun.objects.select_for_update().get(pk=run.pk)
        if not row.is_put_off:
            raise NotPossible(f"Run {row.number} does not wait for its time any more.")
        waiting = row.items.unsettled().filter(state=JobState.READY, due_at=row.starts_at)
        waiting.update(due_at=starts_at or Now(), dispatched_at=None)
        FilterRun.objects.filter(pk=row.pk).update(starts_at=starts_at, dispatched_at=None)
        said = {"run": row.number, "starts_at": (starts_at or timezone.now()).isoformat(timespec="minutes")}
        audit.record("run.moved", by=by, channel=channel, group=row.pk, details=said)
    run.refresh_from_db()
