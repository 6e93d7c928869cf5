"""Results of capture for each column of a staged edit: restored, or left in the CRM, with the reason."""

from __future__ import annotations

from django.db import models

from syncapp.models.capture.entry import Source


class RestoreResult(models.TextChoices):
    """The result of restoring one column."""

    RESTORED = "restored", "Restored"
    NOT_RESTORED = "not_restored", "Not restored"
    PUT_BACK = "put_back", "Restored, then undone"


class Restore(models.Model):
    """One column of one staged edit. `value_found` was in the CRM, `value_restored` is the original.

    `audit_id` is the audit entry's id and the operation id of the edit; entries are deleted after some weeks, but this
    row stays. `live_seconds` is how long the value from Outlook was in the CRM.
    """

    contact_id = models.UUIDField()
    column_name = models.CharField(max_length=128)
    audit_id = models.UUIDField(db_index=True)
    source = models.CharField(max_length=8, choices=Source)
    value_found = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    value_restored = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    result = models.CharField(max_length=12, choices=RestoreResult)
    reason = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="A code: why it was not restored."
    )
    trouble = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="What the CRM answered."
    )
    happened_at = models.DateTimeField(help_text="When the value was saved in the CRM.")
    done_at = models.DateTimeField()
    live_seconds = models.FloatField(null=True, blank=True)

    class Meta:
        indexes = [
            # For the brakes: by source and time, and by column of a contact.
            models.Index(fields=["done_at", "source", "result"], name="restore_when"),
            models.Index(fields=["contact_id", "column_name", "done_at"], name="restore_column"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["audit_id", "column_name"], name="one_restore_per_column_of_an_entry")
        ]

    def __str__(self) -> str:
        return f"restore {self.pk} ({self.column_name}, {self.result})"
