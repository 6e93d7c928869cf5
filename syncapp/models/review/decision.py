"""Decisions about staged fields: decider, outcome, reason, and the expected and new value."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from syncapp.models.mirror.sync_field import SyncField
from syncapp.models.review.delivery import Delivery
from syncapp.models.review.rule import Rule


class Outcome(models.TextChoices):
    """The outcome, as the staging row in the CRM will show it."""

    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    SUPERSEDED = "superseded", "Superseded by a newer edit"


class Kind(models.TextChoices):
    """The step of the review: a first decision, a follow-up, or the mark of a superseded edit."""

    REVIEW = "review", "Decision"
    PUT_BACK = "put_back", "Old value put back"
    AFTER_ALL = "after_all", "Approved after all"
    SUPERSEDE = "supersede", "Superseded"


class DecisionState(models.TextChoices):
    """open ─▶ bound (in a delivery) ─▶ written | already | conflict | failed | withdrawn; open ─▶ undone.

    failed ─▶ replaced; failed or replaced ─▶ written, if it turns out that only the CRM's answer was lost.
    After a restore of our database: written if the CRM's row proves the decision, lost if only the log does.
    """

    OPEN = "open", "Due after the undo window"
    BOUND = "bound", "In a delivery"
    WRITTEN = "written", "In the CRM"
    ALREADY = "already", "Already in the CRM"
    CONFLICT = "conflict", "Conflict, back for review"
    FAILED = "failed", "Not written"
    WITHDRAWN = "withdrawn", "The row was deleted or decided in the CRM"
    UNDONE = "undone", "Undone"
    REPLACED = "replaced", "Replaced by another decision after a failure"
    LOST = "lost", "Lost in a restore before it was written"


# Failed, perhaps after an answer was lost: only the staging row can prove that the CRM wrote it.
UNPROVEN_STATES = [DecisionState.FAILED, DecisionState.REPLACED]
LIVE_STATES = [DecisionState.OPEN, DecisionState.BOUND, DecisionState.FAILED]


class DecisionQuerySet(models.QuerySet["Decision"]):
    """Named reads of decisions."""

    def live(self) -> DecisionQuerySet:
        """Return decisions that may still be written to the CRM."""
        return self.filter(state__in=LIVE_STATES)

    def of_contact(self, table: str, target_id: uuid.UUID) -> DecisionQuerySet:
        """Return decisions about edits of one contact."""
        return self.filter(target_table=table, target_id=target_id)


class Decision(models.Model):
    """A decision: one row per field and version, of which one is live at most. Its id in the CRM proves our write."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    field = models.ForeignKey(SyncField, on_delete=models.PROTECT, related_name="decisions")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.REVIEW)
    outcome = models.CharField(max_length=10, choices=Outcome)
    state = models.CharField(max_length=10, choices=DecisionState, default=DecisionState.OPEN)
    target_table = models.CharField(max_length=128)
    target_id = models.UUIDField()

    # A name does not prove identity, so a recognized decision has no person, only `recognized_by`.
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    decided_at = models.DateTimeField()
    recognized_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was recognized from the staging row, after our database was restored."
    )
    recognized_by = models.CharField(
        max_length=400, blank=True, default="", db_default="", help_text="Who decided, according to the staging row."
    )
    reason_code = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)

    writes = models.BooleanField(help_text="Whether the contact itself is written, or only the staging row marked.")
    value_to_write = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    expected_value = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    written_value = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    is_adjusted = models.BooleanField(
        default=False, db_default=False, help_text="Whether the CRM stored another value: `written_value`."
    )
    is_corrected = models.BooleanField(default=False)
    corrected_label = models.CharField(
        max_length=400,
        blank=True,
        default="",
        db_default="",
        help_text="The name of the row that a corrected lookup points to.",
    )

    four_eyes = models.BooleanField()
    decider_oid = models.UUIDField(null=True)
    editor_oid = models.UUIDField(null=True)
    unidentified_allowed = models.BooleanField(
        default=False,
        db_default=True,  # decisions from before the setting were taken as if it were on
        help_text="Whether it was allowed only by the setting for editors without an Entra id.",
    )

    due_at = models.DateTimeField()
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, null=True, related_name="decisions")
    finished_at = models.DateTimeField(null=True, blank=True, db_column="settled_at")

    objects = DecisionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["decided_at"], name="decision_by_time"),
            models.Index(
                fields=["target_id", "due_at"],
                name="decision_open_of_contact",
                condition=Q(state=DecisionState.OPEN),
            ),
            models.Index(
                fields=["recognized_at"], name="decision_recognized", condition=Q(recognized_at__isnull=False)
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["field"], condition=Q(state__in=LIVE_STATES), name="one_live_decision_per_field"
            ),
            models.UniqueConstraint(fields=["field", "version"], name="one_decision_per_field_and_version"),
            models.CheckConstraint(
                name="nobody_decides_their_own_edit",
                condition=Q(four_eyes=False)
                | Q(editor_oid__isnull=True, unidentified_allowed=True)
                | Q(editor_oid__isnull=False) & ~Q(editor_oid=F("decider_oid")),
            ),
            models.CheckConstraint(
                name="somebody_decided_unless_superseded",
                condition=Q(decided_by__isnull=False)
                | Q(kind=Kind.SUPERSEDE)
                | Q(rule__isnull=False)
                | Q(recognized_at__isnull=False),
            ),
            models.CheckConstraint(
                name="a_rule_or_a_person_decides",
                condition=Q(rule__isnull=True) | Q(decided_by__isnull=True),
            ),
            models.CheckConstraint(
                name="bound_means_in_a_delivery",
                condition=~Q(state=DecisionState.BOUND) | Q(delivery__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"decision {self.pk} ({self.outcome}, {self.state})"

    @property
    def held_value(self) -> str | None:
        """Return the value that the CRM held after this decision was written."""
        return self.written_value if self.is_adjusted else self.value_to_write

    @property
    def decider(self) -> str:
        """Return the decider as people read it: a name, a rule, or '' for the portal itself."""
        if self.decided_by is not None:
            return str(self.decided_by)
        return f"the rule “{self.rule}”" if self.rule is not None else self.recognized_by

    @property
    def is_recognized(self) -> bool:
        """Return whether the decision was taken before a database restore, and found again in the CRM."""
        return self.recognized_at is not None
