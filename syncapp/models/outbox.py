"""Mails to be sent: durable rows, what happened since people were last told, and the troubles that were told."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from syncapp.models.jobs.job import Job, job_indexes, lease_columns_are_consistent
from syncapp.models.mirror.sync_record import SyncRecord


class MessageKind(models.TextChoices):
    """What a mail is about; also the names of its templates."""

    NEW_EDITS = "new_edits", "New edits"
    DIGEST = "digest", "Digest of new edits"
    OVERDUE = "overdue", "Reminder"
    OUTCOME = "outcome", "What became of an edit"
    QUESTION = "question", "Question from a colleague"
    ANSWER = "answer", "Answer to a question"
    RUN = "run", "What a filter run did or waits for"
    TEST = "test", "Test"
    OPERATIONS = "operations", "The portal itself"


class Message(Job):
    """One mail to one reader. It is written when it is sent, so it never tells what is no longer true."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=MessageKind)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    address = models.CharField(max_length=320, blank=True, help_text="Of a reader who is no person of the portal.")
    record = models.ForeignKey(SyncRecord, on_delete=models.PROTECT, null=True, related_name="+")
    details = models.JSONField(default=dict, help_text="What the mail's kind needs to be written.")
    once = models.CharField(max_length=200, blank=True, help_text="No second mail is made with the same words here.")
    sends = models.PositiveSmallIntegerField(default=0, help_text="How often it was handed to the mail service.")

    failure = models.CharField(max_length=300, blank=True, db_default="", help_text="Why it could not be sent.")

    class Meta:
        indexes = [
            *job_indexes("message"),
            models.Index(fields=["recipient", "kind", "created_at"], name="message_of_reader"),
        ]
        constraints = [
            lease_columns_are_consistent("message"),
            models.UniqueConstraint(fields=["once"], condition=~Q(once=""), name="message_made_once"),
            models.CheckConstraint(
                name="message_has_one_reader",
                condition=Q(recipient__isnull=False, address="") | (Q(recipient__isnull=True) & ~Q(address="")),
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.pk} ({self.kind}, {self.state})"


class Arrival(models.Model):
    """An edit that arrived after the first reading: what the mails about new edits are made of."""

    record = models.OneToOneField(SyncRecord, on_delete=models.CASCADE, related_name="arrival")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"arrival {self.pk}"


class Alert(models.Model):
    """A trouble of the portal that was noticed; the row goes when it is over. Told once it has lasted."""

    code = models.CharField(max_length=60, primary_key=True)
    text = models.CharField(max_length=300)
    since = models.DateTimeField()
    # A release that knows only alarms that were told goes on making rows while this one is deployed.
    is_told = models.BooleanField(default=False, db_default=True)
    first_seen_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "syncapp_alarm"

    def __str__(self) -> str:
        return self.code
