"""The base class of jobs: database rows that represent work to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Expression, Q
from django.db.models.functions import Now


class JobState(models.TextChoices):
    """ready ─▶ leased ─▶ sent ─▶ done; an expired lease leads back to ready, or to verify once the job was sent."""

    READY = "ready", "Ready"
    LEASED = "leased", "Claimed by a worker"
    SENT = "sent", "Sent, no answer yet"
    VERIFY = "verify", "Response lost, to be read back"
    DONE = "done", "Done"
    FAILED = "failed", "Attempts used up"


OPEN_STATES = [JobState.READY, JobState.LEASED, JobState.SENT, JobState.VERIFY]
HELD_STATES = [JobState.LEASED, JobState.SENT]
WAITING_STATES = [JobState.READY, JobState.VERIFY]


def database_now(*, plus: float = 0) -> Expression:
    """Return the database's time plus `plus` seconds: the only clock for leases and due times."""
    if not plus:
        return Now()
    return models.ExpressionWrapper(Now() + timedelta(seconds=plus), output_field=models.DateTimeField())


class JobQuerySet(models.QuerySet[Any]):
    """Reads that claiming, sweeping and dispatching share."""

    def due(self) -> JobQuerySet:
        """Return jobs that may be claimed now."""
        return self.filter(state__in=WAITING_STATES, due_at__lte=Now())

    def undispatched(self, *, seconds: float) -> JobQuerySet:
        """Return due jobs that were not dispatched in the last `seconds`."""
        return self.due().filter(Q(dispatched_at__isnull=True) | Q(dispatched_at__lte=database_now(plus=-seconds)))

    def lease_expired(self) -> JobQuerySet:
        """Return jobs whose lease has expired."""
        return self.filter(state__in=HELD_STATES, lease_until__lte=Now())

    def held_by(self, pk: Any, fencing_token: int) -> JobQuerySet:
        """Return the row with this key if its lease still has this fencing token."""
        return self.filter(pk=pk, fencing_token=fencing_token, state__in=HELD_STATES)


class Job(models.Model):
    """A job: claimed by compare-and-set, leased, fenced, finished (jobs/queue.py).

    Columns keep the names of earlier releases, which run beside this one during an upgrade.
    """

    state = models.CharField(max_length=8, choices=JobState, default=JobState.READY)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    fencing_token = models.PositiveIntegerField(default=0, db_column="fence")
    attempts = models.PositiveIntegerField(default=0)
    outcome_unknown = models.BooleanField(default=False)
    dispatched_at = models.DateTimeField(null=True, blank=True, db_column="rung_at")
    last_error = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True, db_column="settled_at")

    objects = JobQuerySet.as_manager()

    class Meta:
        abstract = True


def job_indexes(name: str) -> list[models.Index]:
    """Return the two indexes that keep the tick fast, however many rows are done.

    Neither has a list of states as its condition: SQLite does not match such a list with the parameters of a query, and
    reads the whole table.
    """
    return [
        models.Index(fields=["state", "due_at"], name=f"{name}_due"),
        models.Index(fields=["lease_until"], name=f"{name}_lease", condition=Q(lease_until__isnull=False)),
    ]


def lease_columns_are_consistent(name: str) -> models.CheckConstraint:
    """Return the constraint that a row has a lease time if and only if it is leased or sent."""
    return models.CheckConstraint(
        name=f"{name}_lease_if_held",
        condition=Q(state__in=HELD_STATES, lease_until__isnull=False)
        | (~Q(state__in=HELD_STATES) & Q(lease_until__isnull=True)),
    )
