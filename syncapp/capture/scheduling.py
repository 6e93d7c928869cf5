"""Jobs that stage captured edits: one open at a time for each contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from syncapp.models import CaptureEntry, CaptureJob
from syncapp.models.jobs.job import OPEN_STATES, JobState, database_now

QUIET_SECONDS = 5.0  # seconds without a further entry, since Outlook may save a contact in several steps
MAX_DELAY = timedelta(minutes=1)  # after this time, even a contact that keeps changing is staged


def schedule(entries: Mapping[UUID, Sequence[CaptureEntry]], *, read_at: datetime) -> int:
    """Create staging jobs for the edits of these contacts; return how many contacts had no job yet.

    A waiting job is postponed if one of its entries was read just now, at `read_at`. Safe to repeat.
    """
    if not entries:
        return 0
    ids = sorted(entries)
    open_jobs = CaptureJob.objects.filter(contact_id__in=ids, state__in=OPEN_STATES)
    known = set(open_jobs.values_list("contact_id", flat=True))
    fresh = [each for each in ids if any(entry.read_at >= read_at for entry in entries[each])]
    waiting = CaptureJob.objects.filter(contact_id__in=fresh, state=JobState.READY, attempts=0)
    waiting.filter(created_at__gt=timezone.now() - MAX_DELAY).update(due_at=database_now(plus=QUIET_SECONDS))
    jobs = [CaptureJob(contact_id=each, due_at=database_now(plus=QUIET_SECONDS)) for each in ids if each not in known]
    CaptureJob.objects.bulk_create(jobs, ignore_conflicts=True)
    return len(jobs)
