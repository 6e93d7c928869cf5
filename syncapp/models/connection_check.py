"""The connection check as a job: its findings are the results that the page shows."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from syncapp.models.jobs.job import OPEN_STATES, Job, job_indexes, lease_columns_are_consistent


class ConnectionCheck(Job):
    """One check of the CRM. `findings` grows with each finding; at most one check is open at a time."""

    slot = models.PositiveSmallIntegerField(default=1, db_default=1)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    probes_writes = models.BooleanField(default=False, db_default=False)
    contact_id = models.UUIDField(null=True, blank=True, help_text="A test contact for the writing probes.")
    total = models.PositiveIntegerField(default=0, db_default=0)
    findings = models.JSONField(default=list)
    values = models.JSONField(default=dict, help_text="What has to match the registration and the CRM.")
    version = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="The version of the CRM."
    )
    seconds = models.FloatField(default=0, db_default=0)
    requests = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        indexes = job_indexes("connection_check")
        constraints = [
            lease_columns_are_consistent("connection_check"),
            models.UniqueConstraint(
                name="one_open_connection_check", fields=["slot"], condition=models.Q(state__in=OPEN_STATES)
            ),
        ]

    def __str__(self) -> str:
        return f"connection check {self.pk} ({self.state}, {len(self.findings)} of {self.total})"
