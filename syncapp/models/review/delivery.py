"""Deliveries: jobs that write one contact's due decisions to the CRM."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from syncapp.models.jobs.job import OPEN_STATES, Job, job_indexes, lease_columns_are_consistent


class Delivery(Job):
    """A delivery; at most one is open per contact, so that two workers never write one contact at the same time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target_table = models.CharField(max_length=128)
    target_id = models.UUIDField()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [*job_indexes("delivery"), models.Index(fields=["target_id"], name="delivery_of_contact")]
        constraints = [
            models.UniqueConstraint(
                fields=["target_table", "target_id"],
                condition=Q(state__in=OPEN_STATES),
                name="one_open_delivery_per_contact",
            ),
            lease_columns_are_consistent("delivery"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} ({self.state})"
