"""The outbox: mails to send, arrivals of edits that mails will report, and alerts about troubles."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from syncapp.models.jobs.job import Job, job_indexes, lease_columns_are_consistent
from syncapp.models.mirror.sync_record import SyncRecord


class MessageKind(models.TextChoices):
    """The kind of a mail, which is also the name of its templates."""

    NEW_EDITS = "new_edits", "New edits"
    DIGEST = "digest", "Digest of new edits"
    OVERDUE = "overdue", "Reminder"
    OUTCOME = "outcome", "Result of an edit"
    QUESTION = "question", "Question from a colleague"
    EDITOR_QUESTION = "ask_editor", "Question to an editor"
    ANSWER = "answer", "Answer to a question"
    RUN = "run", "Run, policy or capture rule"
    TEST = "test", "Test"
    OPERATIONS = "operations", "Operator alert"


class Message(Job):
    """A mail to one recipient. Its text is written when it is sent, so that it is never outdated."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=MessageKind)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    address = models.CharField(
        max_length=320, blank=True, help_text="The address of a recipient without a portal account."
    )
    record = models.ForeignKey(SyncRecord, on_delete=models.PROTECT, null=True, related_name="+")
    details = models.JSONField(default=dict, help_text="Data that the text of this kind of mail needs.")
    once = models.CharField(
        max_length=200, blank=True, help_text="A key; a second message with the same key is not queued."
    )
    sends = models.PositiveSmallIntegerField(
        default=0, help_text="How often the message was handed to the mail service."
    )

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
    """An edit that arrived after the first read of the CRM, for the mails about new edits."""

    record = models.OneToOneField(SyncRecord, on_delete=models.CASCADE, related_name="arrival")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"arrival {self.pk}"


class Alert(models.Model):
    """A trouble that was noticed, and whether the mail about it was sent. Deleted when the trouble is over."""

    code = models.CharField(max_length=60, primary_key=True)
    text = models.CharField(max_length=300)
    since = models.DateTimeField()
    # During an upgrade, an older release creates a row only when it sends the mail, hence the database's default.
    is_sent = models.BooleanField(default=False, db_default=True, db_column="is_told")
    first_seen_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "syncapp_alarm"

    def __str__(self) -> str:
        return self.code
