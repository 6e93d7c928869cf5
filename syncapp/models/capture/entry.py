"""Entries that capture has read: one row per audit entry of a contact, with the values of tracked columns only.

new ─▶ read ─▶ staged | observed | let_through      its values are read, then its handling is decided
new ─▶ let_through                                  no tracked column changed
new ─▶ baseline_end                                 created, merged, assigned, state set, deleted
new, read ─▶ set_aside                              it cannot be read; shown with the reason
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Source(models.TextChoices):
    """The source of a change, by evidence alone (capture/sources.py)."""

    OURS = "ours", "This portal"
    OUTLOOK = "outlook", "Outlook synchronization"
    FORM = "form", "Form or program that raises the revision"
    PROGRAM = "program", "Another program"
    UNKNOWN = "unknown", "Unknown"


class Evidence(models.TextChoices):
    """The evidence for a source."""

    OWN_USER = "own_user", "Written by the portal’s own user"
    CALLING_USER = "calling_user", "Signed; shown by the audit entry’s calling user"
    DELEGATE = "delegate", "Signed; shown by the contact’s Modified By (Delegate)"
    REVISION = "revision", "Raises the revision"
    APPLICATION = "application", "Written by another application"
    NONE = "none", "No evidence"


class EntryState(models.TextChoices):
    """The state of one entry."""

    NEW = "new", "Values not read yet"
    READ = "read", "Waiting for its turn"
    STAGED = "staged", "Staged for review"
    OBSERVED = "observed", "Only observed"
    LET_THROUGH = "let_through", "Let through"
    BASELINE_END = "baseline_end", "Begins a new baseline"
    SET_ASIDE = "set_aside", "Could not be read"


OPEN_ENTRIES = [EntryState.NEW, EntryState.READ]


class CaptureEntryQuerySet(models.QuerySet["CaptureEntry"]):
    """Named reads of entries."""

    def in_order(self) -> CaptureEntryQuerySet:
        """Return entries oldest first; the CRM stores whole seconds, so the order within a second is not known."""
        return self.order_by("happened_at", "audit_id")

    def open(self) -> CaptureEntryQuerySet:
        """Return entries whose handling is not decided yet."""
        return self.filter(state__in=OPEN_ENTRIES)


class CaptureEntry(models.Model):
    """One audit entry of one contact. `happened_at` is the moment of the change, by the CRM's clock.

    `lacks_revision`: the change is proven not to have raised the revision. `delay` is the number of seconds until the
    entry could be read; None if the first listing after the change contained it.
    """

    audit_id = models.UUIDField(primary_key=True)
    contact_id = models.UUIDField()
    action = models.SmallIntegerField(help_text="A value of crm.audits.records.Action.")
    happened_at = models.DateTimeField()
    user_id = models.UUIDField(null=True, blank=True)
    calling_user_id = models.UUIDField(null=True, blank=True)
    transaction_id = models.UUIDField(null=True, blank=True)
    source = models.CharField(max_length=8, choices=Source, default=Source.UNKNOWN, db_default=Source.UNKNOWN)
    evidence = models.CharField(max_length=12, choices=Evidence, default=Evidence.NONE, db_default=Evidence.NONE)
    lacks_revision = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=12, choices=EntryState, default=EntryState.NEW, db_default=EntryState.NEW)
    reason = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="A code: why it is in this state."
    )
    problem = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="Why it could not be read."
    )
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="Reads of its values that failed.")
    read_at = models.DateTimeField(help_text="When the portal first saw it.")
    delay = models.FloatField(null=True, blank=True)

    objects = CaptureEntryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["contact_id", "happened_at"], name="capture_entry_contact"),
            models.Index(fields=["happened_at", "source", "state"], name="capture_entry_when"),
            # Pages of one source, newest first; the brakes count updates without reading the table.
            models.Index(fields=["source", "happened_at", "user_id", "action"], name="capture_entry_source"),
            models.Index(fields=["read_at"], name="capture_entry_read"),
            models.Index(
                fields=["state", "happened_at"], name="capture_entry_open", condition=Q(state__in=OPEN_ENTRIES)
            ),
            models.Index(fields=["happened_at"], name="capture_entry_aside", condition=Q(state=EntryState.SET_ASIDE)),
        ]

    def __str__(self) -> str:
        return f"entry {self.pk} ({self.source}, {self.state})"


class CaptureValue(models.Model):
    """One tracked column that an entry changed, as canonical text; None is the CRM's empty value.

    A value is also None if it is unknown: cut off at 5,000 characters, unreadable, or not read yet.
    """

    entry = models.ForeignKey(CaptureEntry, on_delete=models.CASCADE, related_name="values")
    column_name = models.CharField(max_length=128)
    old_value = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    new_value = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    old_label = models.TextField(blank=True, default="", db_default="")
    new_label = models.TextField(blank=True, default="", db_default="")
    old_known = models.BooleanField(default=False, db_default=False)
    new_known = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "column_name"], name="one_capture_value_per_column"),
            models.CheckConstraint(
                name="unknown_capture_values_are_empty",
                condition=(Q(old_known=True) | Q(old_value__isnull=True))
                & (Q(new_known=True) | Q(new_value__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.column_name} of entry {self.entry_id}"


class CaptureContact(models.Model):
    """The last change to a contact according to its row, read by change tracking.

    It shows which entries have not arrived, and who signed the newest change. `noticed_at` is when the portal first saw
    this change; `awaited_until` is when the wait for its entry ends, None once it has arrived. `version` distinguishes
    two changes within one second.
    """

    contact_id = models.UUIDField(primary_key=True)
    modified_on = models.DateTimeField()
    version = models.BigIntegerField(null=True, blank=True, help_text="The row’s version number.")
    created_on = models.DateTimeField(null=True, blank=True)
    modified_by = models.UUIDField(null=True, blank=True)
    signed_by = models.UUIDField(null=True, blank=True, help_text="Modified By (Delegate).")
    noticed_at = models.DateTimeField()
    awaited_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["noticed_at"], name="capture_contact_noticed"),
            models.Index(
                fields=["awaited_until"], name="capture_contact_awaited", condition=Q(awaited_until__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"contact {self.pk}"
