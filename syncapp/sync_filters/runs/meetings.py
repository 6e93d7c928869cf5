"""Future meetings with other people that a run may cancel, counted before the run can be started.

A user whose meetings could not be counted is held back as well: unknown is not zero.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError
from syncapp.crm.filters.evaluation import MAX_USERS_PER_REQUEST
from syncapp.crm.filters.fetch_xml import MEETINGS
from syncapp.crm.filters.records import Meeting
from syncapp.jobs import breakers, queue, runner
from syncapp.jobs.breakers import CONNECTION_BREAKERS, Permit
from syncapp.jobs.queue import Lease
from syncapp.jobs.runner import Failure, JobType, Retry
from syncapp.models import Breaker, FilterRun, FilterRunItem, MeetingAtRisk, MeetingCount
from syncapp.models.sync_filters.run import Plan, RunState

_UNKNOWN = "The meetings that this user organizes could not be counted."
_ORGANIZES = "Organizes future meetings with other people; Outlook may send cancellations for these meetings."
_BY_ADD_IN = "Organizes future meetings with other people; the Outlook add-in may remove these meetings."


@transaction.atomic
def request_count(run: FilterRun) -> None:
    """Request a count of a planned run's meetings; the run cannot start before the count ends."""
    FilterRun.objects.filter(pk=run.pk, state=RunState.PLANNED).update(state=RunState.COUNTING)
    MeetingCount.objects.get_or_create(run=run, defaults={"due_at": Now()})


def create_missing_jobs() -> None:
    """Create the jobs that counting runs lack, because the previous release created none."""
    for run in FilterRun.objects.filter(state=RunState.COUNTING, meeting_count=None)[:50]:
        MeetingCount.objects.get_or_create(run=run, defaults={"due_at": Now()})


def work(run_id: UUID, *, crm: CrmClient, seconds: float) -> bool:
    """Continue counting for at most `seconds`; return False if another worker is counting, or a breaker is open."""
    return runner.run(MeetingCountJob(crm, seconds), run_id)


@runner.register
class MeetingCountJob(JobType):
    """The job that counts a run's meetings at risk; a failure holds back every user not counted yet."""

    name = "meeting_count"
    title = "Counting meetings of filter runs"
    failures_at = "the run’s page"
    model = MeetingCount
    breakers = (Breaker.Name.FORBIDDEN_FILTERS, *CONNECTION_BREAKERS)
    overdue_after = 120.0

    def __init__(self, crm: CrmClient, seconds: float) -> None:
        self._crm = crm
        self._seconds = seconds

    def process(self, lease: Lease, permit: Permit) -> None:
        """Count the users' meetings until every user is done or the time is up. Raises CrmError, LostLease."""
        run, until = FilterRun.objects.get(pk=lease.pk), time.monotonic() + self._seconds
        while run.state == RunState.COUNTING and not count_next(run, crm=self._crm):
            queue.extend_lease(lease)
            if time.monotonic() > until:
                queue.reschedule(lease, due_in=0, costs_attempt=False)
                return
        breakers.record_success(permit)
        queue.finish(lease)

    def handle_error(self, error: Exception, lease: Lease) -> Retry | Failure | None:
        """Open the breaker that the CRM's error calls for; return what to do with the job, None for other errors."""
        if isinstance(error, CrmError):
            return runner.retry_crm_error(error, lease, forbidden_breaker=Breaker.Name.FORBIDDEN_FILTERS)
        return None

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Hold back every user whose meetings are not counted, so that the preview can be shown. Raises LostLease."""
        queue.mark_failed(lease, error=failure.code)
        run = FilterRun.objects.get(pk=lease.pk)
        waiting = FilterRunItem.objects.filter(run=run, needs_count=True)
        waiting.update(needs_count=False, plan=Plan.HELD, why=f"{_UNKNOWN} {failure.reason}"[:300])
        _end_if_counted(run)


def count_next(run: FilterRun, *, crm: CrmClient, deadline: Deadline | None = None) -> bool:
    """Count the meetings of the next users; return whether every user is done. Raises CrmError.

    A user is held back if they have such meetings, or if their meetings are not fully known.
    """
    waiting = FilterRunItem.objects.filter(run=run, needs_count=True).select_related("user").order_by("position")
    items = list(waiting[:MAX_USERS_PER_REQUEST])
    found: dict[UUID, list[tuple[str, Meeting]]] = defaultdict(list)
    unknown: set[UUID] = set()
    user_ids, now = [item.user_id for item in items], timezone.now()
    for table in (table for table in MEETINGS if items and table in run.tables):
        for each in crm.evaluation.organized_meetings(user_ids, table=table, after=now, deadline=deadline):
            if each.meetings is None or not each.complete:
                unknown.add(each.user_id)
            found[each.user_id] += [(table, meeting) for meeting in each.meetings or ()]
    with transaction.atomic():
        for item in items:
            item.needs_count, meetings = False, found[item.user_id]
            if item.user_id in unknown:
                item.plan, item.why = Plan.HELD, _UNKNOWN
            else:
                item.meetings, item.attendees = len(meetings), sum(meeting.attendees for _, meeting in meetings)
                item.next_meeting_at = next_start((meeting.starts for _, meeting in meetings), now=now)
                rows = [
                    MeetingAtRisk(
                        item=item,
                        meeting_id=meeting.id,
                        table=table,
                        subject=meeting.subject[:400],
                        starts_at=meeting.starts,
                        attendees=meeting.attendees,
                    )
                    for table, meeting in meetings
                ]
                MeetingAtRisk.objects.bulk_create(rows, ignore_conflicts=True)
                if meetings:
                    item.plan, item.why = Plan.HELD, _ORGANIZES if item.user.is_server_side else _BY_ADD_IN
            item.save(update_fields=["needs_count", "plan", "why", "meetings", "attendees", "next_meeting_at"])
    return _end_if_counted(run)


def next_start(starts: Iterable[datetime | None], *, now: datetime) -> datetime | None:
    """Return the earliest start; None if there are none, or if any is unknown or in the past (a series in progress)."""
    all_starts = list(starts)
    has_known_starts = all(start is not None and start >= now for start in all_starts)
    return min((start for start in all_starts if start is not None), default=None) if has_known_starts else None


def _end_if_counted(run: FilterRun) -> bool:
    """Make the run's preview ready if every user's meetings are counted; return whether they are."""
    if FilterRunItem.objects.filter(run=run, needs_count=True).exists():
        return False
    FilterRun.objects.filter(pk=run.pk, state=RunState.COUNTING).update(state=RunState.PLANNED)
    return True


def delete_old(*, days: int = 90) -> int:
    """Delete the meetings at risk of runs older than `days`, whose attendees need no more calls; return how many."""
    return MeetingAtRisk.objects.filter(item__run__frozen_at__lt=timezone.now() - timedelta(days=days)).delete()[0]
