"""A run whose list is still being made: whom it is about as they were chosen, and how far the list is."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import models

from syncapp.models.jobs.job import Job, job_indexes, lease_columns_are_consistent
from syncapp.models.sync_filters.run import FilterRun

_BYTES = 16


def packed(user_ids: Sequence[UUID]) -> bytes:
    """The ids one after the other: 20,000 users in 320 kB, written in one row while somebody waits."""
    return b"".join(user_id.bytes for user_id in user_ids)


class RunPreparation(Job):
    """The making of a run's list, as durable work: `listed` users of the chosen have their rows.

    Both move in one transaction with the rows, so whoever goes on after a crash repeats nobody and leaves out nobody.
    """

    run = models.OneToOneField(FilterRun, on_delete=models.CASCADE, primary_key=True, related_name="preparation")
    user_ids = models.BinaryField(help_text="The chosen users in their order, 16 bytes each; emptied at the end.")
    listed = models.PositiveIntegerField(default=0)
    channel = models.CharField(max_length=20, help_text="From where it was asked for, as the trail calls it.")

    class Meta:
        indexes = job_indexes("run_preparation")
        constraints = [lease_columns_are_consistent("run_preparation")]

    def __str__(self) -> str:
        return f"preparation of run {self.pk} ({self.state}, {self.listed} listed)"

    def next_users(self, most: int) -> list[UUID]:
        """The next of the chosen, at most so many."""
        first = self.listed * _BYTES
        left = bytes(self.user_ids[first : first + most * _BYTES])
        return [UUID(bytes=left[start : start + _BYTES]) for start in range(0, len(left), _BYTES)]
