"""Daily counts of captured changes, for the capture page and for the usual numbers that brakes compare with."""

from __future__ import annotations

from django.db import models

from syncapp.models.capture.entry import Source


class ChangeResult(models.TextChoices):
    """The result of one change to one column. The codes are those of RestoreResult and EntryState where they exist."""

    RESTORED = "restored", "restored"
    PUT_BACK = "put_back", "restored, then undone"
    ONLY_STAGED = "not_restored", "only staged"
    OBSERVED = "observed", "only observed"
    LET_THROUGH = "let_through", "let through"
    WAITING = "waiting", "waiting"
    SET_ASIDE = "set_aside", "could not be staged"


class CaptureDay(models.Model):
    """The number of changes to one column on one day (UTC), by one source, with one result.

    `program_id` is the CRM user as which a program writes; None for other sources. `column_name` is empty
    if it is not known which columns changed. `is_restored_by_original`: the original rule would restore these
    changes.
    """

    day = models.DateField()
    source = models.CharField(max_length=8, choices=Source)
    program_id = models.UUIDField(null=True, blank=True)
    column_name = models.CharField(max_length=128, blank=True)
    result = models.CharField(max_length=12, choices=ChangeResult)
    is_restored_by_original = models.BooleanField(default=False, db_default=False)
    number = models.PositiveIntegerField()
    latest_value_id = models.BigIntegerField(
        null=True, blank=True, help_text="The newest CaptureValue that is counted."
    )

    class Meta:
        indexes = [models.Index(fields=["day"], name="capture_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.number} of {self.column_name} by {self.source}, {self.result}"


class CaptureContactDay(models.Model):
    """The number of contacts that a source changed on one day (UTC) in a way that may count as Outlook's.

    All signed updates count, and so do updates by other sources that do not raise the revision.
    """

    day = models.DateField()
    source = models.CharField(max_length=8, choices=Source)
    contacts = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "source"], name="one_contact_count_per_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.contacts} contacts by {self.source}"
