"""The audit trail's reads: what was asked for, newest first, page by page after an entry, never at an offset.

Each filter has an index that ends with the time (models/audit.py), so that a page costs the same whatever the trail's
length. Names are those of edits: where few edits match, their entries are looked up; where many do, the trail is
walked from its newest entry on, and finds a page of them soon.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from syncapp.models import AuditEntry, CrmUser, SyncRecord
from syncapp.models.folding import search_key
from syncapp.review.queue import word_search

PAGE = 50
BATCH = 1000
MOST_COUNTED = 1000
FEW_EDITS = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries: every part that is set must fit. `since` is included, `until` is not."""

    area: str = ""
    action: str = ""
    person: uuid.UUID | None = None
    by_portal: bool = False
    channel: str = ""
    column: str = ""
    contact: uuid.UUID | None = None
    editor: uuid.UUID | None = None
    name: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is filtered."""
        return not any(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, newest first, and whether older ones follow."""

    entries: Sequence[AuditEntry]
    has_more: bool


def page(asked: Asked, *, before: int | None = None, size: int = PAGE) -> Page:
    """The newest entries, or those older than the entry `before`."""
    found = list(_older(_entries(asked), before).order_by("-at", "-id")[: size + 1])
    return Page(found[:size], has_more=len(found) > size)


def batches(asked: Asked) -> Iterator[Sequence[AuditEntry]]:
    """All entries in batches, newest first. Ends at the present moment, also while new ones keep coming."""
    before: int | None = None
    while True:
        found = page(asked, before=before, size=BATCH)
        if found.entries:
            yield found.entries
        if not found.has_more:
            return
        before = found.entries[-1].pk


def oldest_first(asked: Asked, *, most: int) -> Page:
    """The first entries of what was asked for, as a story is read."""
    found = list(_entries(asked).order_by("at", "id")[: most + 1])
    return Page(found[:most], has_more=len(found) > most)


def count(asked: Asked) -> int:
    """How many entries there are, at most MOST_COUNTED + 1: the database stops counting there."""
    return _matching(asked).order_by()[: MOST_COUNTED + 1].count()


def narrowed(asked: Asked, *, until: datetime) -> Asked:
    """The same, ended at a moment: what was shown then can be shown again."""
    return replace(asked, until=min(asked.until, until) if asked.until else until)


def known(column: str) -> list[str]:
    """The different values of an indexed text column, in order: one step in the index each, however many entries."""
    table, name = AuditEntry._meta.db_table, AuditEntry._meta.get_field(column).name
    # Both come from the model, whose columns have its names. No database does this by itself for SELECT DISTINCT.
    sql = (
        f"WITH RECURSIVE known(word) AS (SELECT MIN({name}) FROM {table} WHERE {name} > '' UNION ALL "  # noqa: S608  (the model's own names)
        f"SELECT (SELECT MIN({name}) FROM {table} WHERE {name} > known.word) FROM known WHERE known.word IS NOT NULL) "
        "SELECT word FROM known WHERE word IS NOT NULL"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [word for (word,) in cursor.fetchall()]


def _entries(asked: Asked) -> QuerySet[AuditEntry]:
    return _matching(asked).select_related("actor", "value")


def _older(entries: QuerySet[AuditEntry], before: int | None) -> QuerySet[AuditEntry]:
    last = AuditEntry.objects.filter(pk=before or 0).values("at")
    if not last.exists():
        return entries
    # Compared inside the database: SQLite keeps its own clock's times with fewer digits than a time that comes back.
    then = Subquery(last)
    return entries.filter(Q(at__lte=then) & (Q(at__lt=then) | Q(pk__lt=before)))


def _matching(asked: Asked) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.all()
    exact = {
        "area": asked.area,
        "action": asked.action,
        "actor": asked.person,
        "channel": asked.channel,
        "column_name": asked.column,
        "at__gte": asked.since,
        "at__lt": asked.until,
    }
    entries = entries.filter(**{lookup: value for lookup, value in exact.items() if value})
    if asked.by_portal:
        entries = entries.filter(actor__isnull=True)
    for match in _edits(asked):
        entries = _of_edits(entries, SyncRecord.objects.filter(match), match)
    if name := asked.name.strip():
        entries = _of_edits(
            entries, word_search.filter_records(SyncRecord.objects.all(), name), word_search.condition(name)
        )
    return entries


def _edits(asked: Asked) -> Iterator[Q]:
    if asked.contact:
        yield Q(target_id=asked.contact)
    if asked.editor:
        name = CrmUser.objects.filter(pk=asked.editor).values_list("name", flat=True).first() or ""
        # The name's index finds them; the id tells people of one name apart.
        yield Q(editor_key=search_key(name), editor_id=asked.editor)


def _of_edits(entries: QuerySet[AuditEntry], edits: QuerySet[SyncRecord], match: Q) -> QuerySet[AuditEntry]:
    few = list(edits.values_list("pk", flat=True)[: FEW_EDITS + 1])
    if len(few) <= FEW_EDITS:
        return entries.filter(record_id__in=few)
    return entries.filter(Exists(SyncRecord.objects.filter(match, pk=OuterRef("record_id"))))
