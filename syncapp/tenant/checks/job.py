"""The connection check as a job: requested on its page, run by a worker, resumed after a crash."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from syncapp import audit
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError
from syncapp.crm.names import Names
from syncapp.jobs import queue, runner
from syncapp.jobs.breakers import Permit
from syncapp.jobs.queue import Lease
from syncapp.jobs.runner import JobType
from syncapp.models import ConnectionCheck, Person
from syncapp.models.jobs.job import OPEN_STATES, JobState
from syncapp.tenant.checks import run
from syncapp.tenant.checks.context import Context

_PATIENCE = 5.0  # seconds for a change to appear in the audit log; short, because a task has a time limit
_MAX_KEPT = 5  # checks


def request(*, by: Person, probes_writes: bool = False, contact_id: UUID | None = None) -> bool:
    """Request a connection check; return False if one is already in progress."""
    try:
        with transaction.atomic():
            ConnectionCheck.objects.create(
                requested_by=by, probes_writes=probes_writes, contact_id=contact_id, due_at=Now()
            )
            audit.record("connection.checked", by=by, channel="settings", details={"writes": probes_writes})
    except IntegrityError:
        return False
    return True


def work(pk: int, *, crm: CrmClient, names: Names, seconds: float) -> None:
    """Run the checks until all are done or the time is up. Safe to call twice, and after a crash at any point."""
    runner.run(ConnectionCheckJob(crm, names, seconds), pk)


def latest() -> ConnectionCheck | None:
    """Return the newest completed check, with its results."""
    ended = ConnectionCheck.objects.filter(state=JobState.DONE)
    return ended.select_related("requested_by").order_by("-finished_at", "-pk").first()


def under_way() -> ConnectionCheck | None:
    """Return the check that is waiting or in progress."""
    return ConnectionCheck.objects.filter(state__in=OPEN_STATES).first()


def has_newest_failed() -> bool:
    """Return whether the newest check could not be completed."""
    newest = ConnectionCheck.objects.order_by("-pk").first()
    return newest is not None and newest.state == JobState.FAILED


@runner.register
class ConnectionCheckJob(JobType):
    """The job that runs the checks and stores each finding. No breaker stops it, because it reports what is wrong."""

    name = "connection_check"
    title = "Checking the connection"
    failures_at = "Settings, Connection, Full check"
    model = ConnectionCheck
    overdue_after = 120.0

    def __init__(self, crm: CrmClient, names: Names, seconds: float) -> None:
        self._crm = crm
        self._names = names
        self._seconds = seconds

    def process(self, lease: Lease, permit: Permit) -> None:
        """Run the next checks until the time is up; then make the job due again at once. Raises LostLease."""
        started, check = time.monotonic(), ConnectionCheck.objects.select_related("requested_by").get(pk=lease.pk)
        context = Context(
            self._crm,
            self._names,
            probes_writes=check.probes_writes,
            contact_id=check.contact_id,
            patience=min(_PATIENCE, settings.SOFT_LIMIT / 8),
            checked_by=check.requested_by,
        )
        findings: list[dict[str, Any]] = check.findings
        lease.row().update(total=len(run.all_checks(self._names)))
        for finding in run.iter_findings(context, first=len(findings)):
            queue.extend_lease(lease)
            findings.append(finding.as_json())
            lease.row().update(findings=findings)
            queue.failpoint("connection_check.found")
            if time.monotonic() - started > self._seconds:
                _add_cost(lease, started, context)
                queue.reschedule(lease, due_in=0, costs_attempt=False)
                return
        _add_cost(lease, started, context)
        version = ""
        with suppress(CrmError):
            version = context.once("version", context.crm.accounts.version)[:40]
        with transaction.atomic():
            lease.row().update(values=dict(run.values_to_match(context)), version=version)
            queue.finish(lease)
            closed = ConnectionCheck.objects.exclude(state__in=OPEN_STATES).order_by("-pk").values_list("pk", flat=True)
            ConnectionCheck.objects.filter(pk__in=list(closed[_MAX_KEPT:])).delete()


def _add_cost(lease: Lease, started: float, context: Context) -> None:
    seconds = time.monotonic() - started
    lease.row().update(seconds=F("seconds") + seconds, requests=F("requests") + context.crm.requests_sent())
