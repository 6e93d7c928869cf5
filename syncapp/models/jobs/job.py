"""The columns of everything that must happen exactly once, or be tried again: shared by all durable work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Expression, Q
from django.db.models.functions import Now


class WorkState(models.TextChoices):
    """ready ─▶ leased ─▶ sent ─▶ done; a lease that ends leads back to ready, or after sending to verify."""

    READY = "ready", "Ready"
    LEASED = "leased", "Taken by a worker"
    SENT = "sent", "Sent, no answer yet"
    VERIFY = "verify", "Answer lost, to be read back"
    DONE = "done", "Done"
    FAILED = "failed", "Attempts used up"


OPEN_STATES = [WorkState.READY, WorkState.LEASED, WorkState.SENT, WorkState.VERIFY]
HELD_STATES = [WorkState.LEASED, WorkState.SENT]
WAITING_STATES = [WorkState.READY, WorkState.VERIFY]


def database_now(*, plus: float = 0) -> Expression:
    """The database's clock plus `plus` seconds: the only clock that leases and due times follow."""
    if not plus:
        return Now()
    return models.ExpressionWrapper(Now() + timedelta(seconds=plus), output_field=models.DateTimeField())


class DurableQuerySet(models.QuerySet[Any]):
    """Reads that the claim, the sweep and the bell share."""

    def due(self) -> DurableQuerySet:
        """Work that may be claimed now."""
        return self.filter(state__in=WAITING_STATES, due_at__lte=Now())

    def unrung(self, *, seconds: float) -> DurableQuerySet:
        """Due work whose bell has not rung in the last `seconds`."""
        return self.due().filter(Q(rung_at__isnull=True) | Q(rung_at__lte=database_now(plus=-seconds)))

    def lease_over(self) -> DurableQuerySet:
        """Work whose holder is silent for longer than its lease."""
        return self.filter(state__in=HELD_STATES, lease_until__lte=Now())

    def held_by(self, pk: Any, fence: int) -> DurableQuerySet:
        """The one row, if the holder of `fence` still holds it."""
        return self.filter(pk=pk, fence=fence, state__in=HELD_STATES)


class DurableWork(models.Model):
    """A row that is the queue: claimed by compare-and-set, fenced, leased, settled (syncapp/queue.py)."""

    state = models.CharField(max_length=8, choices=WorkState, default=WorkState.READY)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    outcome_unknown = models.BooleanField(default=False)
    rung_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = DurableQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def attempts_are_used_up(self) -> bool:
        """Whether the next failure is the last."""
        return self.attempts >= settings.ATTEMPTS


def durable_indexes(name: str) -> list[models.Index]:
    """The two indexes that keep the tick's questions small, however many rows are done.

    Neither has a list of states for its condition: where such a list comes as parameters, SQLite does not see that it
    is the same one, and reads the whole table.
    """
    return [
        models.Index(fields=["state", "due_at"], name=f"{name}_due"),
        models.Index(fields=["lease_until"], name=f"{name}_lease", condition=Q(lease_until__isnull=False)),
    ]


def lease_columns_are_consistent(name: str) -> models.CheckConstraint:
    """A held row has a lease; any other has none."""
    return models.CheckConstraint(
        name=f"{name}_lease_if_held",
        condition=Q(state__in=HELD_STATES, lease_until__isnull=False)
        | (~Q(state__in=HELD_STATES) & Q(lease_until__isnull=True)),
    )
