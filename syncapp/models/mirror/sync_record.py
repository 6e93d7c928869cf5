"""Outlook edits, mirrored from the CRM, with counts and search words for the queue."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Q
from django.utils import timezone

from syncapp.models.folding import MAX_WORD, searchable
from syncapp.models.locking import locked

REVIEWED_TABLE = "contact"


def table_problem(table: str) -> str:
    """Return why edits of this table are not reviewed; '' if they are. An empty name stands for the reviewed table."""
    if table in ("", REVIEWED_TABLE):
        return ""
    return f"This edit is in a table that the portal does not review: {table}."


class SyncRecordQuerySet(models.QuerySet["SyncRecord"]):
    """Named reads of the queue, and the only place that updates its counts."""

    def visible(self) -> SyncRecordQuerySet:
        """Return records that are visible, with all their fields (mirror/edits/visibility.py)."""
        return self.filter(is_stub=False)

    def arriving(self) -> SyncRecordQuerySet:
        """Return records that are hidden until all their fields are read."""
        return self.filter(_ARRIVING)

    def waiting(self) -> SyncRecordQuerySet:
        """Return records with undecided fields that are not parked."""
        return self.visible().filter(waiting_count__gt=0).exclude(parked_until__gt=timezone.localdate())

    def parked(self) -> SyncRecordQuerySet:
        """Return parked records with undecided fields; they return to the queue on their day."""
        return self.visible().filter(waiting_count__gt=0, parked_until__gt=timezone.localdate())

    def needing_attention(self) -> SyncRecordQuerySet:
        """Return records with a conflict, a failure, or an unreadable change."""
        return self.visible().filter(attention_count__gt=0)

    def being_written(self) -> SyncRecordQuerySet:
        """Return records with decisions that are being written."""
        return self.visible().filter(writing_count__gt=0)

    def decided(self) -> SyncRecordQuerySet:
        """Return records that are completely decided and written."""
        return self.filter(_DECIDED)

    def without_words(self) -> SyncRecordQuerySet:
        """Return records that an earlier release stored without indexing them for search."""
        return self.filter(_WITHOUT_WORDS)

    def without_company(self) -> SyncRecordQuerySet:
        """Return waiting edits of contacts whose company has not been read yet."""
        return self.filter(_COMPANY_UNASKED, target_table=REVIEWED_TABLE, target_id__isnull=False)

    def true_counts(self) -> dict[uuid.UUID, dict[str, int]]:
        """Return the correct counts of these records, by column."""
        counted = {f"true_{name}": Count("fields", filter=condition) for name, condition in _CONDITIONS.items()}
        rows = self.order_by().annotate(**counted).values_list("pk", *counted)
        return {pk: dict(zip(_CONDITIONS, counts, strict=True)) for pk, *counts in rows}

    @transaction.atomic(savepoint=False)
    def recount(self, ids: Iterable[uuid.UUID], *, show: Collection[uuid.UUID] = ()) -> None:
        """Recount the fields of these records, and make those in `show` visible.

        Call it last in every transaction that changes a field. The rows are locked first, in order, so that a
        concurrent recount of the same record sees our fields. One query counts them all; a subquery per record takes
        PostgreSQL ten times as long while it has no statistics on the table.
        """
        wanted = sorted(set(ids))
        if not wanted:
            return
        rows = self.filter(pk__in=wanted)
        stored = {row.pk: row.counts for row in locked(rows.only(*_CONDITIONS))}
        true = rows.true_counts()
        changed: dict[tuple[bool, tuple[int, ...]], list[uuid.UUID]] = defaultdict(list)
        for pk, counts in stored.items():
            if pk in show or counts != true[pk]:
                changed[pk in show, tuple(true[pk].values())].append(pk)
        for (is_shown, correct), changed_ids in changed.items():
            columns = dict(zip(_CONDITIONS, correct, strict=True)) | ({"is_stub": False} if is_shown else {})
            self.filter(pk__in=changed_ids).update(**columns)


_UNREADABLE = Q(fields__unreadable__gt="") | Q(unreadable__gt="")
_CONDITIONS = {
    "waiting_count": Q(fields__decision="pending", fields__delivery="none") & ~_UNREADABLE,
    "attention_count": Q(fields__delivery__in=["conflict", "failed"]) | Q(fields__decision="pending") & _UNREADABLE,
    "writing_count": Q(fields__delivery__in=["waiting", "sent"]),
}


_DECIDED = Q(waiting_count=0, attention_count=0, writing_count=0, is_stub=False)
_WITHOUT_WORDS = Q(search_words__isnull=True, is_stub=False)
_COMPANY_UNASKED = Q(company__isnull=True, waiting_count__gt=0, is_stub=False)
_ARRIVING = (Q(target_id__isnull=False) | Q(unreadable__gt="")) & Q(is_stub=True)


class SyncRecord(models.Model):
    """The mirror of an `osync_syncrecord`, with our own search keys, counts, assignment and reminder."""

    id = models.UUIDField(primary_key=True, help_text="The CRM's id of the row.")
    name = models.CharField(max_length=400, blank=True)
    target_table = models.CharField(max_length=128, blank=True)
    target_id = models.UUIDField(null=True, blank=True)
    editor_id = models.UUIDField(null=True, blank=True)
    editor_name = models.CharField(max_length=400, blank=True)
    edited_on = models.DateTimeField(null=True, blank=True)
    operation_id = models.CharField(max_length=100, blank=True)
    source = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="What staged it: plug-in, audit."
    )
    is_restored = models.BooleanField(
        default=True, db_default=True, help_text="Whether the originals were restored, according to the CRM."
    )
    crm_state = models.SmallIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    generation = models.PositiveIntegerField(default=0)
    is_stub = models.BooleanField(default=False)  # hidden, because the edit or a field of it may not be read yet
    unreadable = models.CharField(
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text="The value that could not be read and is stored as empty.",
    )

    name_key = models.CharField(max_length=200, blank=True)
    editor_key = models.CharField(max_length=200, blank=True)
    company = models.CharField(  # noqa: DJ001  (None and '' differ: not asked yet, and no company)
        max_length=400, null=True, blank=True, help_text="The name of the contact's company; null until it is read."
    )
    search_words = models.TextField(  # noqa: DJ001  (None: the previous release's rows have none)
        null=True, blank=True, help_text="Search words of all three names (models/folding.py); null until computed."
    )
    waiting_count = models.PositiveIntegerField(default=0)
    attention_count = models.PositiveIntegerField(default=0)
    writing_count = models.PositiveIntegerField(default=0)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    parked_until = models.DateField(null=True, blank=True, help_text="The day on which the edit returns to the queue.")
    reminded_at = models.DateTimeField(null=True, blank=True)

    objects = SyncRecordQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["target_id"], name="record_target"),
            models.Index(
                fields=["edited_on", "id"],
                name="record_waiting_age",
                condition=Q(waiting_count__gt=0, is_stub=False),
            ),
            models.Index(
                fields=["name_key", "id"],
                name="record_waiting_name",
                condition=Q(waiting_count__gt=0, is_stub=False),
            ),
            models.Index(
                fields=["edited_on", "id"],
                name="record_attention_age",
                condition=Q(attention_count__gt=0, is_stub=False),
            ),
            models.Index(
                fields=["edited_on", "id"],
                name="record_writing_age",
                condition=Q(writing_count__gt=0, is_stub=False),
            ),
            models.Index(
                fields=["edited_on"],
                name="record_unreminded_age",
                condition=Q(waiting_count__gt=0, is_stub=False, reminded_at__isnull=True),
            ),
            models.Index(fields=["edited_on", "id"], name="record_decided_age", condition=_DECIDED),
            models.Index(
                fields=["editor_id", "edited_on", "id"],
                name="record_waiting_editor",
                condition=Q(waiting_count__gt=0, is_stub=False),
            ),
            models.Index(fields=["editor_id", "edited_on", "id"], name="record_decided_editor", condition=_DECIDED),
            models.Index(fields=["name_key", "id"], name="record_decided_name", condition=_DECIDED),
            models.Index(fields=["parked_until"], name="record_parked", condition=Q(parked_until__isnull=False)),
            models.Index(fields=["id"], name="record_without_words", condition=_WITHOUT_WORDS),
            models.Index(fields=["id"], name="record_arriving", condition=_ARRIVING),
            models.Index(fields=["edited_on", "id"], name="record_company_unasked", condition=_COMPANY_UNASKED),
            models.Index(fields=["editor_key"], name="record_editor_prefix", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"edit {self.pk}"

    @property
    def counts(self) -> dict[str, int]:
        """Return the stored counts, by column."""
        return {name: getattr(self, name) for name in _CONDITIONS}

    @property
    def words_to_search(self) -> str:
        """Return the words that `search_words` should hold."""
        return searchable(self.name, self.editor_name, self.company or "")

    @property
    def is_parked(self) -> bool:
        """Return whether the edit is parked until a later day."""
        day: date | None = self.parked_until
        return day is not None and day > timezone.localdate()

    @property
    def is_of_reviewed_table(self) -> bool:
        """Return whether the portal reviews edits of this table."""
        return not table_problem(self.target_table)

    @property
    def contact(self) -> uuid.UUID:
        """Return the id of the edited row in the CRM; a stub has none and is never decided."""
        if self.target_id is None:
            raise ValueError(f"edit {self.pk} has not arrived yet")
        return self.target_id


class RecordWord(models.Model):
    """One search word of an edit. Rows are only added, so a search checks its hits against `search_words`.

    The index holds only the word. Both databases keep equal words in the order of insertion, so storing an edit changes
    few pages; an index that ended with the edit's id would change one page per word.
    """

    word = models.CharField(max_length=MAX_WORD)
    record = models.ForeignKey(
        SyncRecord, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="words"
    )

    class Meta:
        indexes = [models.Index(fields=["word"], name="record_word", opclasses=["varchar_pattern_ops"])]

    def __str__(self) -> str:
        return f"{self.word} of {self.record_id}"
