"""Plans that put back what capture restored in a time range, and the result for each column of each contact.

    preparing ─▶ planned ─▶ running ─▶ done
                    └─▶ discarded  └─▶ stopped ─▶ running (the rest is retried)

A plan is a fixed list. The live values of its contacts are read while it is prepared, and compared again before each
contact is written.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from syncapp.models.capture.entry import Source
from syncapp.models.capture.restore import Restore
from syncapp.models.jobs.job import OPEN_STATES, Job, job_indexes, lease_columns_are_consistent
from syncapp.models.mirror.sync_field import SyncField


class PutBackState(models.TextChoices):
    """The progress of a plan."""

    PREPARING = "preparing", "Reading the CRM"
    PLANNED = "planned", "Not started"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"
    DISCARDED = "discarded", "Discarded"


class PutBackResult(models.TextChoices):
    """The result for one column of one contact."""

    OPEN = "open", "To put back"
    DONE = "done", "Put back"
    LEFT = "left", "Left alone"
    FAILED = "failed", "Failed"


class PutBackPlan(models.Model):
    """The restores in a time range, which excludes `ends_at`, limited to one source and one column if given."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    source = models.CharField(max_length=8, choices=Source, blank=True, default="", db_default="")
    column_name = models.CharField(max_length=128, blank=True, default="", db_default="")
    state = models.CharField(max_length=10, choices=PutBackState, default=PutBackState.PREPARING)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="put_back_plan_created")]
        constraints = [
            # Two running plans could disagree about a contact, and people could not follow them.
            models.UniqueConstraint(
                name="one_running_put_back_plan", fields=["state"], condition=Q(state=PutBackState.RUNNING)
            ),
            models.CheckConstraint(name="put_back_plan_ends_later", condition=Q(ends_at__gt=models.F("begins_at"))),
        ]

    def __str__(self) -> str:
        return f"put-back plan {self.pk} ({self.state})"


class PutBackItem(models.Model):
    """One column of one contact. `restore` is its newest restore in the plan's time range.

    `live_value` is the CRM's value at `live_read_at`; `why` is a code: the reason for leaving the column alone.
    """

    plan = models.ForeignKey(PutBackPlan, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    restore = models.ForeignKey(Restore, on_delete=models.PROTECT, related_name="+")
    field = models.ForeignKey(SyncField, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    contact_id = models.UUIDField()
    column_name = models.CharField(max_length=128)
    live_value = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    live_read_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=6, choices=PutBackResult, default=PutBackResult.OPEN)
    why = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="A code: why the value is left as it is."
    )
    trouble = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="Why it failed, with the CRM's answer."
    )
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["plan", "result", "position"], name="put_back_item_result")]
        constraints = [
            models.UniqueConstraint(fields=["plan", "position"], name="one_put_back_item_per_place"),
            models.UniqueConstraint(fields=["plan", "contact_id", "column_name"], name="one_put_back_item_per_column"),
        ]

    def __str__(self) -> str:
        return f"item {self.position} of put-back plan {self.plan_id} ({self.result})"


class PutBackPreparation(Job):
    """The job that reads the live values for a plan's preview."""

    plan = models.OneToOneField(PutBackPlan, on_delete=models.CASCADE, primary_key=True, related_name="preparation")

    class Meta:
        indexes = job_indexes("put_back_preparation")
        constraints = [lease_columns_are_consistent("put_back_preparation")]

    def __str__(self) -> str:
        return f"preparation of put-back plan {self.pk} ({self.state})"


class PutBackJob(Job):
    """The job that puts back the items of one contact in a started plan."""

    plan = models.ForeignKey(PutBackPlan, on_delete=models.CASCADE, related_name="+")
    contact_id = models.UUIDField()

    class Meta:
        indexes = job_indexes("put_back_job")
        constraints = [
            lease_columns_are_consistent("put_back_job"),
            models.UniqueConstraint(fields=["plan", "contact_id"], name="one_put_back_job_per_contact"),
            models.UniqueConstraint(
                name="one_open_put_back_job_per_contact", fields=["contact_id"], condition=Q(state__in=OPEN_STATES)
            ),
        ]

    def __str__(self) -> str:
        return f"putting back contact {self.contact_id} ({self.state})"
