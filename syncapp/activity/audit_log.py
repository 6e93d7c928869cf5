"""Filtered reads of the audit log, page by page after an entry, never at an offset.

Each filter has an index that ends with the time (models/audit.py), so the cost of a page does not depend on the size
of the log. A search for names finds edits. If few match, their entries are looked up. If many match, the log is
scanned from its newest entry, which soon fills a page.

A grouped page has one entry for each run, bulk decision, put-back plan, and round of a rule. The entries for
their users and fields are not in the indexes that it reads, so a run of 20,000 users costs as much as a run of one
user. PostgreSQL does not know how few entries an area has left, and would look for them among those of all areas.
`_EqualButNotConstant` and the order make it use the index of the area.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, Subquery, Value

from syncapp.models import AuditEntry, CrmUser, SelectionItem, SyncRecord
from syncapp.models.audit import IS_HEAD, Area, area_of
from syncapp.models.folding import search_key
from syncapp.review.queue import word_search

PAGE_SIZE = 50
BATCH = 1000
MAX_COUNTED = 1000
FEW_EDITS = 1000
# A grouped page has one row per run: the newest entry with one of these actions.
RUN_ACTIONS = (
    "run.frozen",
    "run.prepared_again",
    "run.released",
    "run.held_back",
    "run.left_out",
    "run.taken_back",
    "run.asked",
    "run.confirmed",
    "run.started",
    "run.moved",
    "run.paused",
    "run.resumed",
    "run.cancelled",
    "run.done",
)
# It also has one row per put-back plan.
PUT_BACK_ACTIONS = (
    "capture.put_back_planned",
    "capture.put_back_discarded",
    "capture.put_back_started",
    "capture.put_back_retried",
    "capture.put_back_stopped",
    "capture.put_back_ended",
)
STEPS = (*RUN_ACTIONS, *PUT_BACK_ACTIONS)


class _EqualButNotConstant(Func):
    """A comparison with a value that keeps PostgreSQL's planner from treating the column as constant.

    The planner drops constant columns from an order. If this column stays in the order, rows can only come from an
    index that begins with it.
    """

    template = "(%(expressions)s]))"
    arg_joiner = " = ANY(ARRAY["
    output_field = BooleanField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Compare as usual: SQLite prefers the index with the most equal columns."""
        return self.as_sql(compiler, connection, template="%(expressions)s", arg_joiner=" = ", **context)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The conditions of a search; every condition that is set must hold. `since` is inclusive, `until` exclusive."""

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
    def can_be_grouped(self) -> bool:
        """Return whether the entries of runs and bulk decisions may be grouped, as the search asks for none of them."""
        return self.has_only_area_and_person and self.area != Area.DELIVERY

    @property
    def has_only_area_and_person(self) -> bool:
        """Return whether nothing is set except an area, a person and a period."""
        return not any((self.action, self.channel, self.column, self.contact, self.editor, self.name.strip()))

    def can_use_area_index(self, *, grouped: bool) -> bool:
        """Return whether an index that begins with the area covers all other conditions."""
        if not (self.area and self.has_only_area_and_person):
            return False
        return grouped or not (self.person or self.by_portal)

    @property
    def shows_steps_of_runs(self) -> bool:
        """Return whether a grouped page also has each step of a run, because it shows what one actor did."""
        return self.person is not None or self.by_portal


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of one page, and whether more follow."""

    entries: Sequence[AuditEntry]
    has_more: bool


def page(conditions: AuditFilter, *, before: int | None = None, size: int = PAGE_SIZE, grouped: bool = False) -> Page:
    """Return the newest entries, or those older than the entry `before`; if `grouped`, one for each run or decision."""
    entries = rows(conditions, grouped=grouped)
    last = AuditEntry.objects.filter(pk=before or 0).values("at")
    if last.exists():
        # Compare inside the database: SQLite stores its clock's times with fewer digits than Django sends back.
        last_at = Subquery(last)
        entries = entries.filter(Q(at__lte=last_at) & (Q(at__lt=last_at) | Q(pk__lt=before)))
    found = list(entries[: size + 1])
    return Page(found[:size], has_more=len(found) > size)


def batches(conditions: AuditFilter) -> Iterator[Sequence[AuditEntry]]:
    """Yield all entries in batches, newest first. New entries during the iteration are not included."""
    before: int | None = None
    while True:
        found = page(conditions, before=before, size=BATCH)
        if found.entries:
            yield found.entries
        if not found.has_more:
            return
        before = found.entries[-1].pk


def rows(conditions: AuditFilter, *, grouped: bool = False) -> QuerySet[AuditEntry]:
    """Return the matching entries, newest first; if `grouped`, one for each run and bulk decision."""
    entries = _entries(conditions)
    order = ["-at", "-id"]
    if conditions.can_use_area_index(grouped=grouped):
        entries = _entries(replace(conditions, area="")).filter(_EqualButNotConstant(F("area"), Value(conditions.area)))
        # PostgreSQL does not treat "is empty" as a constant, so the column has to be part of the order.
        order = ["-area", *(["-actor_id"] if conditions.by_portal else []), *order]
    return (_group(entries, conditions) if grouped else entries).order_by(*order)


