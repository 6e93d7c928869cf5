"""The administrators' settings of capture, and the reading position."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from syncapp.models.capture.entry import Evidence, Source


class CaptureMode(models.TextChoices):
    """The handling of new entries from the sources that are on.

    off ─▶ observing ─▶ restoring ⇄ staging (an operator stopped restoring)
                            └─▶ paused (a brake stopped it) ─▶ restoring
    """

    OFF = "off", "Off"
    OBSERVING = "observing", "Observing"
    STAGING = "staging", "Staging, not restoring"
    RESTORING = "restoring", "Restoring"
    PAUSED = "paused", "Paused"


class CaptureRule(models.TextChoices):
    """The definition of an Outlook edit."""

    SIGNED = "signed", "Signed by the synchronization"
    ORIGINAL = "original", "Does not raise the revision"


class Capture(models.Model):
    """The only row: mode, rule and reading position. Without the row, capture is off."""

    slot = models.PositiveSmallIntegerField(primary_key=True, default=1)
    mode = models.CharField(max_length=10, choices=CaptureMode, default=CaptureMode.OFF, db_default=CaptureMode.OFF)
    mode_since = models.DateTimeField(null=True, blank=True)
    mode_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="A code: why it is paused."
    )
    trouble = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="Why it is paused, with figures."
    )
    rule = models.CharField(
        max_length=8, choices=CaptureRule, default=CaptureRule.SIGNED, db_default=CaptureRule.SIGNED
    )
    rule_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who asked for the original rule; empty with the signed rule, unless it waits for a second person.",
    )
    rule_asked_at = models.DateTimeField(null=True, blank=True)
    rule_confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    observing_since = models.DateTimeField(null=True, blank=True)
    signature_seen_at = models.DateTimeField(
        null=True, blank=True, help_text="When a check saw the signature on an administrator's own edit."
    )
    signature_evidence = models.CharField(
        max_length=12,
        choices=Evidence,
        blank=True,
        default="",
        db_default="",
        help_text="The evidence of the signature that the check saw.",
    )
    max_restores = models.PositiveIntegerField(
        default=50,
        db_default=50,
        db_column="most_restores",
        help_text="The most values of one source that are restored in 10 minutes.",
    )

    read_until = models.DateTimeField(null=True, blank=True, help_text="The newest entry of the last complete listing.")
    listed_at = models.DateTimeField(null=True, blank=True, help_text="When the last complete listing began.")
    deep_listed_at = models.DateTimeField(
        null=True, blank=True, help_text="When entries of a whole day were last listed again."
    )
    listing_since = models.DateTimeField(
        null=True, blank=True, help_text="The time from which the current listing reads."
    )
    listing_began_at = models.DateTimeField(null=True, blank=True)
    next_link = models.TextField(
        blank=True, default="", db_default="", help_text="The next page of the current listing."
    )
    has_change_data = models.BooleanField(
        null=True, help_text="Whether lists can name the changed columns; empty: not tried."
    )
    median_delay = models.FloatField(null=True, blank=True, help_text="Seconds until an entry can be read.")
    worst_delay = models.FloatField(null=True, blank=True)
    audited_since = models.JSONField(
        default=dict, help_text="The time since which each tracked column is known to be audited."
    )
    unreadable_columns = models.JSONField(default=list, help_text="Tracked columns whose values may be hidden from us.")
    switches_read_at = models.DateTimeField(null=True, blank=True)
    days_kept = models.IntegerField(
        null=True, blank=True, help_text="Days for which the CRM keeps audit entries; -1: forever."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="only_one_capture", condition=models.Q(slot=1)),
            models.CheckConstraint(
                name="original_rule_needs_two_people",
                condition=~models.Q(rule_confirmed_by=models.F("rule_asked_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"capture ({self.mode})"

    @property
    def rule_waits(self) -> bool:
        """Return whether the original rule waits for a second person."""
        return self.rule == CaptureRule.SIGNED and self.rule_asked_by_id is not None


class CaptureSource(models.Model):
    """A switch for staging and restoring the edits of one source; it affects only entries after `since`."""

    source = models.CharField(max_length=20, primary_key=True, help_text="One of Source.")
    is_on = models.BooleanField(default=False, db_default=False)
    since = models.DateTimeField(null=True, blank=True)
    switched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    pilot_team_id = models.UUIDField(
        null=True, blank=True, help_text="Only its members' edits are staged; empty: everyone's."
    )

    def __str__(self) -> str:
        return f"{self.source} ({'on' if self.is_on else 'off'})"


class CaptureColumn(models.Model):
    """The handling of one source's changes to one column; without a row, the changes are reviewed.

    It affects only entries after `since`, so that a value let through earlier remains the CRM's own.
    """

    class Handling(models.TextChoices):
        REVIEW = "review", "Review"
        LET_THROUGH = "let_through", "Let through"

    source = models.CharField(max_length=8, choices=Source)
    column_name = models.CharField(max_length=128)
    handling = models.CharField(max_length=12, choices=Handling, default=Handling.REVIEW, db_default=Handling.REVIEW)
    since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "column_name"], name="one_handling_per_column")]

    def __str__(self) -> str:
        return f"{self.column_name} by {self.source}: {self.handling}"


class CaptureIdentity(models.Model):
    """A CRM user that capture recognizes: a signing user, or a program.

    Signing users are found by a check or added by an administrator. A program's changes never count as Outlook's,
    under either rule.
    """

    class Kind(models.TextChoices):
        SYNCHRONIZATION = "sync", "Signs what Outlook saves"
        PROGRAM = "program", "A program, never Outlook"

    user_id = models.UUIDField(primary_key=True, help_text="systemuserid")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.SYNCHRONIZATION, db_default=Kind.SYNCHRONIZATION)
    application_id = models.UUIDField(null=True, blank=True)
    name = models.CharField(max_length=400, blank=True, default="", db_default="")
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    found_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When this identity last signed a change.")
    is_confirmed = models.BooleanField(
        default=False, db_default=False, help_text="Whether it signed an edit that an administrator made as a test."
    )

    class Meta:
        verbose_name_plural = "capture identities"

    def __str__(self) -> str:
        return self.name or str(self.user_id)


class CaptureGap(models.Model):
    """A period for which the audit log is incomplete. It is open if `ends_at` is empty.

    It concerns all columns if `columns` is empty.
    """

    class Reason(models.TextChoices):
        AUDITING_OFF = "auditing_off", "Auditing was off"
        ENTRIES_DELETED = "deleted", "The CRM had deleted the entries before they were read"
        DOWNTIME = "downtime", "The portal did not read; edits of that time were not restored"

    reason = models.CharField(max_length=14, choices=Reason)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    noticed_at = models.DateTimeField(auto_now_add=True)
    detail = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="Such as the columns concerned."
    )
    columns = models.JSONField(null=True, blank=True, help_text="The columns concerned; empty: all.")

    class Meta:
        indexes = [models.Index(fields=["ends_at"], name="capture_gap_end")]
        constraints = [
            models.UniqueConstraint(
                name="one_open_capture_gap_per_reason", fields=["reason"], condition=models.Q(ends_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"gap from {self.begins_at} to {self.ends_at} ({self.reason})"
