"""The row that keeps a periodic task from running twice at the same time."""

from __future__ import annotations

from django.db import models


class PeriodicTask(models.Model):
    """One periodic task and its newest round: published by beat, started and finished by a worker."""

    name = models.CharField(max_length=60, primary_key=True)
    number = models.PositiveBigIntegerField(default=0, db_default=0, help_text="The number of the newest round.")
    published_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"
