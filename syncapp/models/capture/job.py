"""The job that stages the captured edits of one contact, and restores the originals."""

from __future__ import annotations

from django.db import models

from syncapp.models.jobs.job import OPEN_STATES, Job, job_indexes, lease_columns_are_consistent


class CaptureJob(Job):
    """The job for the entries of one contact that wait to be staged; at most one is open per contact."""

    contact_id = models.UUIDField()

    class Meta:
        indexes = job_indexes("capture_job")
        constraints = [
            lease_columns_are_consistent("capture_job"),
            models.UniqueConstraint(
                name="one_open_capture_job_per_contact",
                fields=["contact_id"],
                condition=models.Q(state__in=OPEN_STATES),
            ),
        ]

    def __str__(self) -> str:
        return f"capture of contact {self.contact_id} ({self.state})"
