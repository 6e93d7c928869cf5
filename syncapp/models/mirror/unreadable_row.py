"""CRM rows that could not be read when last tried."""

from __future__ import annotations

from django.db import models


class UnreadableRow(models.Model):
    """One unreadable row of the CRM; removed when it can be read again, or was deleted in the CRM."""

    class Kind(models.TextChoices):
        EDIT = "edit", "Edit (staged record)"
        FIELD = "field", "Changed field (staged field)"
        EDITOR = "editor", "Editor"
        USER = "user", "User"
        MAILBOX = "mailbox", "Mailbox"
        FILTER = "filter", "Filter"
        SYSTEM_FILTER = "system", "System filter or template"
        TEAM = "team", "Team"
        UNIT = "unit", "Business unit"
        MEMBERSHIP = "member", "Team membership"
        COLUMN = "column", "Column definition"
        ENTRY = "entry", "Audit entry of a contact"

    kind = models.CharField(max_length=8, choices=Kind)
    row_id = models.CharField(max_length=160, help_text="Begins with ? if the row has no readable id.")
    owner_id = models.UUIDField(null=True, blank=True, db_index=True, help_text="The user or team that owns the row.")
    problem = models.CharField(max_length=300)
    first_seen_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    generation = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "row_id"], name="one_entry_per_unreadable_row")]

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id}"
