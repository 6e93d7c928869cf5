"""Selections: fixed lists of edits to decide together, the decision, and the result of each field."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from syncapp.models.jobs.job import Job, job_indexes, lease_columns_are_consistent
from syncapp.models.mirror.sync_field import SyncField
from syncapp.models.review.decision import Decision, Outcome


class Selection(models.Model):
    """A list fixed at `frozen_at`: later edits are not in it, and fields that change afterwards are refused."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    frozen_at = models.DateTimeField()
    query = models.CharField(
        max_length=1000, blank=True, help_text="The query string of the list that the items come from."
    )
    contacts = models.PositiveIntegerField(default=0)
    fields = models.PositiveIntegerField(default=0)
    conflicts = models.PositiveIntegerField(
        default=0, help_text="Conflicts left out, because they are decided one by one."
    )
    own_edits = models.PositiveIntegerField(
        default=0, help_text="Edits left out, because another person has to decide them."
    )
    unidentified = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Edits left out, because the CRM does not say who the editor is."
    )
    is_cut = models.BooleanField(default=False, help_text="Whether more edits matched than one selection can hold.")

    def __str__(self) -> str:
        return f"selection {self.pk}"


class SelectionItem(models.Model):
    """One field of a selection; `seen` is its digest when the list was made."""

    class Result(models.TextChoices):
        OPEN = "open", "Not decided yet"
        TAKEN = "taken", "Decided"
        REFUSED = "refused", "Not decided"
        OMITTED = "omitted", "Left out: changed in the CRM"

    selection = models.ForeignKey(Selection, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    field = models.ForeignKey(SyncField, on_delete=models.PROTECT, related_name="+")
    seen = models.CharField(max_length=32)
    is_example = models.BooleanField(default=False)
    concerns = models.CharField(
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text="Why it needs a closer look: codes, separated by commas.",
    )
    result = models.CharField(max_length=7, choices=Result, default=Result.OPEN)
    why = models.CharField(max_length=300, blank=True, help_text="Why it was not decided, in words.")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["selection", "position"], name="one_item_per_place_of_a_selection"),
            models.UniqueConstraint(fields=["selection", "field"], name="one_item_per_field_of_a_selection"),
            models.CheckConstraint(
                name="a_taken_item_has_its_decision",
                condition=Q(result="taken", decision__isnull=False) | (~Q(result="taken") & Q(decision__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"item {self.position} of selection {self.selection_id}"

    @property
    def concern_codes(self) -> list[str]:
        """Return the codes of the field's warnings."""
        return [code for code in self.concerns.split(",") if code]


class SelectionRun(Job):
    """The decision for a selection, taken once and processed contact by contact."""

    selection = models.OneToOneField(Selection, on_delete=models.CASCADE, primary_key=True, related_name="run")
    outcome = models.CharField(max_length=10, choices=Outcome)
    reason_code = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        indexes = job_indexes("selection_run")
        constraints = [lease_columns_are_consistent("selection_run")]

    def __str__(self) -> str:
        return f"{self.outcome} of selection {self.pk} ({self.state})"
