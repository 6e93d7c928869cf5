"""Staging jobs: due some seconds after the contact's last entry, and at most one open per contact."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db.models import F
from django.utils import timezone

from syncapp.capture import scheduling
from syncapp.models import CaptureEntry, CaptureJob
from tests.capture.changes import change

pytestmark = pytest.mark.django_db
SETTLE = timedelta(seconds=scheduling.QUIET_SECONDS)


def schedule(*entries: CaptureEntry, read_at: datetime) -> CaptureJob:
    contact: UUID = entries[0].contact_id
    scheduling.schedule({contact: entries}, read_at=read_at)
    return CaptureJob.objects.get()


def seconds_left(job: CaptureJob) -> float:
    return float((job.due_at - timezone.now()).total_seconds())


def test_job_waits_for_further_entries() -> None:
    job = schedule(change(), read_at=timezone.now() - timedelta(minutes=1))

    assert SETTLE.total_seconds() - 2 < seconds_left(job) <= SETTLE.total_seconds()


def test_later_entry_delays_the_job() -> None:
    first = change()
    schedule(first, read_at=first.read_at)
    CaptureJob.objects.update(due_at=F("due_at") - SETTLE)

    job = schedule(first, change(contact_id=first.contact_id), read_at=first.read_at)

    assert seconds_left(job) > SETTLE.total_seconds() - 2


@pytest.mark.parametrize("why", ["nothing new", "long enough", "tried before"])
def test_delay_of_the_job_is_limited(why: str) -> None:
    first = change()
    schedule(first, read_at=first.read_at)
    CaptureJob.objects.update(due_at=F("due_at") - SETTLE)
    if why == "long enough":
        CaptureJob.objects.update(created_at=F("created_at") - 2 * scheduling.MAX_DELAY)
    elif why == "tried before":
        CaptureJob.objects.update(attempts=1)

    job = schedule(first, read_at=first.read_at + timedelta(seconds=1 if why == "nothing new" else 0))

    assert seconds_left(job) <= 0
