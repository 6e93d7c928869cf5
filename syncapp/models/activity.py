"""Daily counts of events, from which the numbers page draws its charts."""

from __future__ import annotations

from django.db import models


class Measure(models.TextChoices):
    """The event or quantity that is counted."""

    RECEIVED = "received", "Received"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    CONFLICT = "conflict", "Conflicts"
    FAILED = "failed", "Not written"
    PUT_BACK = "put_back", "Put back"
    AFTER_ALL = "after_all", "Approved after all"
    SUPERSEDED = "superseded", "Superseded"
    WITHDRAWN = "withdrawn", "Withdrawn"
    AGE = "age", "Age at decision"
    OLDEST = "oldest", "Age of the oldest decided edit, in seconds"


class Part(models.TextChoices):
    """The dimension by which a count is split; `key` is the value in that dimension."""

    COLUMN = "column", "Field"
    EDITOR = "editor", "Editor"
    STEP = "step", "Range of ages"


class DailyCount(models.Model):
    """One count of one day (UTC). `key` is a column's name, an editor's id or the step of an age; '' if unknown."""

    day = models.DateField()
    measure = models.CharField(max_length=10, choices=Measure)
    part = models.CharField(max_length=6, choices=Part)
    key = models.CharField(max_length=128, blank=True)
    number = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "measure", "part", "key"], name="one_count_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.measure} on {self.day} by {self.part}: {self.number}"
