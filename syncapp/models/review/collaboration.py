"""Comments on edits, and the people who have an edit open."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from syncapp.models.mirror.sync_record import SyncRecord


class Comment(models.Model):
    """A comment on an edit, which may be a question or an answer. It is never changed.

    A question goes to a colleague (`asked`), or to the person who edited in Outlook (`asks_editor`).
    """

    class Kind(models.TextChoices):
        REMARK = "remark", "Comment"
        QUESTION = "question", "Question"
        ANSWER = "answer", "Answer"

    record = models.ForeignKey(SyncRecord, on_delete=models.PROTECT, related_name="comments")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.REMARK)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()
    asked = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    asks_editor = models.BooleanField(default=False, db_default=False)
    question = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="answers")

    class Meta:
        indexes = [models.Index(fields=["record", "at"], name="comment_of_record")]
        constraints = [
            models.CheckConstraint(
                name="a_question_asks_somebody",
                condition=Q(kind="question", asked__isnull=False, asks_editor=False)
                | Q(kind="question", asked__isnull=True, asks_editor=True)
                | (~Q(kind="question") & Q(asked__isnull=True, asks_editor=False)),
            ),
            models.CheckConstraint(
                name="an_answer_has_its_question",
                condition=Q(kind="answer", question__isnull=False) | (~Q(kind="answer") & Q(question__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} about edit {self.record_id}"


class Presence(models.Model):
    """A person who had the page of an edit open at `seen_at`; this never blocks others."""

    record = models.ForeignKey(SyncRecord, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "person"], name="one_presence_per_person_and_edit")]

    def __str__(self) -> str:
        return f"edit {self.record_id} open at {self.seen_at:%H:%M:%S}"
