"""The audit trail: rows with digests that stay, values beside them that can be erased."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """Who did what to which row, when and through what. Never updated, never deleted."""

    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=60)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    channel = models.CharField(max_length=20)
    group = models.UUIDField(null=True, help_text="Ties the entries of one submit together.")
    record_id = models.UUIDField(null=True)
    field_id = models.UUIDField(null=True)
    decision_id = models.UUIDField(null=True)
    details = models.JSONField(default=dict, help_text="Codes and numbers only, never a person's data.")
    before_digest = models.CharField(max_length=64, blank=True)
    after_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["record_id", "at"], name="audit_of_record"),
            models.Index(fields=["field_id", "at"], name="audit_of_field"),
        ]

    def __str__(self) -> str:
        return f"{self.action} at {self.at:%Y-%m-%d %H:%M:%S}"


class AuditValue(models.Model):
    """The values behind an entry's digests; erasing the row leaves the entry whole."""

    entry = models.OneToOneField(AuditEntry, on_delete=models.CASCADE, primary_key=True, related_name="value")
    before = models.TextField(null=True)  # noqa: DJ001  (null is the CRM's empty)
    after = models.TextField(null=True)  # noqa: DJ001  (null is the CRM's empty)
    reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"values of entry {self.pk}"
