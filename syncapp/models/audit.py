"""The audit log: permanent rows with digests, and values that can be erased."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class Area(models.TextChoices):
    """The area of an action; each area has a tab on the activity page."""

    DECISION = "decision", "Decisions"
    DELIVERY = "delivery", "Written to CRM"
    MIRROR = "mirror", "From CRM"
    FILTER = "filter", "Filters"
    TEAM = "team", "Team and mails"
    SETTING = "setting", "Settings"
    SIGN_IN = "sign_in", "Sign-ins"


# The first matching prefix decides; any other action is a setting.
_PREFIXES = {
    "field.delivery.": Area.DELIVERY,
    "field.superseded": Area.MIRROR,
    "field.withdrawn": Area.MIRROR,
    "field.": Area.DECISION,
    "selection.": Area.DECISION,
    "capture.put_back_": Area.DECISION,
    "filter.": Area.FILTER,
    "list.": Area.FILTER,
    "run.": Area.FILTER,
    "policy.": Area.FILTER,
    "record.": Area.TEAM,
    "question.": Area.TEAM,
    "message.": Area.TEAM,
    "mail.": Area.TEAM,
    "person.signed_": Area.SIGN_IN,
}


def area_of(action: str) -> Area:
    """Return the area of an action by the prefix of its name."""
    return next((area for prefix, area in _PREFIXES.items() if action.startswith(prefix)), Area.SETTING)


# The entries that the activity page does not group under another entry of their run or bulk decision. Written as
# equalities, because SQLite does not match a list of parameters with the condition of an index.
IS_HEAD = (
    ~Q(action="filter.switched")
    & ~Q(action="filter.method_set")
    & ~Q(action="run.undone")
    & ~Q(channel="selection")
    & Q(is_part=False)
)


class AuditEntry(models.Model):
    """An event: who did what to which row, when, and through which channel. Never updated, never deleted."""

    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=60)
    area = models.CharField(max_length=10, choices=Area, default="", db_default="", blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    channel = models.CharField(max_length=20)
    group = models.UUIDField(null=True, help_text="Shared by all entries of one submission.")
    is_part = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether the activity page shows this entry within the row of its group.",
    )
    record_id = models.UUIDField(null=True)
    field_id = models.UUIDField(null=True)
    decision_id = models.UUIDField(null=True)
    column_name = models.CharField(max_length=128, default="", db_default="", blank=True)
    details = models.JSONField(default=dict, help_text="Codes and numbers only, never personal data.")
    before_digest = models.CharField(max_length=64, blank=True)
    after_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["record_id", "at"], name="audit_of_record"),
            models.Index(fields=["field_id", "at"], name="audit_of_field"),
            models.Index(fields=["area", "at"], name="audit_of_area"),
            models.Index(fields=["action", "at"], name="audit_of_action"),
            models.Index(fields=["actor", "at"], name="audit_of_actor"),
            models.Index(fields=["channel", "at"], name="audit_of_channel"),
            models.Index(fields=["column_name", "at"], name="audit_of_column"),
            models.Index(fields=["group", "action", "at"], name="audit_of_group", condition=Q(group__isnull=False)),
            models.Index(fields=["at"], name="audit_heads", condition=IS_HEAD),
            models.Index(fields=["area", "at"], name="audit_heads_of_area", condition=IS_HEAD),
            models.Index(fields=["actor", "at"], name="audit_heads_of_actor", condition=IS_HEAD),
            models.Index(fields=["area", "actor", "at"], name="audit_heads_of_area_actor", condition=IS_HEAD),
        ]

    def __str__(self) -> str:
        return f"{self.action} at {self.at:%Y-%m-%d %H:%M:%S}"


class AuditValue(models.Model):
    """The values behind an entry's digests; erasing this row leaves the entry intact."""

    entry = models.OneToOneField(AuditEntry, on_delete=models.CASCADE, primary_key=True, related_name="value")
    before = models.TextField(null=True)  # noqa: DJ001  (null is the CRM's empty value)
    after = models.TextField(null=True)  # noqa: DJ001  (null is the CRM's empty value)
    reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"values of entry {self.pk}"