def find(pk: int, conditions: AuditFilter) -> AuditEntry | None:
    """Return the entry with this key if it matches the conditions."""
    return _entries(conditions).filter(pk=pk).first()


def entries_of_group(group: uuid.UUID, actions: Sequence[str], *, limit: int) -> list[AuditEntry]:
    """Return the newest entries with these actions of a run or a bulk decision."""
    entries = AuditEntry.objects.filter(group=group, action__in=actions).select_related("actor", "value")
    return list(entries.order_by("-at", "-id")[:limit])


def oldest_entries(conditions: AuditFilter, *, limit: int) -> Page:
    """Return the oldest matching entries, in chronological order, at most `limit`."""
    found = list(_entries(conditions).order_by("at", "id")[: limit + 1])
    return Page(found[:limit], has_more=len(found) > limit)


def count(conditions: AuditFilter) -> int:
    """Count the entries, up to MAX_COUNTED + 1."""
    return _matching(conditions).order_by()[: MAX_COUNTED + 1].count()


def limit_until(conditions: AuditFilter, *, until: datetime) -> AuditFilter:
    """Return the filter limited to entries before `until`, so that the same page can be shown again later."""
    return replace(conditions, until=min(conditions.until, until) if conditions.until else until)


def distinct_values(column: str) -> list[str]:
    """Return the distinct values of an indexed text column in order, with one index step per value."""
    table, name = AuditEntry._meta.db_table, AuditEntry._meta.get_field(column).name
    # SELECT DISTINCT would read the whole index on both databases.
    sql = (
        f"WITH RECURSIVE known(word) AS (SELECT MIN({name}) FROM {table} WHERE {name} > '' UNION ALL "  # noqa: S608  (the model's own names)
        f"SELECT (SELECT MIN({name}) FROM {table} WHERE {name} > known.word) FROM known WHERE known.word IS NOT NULL) "
        "SELECT word FROM known WHERE word IS NOT NULL"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [word for (word,) in cursor.fetchall()]


def _entries(conditions: AuditFilter) -> QuerySet[AuditEntry]:
    return _matching(conditions).select_related("actor", "value")


def _group(entries: QuerySet[AuditEntry], conditions: AuditFilter) -> QuerySet[AuditEntry]:
    """Leave out the parts of runs, plans and bulk decisions, and all but the newest of their steps."""
    grouped_entries = entries.filter(IS_HEAD)
    if not conditions.area:
        decided_together = SelectionItem.objects.filter(decision=OuterRef("decision_id"))
        grouped_entries = grouped_entries.exclude(Q(area=Area.DELIVERY) & Exists(decided_together))
    if conditions.shows_steps_of_runs:
        return grouped_entries
    entry_at = OuterRef("at")
    is_newer = Q(at__gte=entry_at) & (Q(at__gt=entry_at) | Q(pk__gt=OuterRef("pk")))
    same_period = _matching(AuditFilter(since=conditions.since, until=conditions.until))
    return grouped_entries.exclude(Exists(same_period.filter(is_newer, group=OuterRef("group"), action__in=STEPS)))


def _matching(conditions: AuditFilter) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.all()
    area = conditions.area
    if area and conditions.action:
        # Each action belongs to one area; with both conditions, PostgreSQL could not tell how few entries match.
        entries, area = (entries, "") if area_of(conditions.action) == area else (entries.none(), "")
    exact = {
        "area": area,
        "action": conditions.action,
        "actor": conditions.person,
        "channel": conditions.channel,
        "column_name": conditions.column,
        "at__gte": conditions.since,
        "at__lt": conditions.until,
    }
    entries = entries.filter(**{lookup: value for lookup, value in exact.items() if value})
    if conditions.by_portal:
        entries = entries.filter(actor__isnull=True)
    matches = []
    if conditions.contact:
        matches.append(Q(target_id=conditions.contact))
    if conditions.editor:
        editor = CrmUser.objects.filter(pk=conditions.editor).values_list("name", flat=True).first() or ""
        # The index of names finds the rows; the id distinguishes people with the same name.
        matches.append(Q(editor_key=search_key(editor), editor_id=conditions.editor))
    for match in matches:
        entries = _entries_of_edits(entries, SyncRecord.objects.filter(match), match)
    if name := conditions.name.strip():
        entries = _entries_of_edits(
            entries, word_search.filter_records(SyncRecord.objects.all(), name), word_search.condition(name)
        )
    return entries


def _entries_of_edits(entries: QuerySet[AuditEntry], edits: QuerySet[SyncRecord], match: Q) -> QuerySet[AuditEntry]:
    record_ids = list(edits.values_list("pk", flat=True)[: FEW_EDITS + 1])
    if len(record_ids) <= FEW_EDITS:
        return entries.filter(record_id__in=record_ids)
    return entries.filter(Exists(SyncRecord.objects.filter(match, pk=OuterRef("record_id"))))
