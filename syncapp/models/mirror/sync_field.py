"""Changed fields of Outlook edits: the CRM's columns, and our two states.

decision:  pending ─▶ approved | rejected (review.decisions)
           approved | rejected ─▶ pending (undo in review.decisions; a conflict returned by review.delivery.results)
           pending, conflict, failed ─▶ superseded (mirror.edits.supersede) | withdrawn (mirror.edits.rows)
delivery:  none ─▶ waiting ─▶ sent ─▶ done | already | conflict | failed (review.delivery)
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.db import models
from django.db.models import Q

from syncapp.crm.staging.records import UNKNOWN_ORIGINAL
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.mirror.sync_record import SyncRecord


class FieldDecision(models.TextChoices):
    """The decision about the proposed value."""

    PENDING = "pending", "Waiting"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    SUPERSEDED = "superseded", "Superseded"
    WITHDRAWN = "withdrawn", "Withdrawn"


class FieldDelivery(models.TextChoices):
    """The progress of writing the decision to the CRM."""

    NONE = "none", "Nothing to deliver"
    WAITING = "waiting", "Waiting to be written"
    SENT = "sent", "Being written"
    DONE = "done", "Written"
    ALREADY = "already", "Already in the CRM"
    CONFLICT = "conflict", "Conflict"
    FAILED = "failed", "Not written"


# Allowed combinations. A conflict is returned to the reviewer (pending); a withdrawn field has nothing to deliver.
ALLOWED = {
    FieldDecision.PENDING: [FieldDelivery.NONE, FieldDelivery.CONFLICT],
    FieldDecision.APPROVED: [
        FieldDelivery.WAITING,
        FieldDelivery.SENT,
        FieldDelivery.DONE,
        FieldDelivery.ALREADY,
        FieldDelivery.FAILED,
    ],
    FieldDecision.REJECTED: [
        FieldDelivery.WAITING,
        FieldDelivery.SENT,
        FieldDelivery.DONE,
        FieldDelivery.ALREADY,
        FieldDelivery.FAILED,
    ],
    FieldDecision.SUPERSEDED: [
        FieldDelivery.WAITING,
        FieldDelivery.SENT,
        FieldDelivery.DONE,
        FieldDelivery.FAILED,
    ],
    FieldDecision.WITHDRAWN: [FieldDelivery.NONE],
}


class SyncFieldQuerySet(models.QuerySet["SyncField"]):
    """Named reads of staged fields."""

    def undecided(self) -> SyncFieldQuerySet:
        """Return fields that a reviewer can decide: waiting, or returned with a conflict."""
        return self.filter(decision=FieldDecision.PENDING, unreadable="")

    def not_yet_ruled(self) -> SyncFieldQuerySet:
        """Return undecided fields that the rules have not checked."""
        fresh = self.filter(decision=FieldDecision.PENDING, delivery=FieldDelivery.NONE, ruled_at__isnull=True)
        return fresh.filter(unreadable="", record__unreadable="")

    def failed(self) -> SyncFieldQuerySet:
        """Return decided fields that could not be written; they are shown with Retry."""
        return self.filter(delivery=FieldDelivery.FAILED)

    def open(self) -> SyncFieldQuerySet:
        """Return undecided or failed fields, which a newer edit supersedes."""
        return self.filter(Q(decision=FieldDecision.PENDING) | Q(delivery=FieldDelivery.FAILED))


class SyncField(models.Model):
    """The mirror of an `osync_syncfield`, with decision and delivery."""

    id = models.UUIDField(primary_key=True, help_text="The CRM's id of the row.")
    record = models.ForeignKey(SyncRecord, on_delete=models.PROTECT, related_name="fields")
    column_name = models.CharField(max_length=128)
    original_value = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    proposed_value = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    original_label = models.TextField(blank=True)
    proposed_label = models.TextField(blank=True)
    change_kind = models.CharField(
        max_length=8, choices=ChangeKind, default=ChangeKind.OTHER, db_default=ChangeKind.OTHER
    )
    crm_decision = models.IntegerField(default=0)
    crm_decision_id = models.CharField(max_length=100, blank=True)
    crm_state = models.SmallIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    generation = models.PositiveIntegerField(default=0)
    unreadable = models.CharField(
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text="The value that could not be read and is stored as empty.",
    )

    decision = models.CharField(max_length=10, choices=FieldDecision, default=FieldDecision.PENDING)
    delivery = models.CharField(max_length=8, choices=FieldDelivery, default=FieldDelivery.NONE)
    revision = models.PositiveIntegerField(
        default=0, help_text="The number of our own changes; part of the decision context."
    )
    trouble = models.TextField(blank=True, help_text="Why it was not written, in the CRM's words.")
    contact_is_gone = models.BooleanField(default=False)
    contact_state = models.CharField(
        max_length=8, blank=True, default="", db_default="", help_text="inactive or merged, as last read."
    )
    crm_now_value = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is the CRM's empty value)
    crm_now_label = models.TextField(blank=True)
    crm_now_read_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True, db_column="settled_at")
    repeats = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How often Outlook sent this value again after it was rejected."
    )
    repeated_at = models.DateTimeField(null=True, blank=True)
    echoed_at = models.DateTimeField(
        null=True, blank=True, help_text="When another program wrote the proposed value while it was undecided."
    )
    ruled_at = models.DateTimeField(null=True, blank=True, help_text="When the rules checked it; null until then.")

    objects = SyncFieldQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["generation"],
                name="field_open_generation",
                condition=Q(decision=FieldDecision.PENDING),
            ),
            models.Index(
                fields=["id"],
                name="field_unruled",
                condition=Q(decision=FieldDecision.PENDING, delivery=FieldDelivery.NONE, ruled_at__isnull=True),
            ),
            # With these indexes, the queue's filters check whether a field or a kind of change is rare.
            models.Index(
                fields=["column_name", "change_kind", "record"],
                name="field_pending_column",
                condition=Q(decision=FieldDecision.PENDING),
            ),
            models.Index(
                fields=["change_kind", "record"],
                name="field_pending_kind",
                condition=Q(decision=FieldDecision.PENDING),
            ),
            models.Index(
                fields=["column_name", "change_kind", "record"],
                name="field_settled_column",
                condition=~Q(decision=FieldDecision.PENDING),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="field_axes_agree",
                condition=reduce(or_, (Q(decision=each, delivery__in=allowed) for each, allowed in ALLOWED.items())),
            ),
        ]

    def __str__(self) -> str:
        return f"field {self.pk} ({self.column_name})"

    @property
    def is_undecided(self) -> bool:
        """Return whether a reviewer can decide the field now."""
        return self.decision == FieldDecision.PENDING and not self.unreadable

    def label_of(self, value: str | None) -> str:
        """Return the CRM's label of this value, if it is the original, proposed or live one; else ''."""
        known = {self.original_value: self.original_label, self.proposed_value: self.proposed_label}
        return {self.crm_now_value: self.crm_now_label, **known}.get(value, "") if value is not None else ""

    @property
    def has_unknown_original(self) -> bool:
        """Return whether the original is unknown; its value is then None, which does not mean an empty original."""
        return self.original_value is None and self.original_label == UNKNOWN_ORIGINAL

    @property
    def staged_value(self) -> str | None:
        """Return the value that staging left in the CRM: the original, or the proposed value if it was not restored."""
        return self.original_value if self.record.is_restored else self.proposed_value

    @property
    def expected_value(self) -> str | None:
        """Return the value that we expect in the CRM: the live value last read, or else the value that staging left."""
        return self.staged_value if self.crm_now_read_at is None else self.crm_now_value
