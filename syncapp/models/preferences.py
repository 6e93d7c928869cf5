"""Preferences that administrators set: one row of typed columns. Without the row, the defaults apply."""

from __future__ import annotations

from django.db import models

STANDARD_REASONS = (
    ("not_correct", "Not correct"),
    ("other_contact", "Belongs to another contact"),
    ("crm_only", "Kept in CRM only"),
    ("other", "Other"),
)
STANDARD_GROUPS = (
    ("Name", ("salutation", "firstname", "middlename", "lastname", "suffix")),
    (
        "Address",
        (
            "address1_line1",
            "address1_line2",
            "address1_line3",
            "address1_postalcode",
            "address1_city",
            "address1_stateorprovince",
            "address1_country",
        ),
    ),
)


class Preferences(models.Model):
    """The only row, read and changed by `syncapp/preferences.py`."""

    slot = models.PositiveSmallIntegerField(primary_key=True, default=1)
    undo_seconds = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Null: the setting UNDO_SECONDS applies."
    )
    reason_required = models.BooleanField(default=False, help_text="Whether rejecting asks for a reason.")
    anyone_decides_unidentified = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether any reviewer may decide edits whose editor has no Entra id in the CRM.",
    )
    reasons = models.JSONField(default=list, help_text="A list of {code, words}.")
    field_groups = models.JSONField(default=list, help_text="A list of {name, columns}.")
    backlog = models.BooleanField(
        default=False, help_text="Whether mails and overdue marks wait until an administrator ends this."
    )
    overdue_hours = models.PositiveSmallIntegerField(default=48)
    mail_values = models.BooleanField(default=True, help_text="Whether mails show values, or only their number.")
    tell_editors = models.BooleanField(default=False)
    operations_address = models.CharField(max_length=320, blank=True)

    class Meta:
        verbose_name_plural = "preferences"
        constraints = [models.CheckConstraint(name="only_one_set_of_preferences", condition=models.Q(slot=1))]

    def __str__(self) -> str:
        return "preferences"

    @classmethod
    def standard_values(cls) -> dict[str, list[dict[str, object]]]:
        """Return the values of a new installation; if they were column defaults, migrations would import them."""
        return {
            "reasons": [{"code": code, "words": words} for code, words in STANDARD_REASONS],
            "field_groups": [{"name": name, "columns": list(columns)} for name, columns in STANDARD_GROUPS],
        }
