"""Reads of the queue: pages, counts and neighbors of a tab under criteria.

Pages continue after a row instead of at an offset, so the last page costs no more than the first. Counts stop at
MAX_COUNTED.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import Max, Q, QuerySet, Sum
from django.utils import timezone

from syncapp.models import CrmUser, SyncField, SyncRecord
from syncapp.models.compiled_select import select_row
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.mirror.sync_record import SyncRecordQuerySet
from syncapp.review.queue.criteria import MAX_PARKED_IDS, NO_CRITERIA, Criteria, Tab, filter_records, matching_fields

MAX_COUNTED = 1000
MAX_EDITORS = 200
PAGE_SIZE = 50
_OPEN_TABS = (Tab.WAITING, Tab.ATTENTION, Tab.WRITING, Tab.PARKED)


class Order(StrEnum):
    """Sort orders of a tab."""

    OLDEST = "oldest"
    NEWEST = "newest"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of edits, and whether more follow."""

    records: Sequence[SyncRecord]
    has_more: bool


def records_in(tab: Tab) -> SyncRecordQuerySet:
    """Return the edits of a tab."""
    edits = SyncRecord.objects.visible()
    if tab is Tab.WAITING:
        return edits.waiting()
    if tab is Tab.ATTENTION:
        return edits.needing_attention()
    if tab is Tab.WRITING:
        return edits.being_written()
    if tab is Tab.DECIDED:
        return edits.decided()
    # Parked edits are few, which SQLite does not expect: it would scan all waiting edits in the order of the list.
    parked = edits.parked()
    few = list(parked.order_by().values_list("pk", flat=True)[: MAX_PARKED_IDS + 1])
    return parked.filter(pk__in=few) if len(few) <= MAX_PARKED_IDS else parked


def count(tab: Tab, criteria: Criteria = NO_CRITERIA) -> int:
    """Return the number of matching edits, at most MAX_COUNTED + 1."""
    if criteria.has_only_field_criteria and tab is Tab.WAITING:
        # The first matching fields are enough if there are no others, or if they give more edits than are counted.
        fields, size = matching_fields(tab, criteria).order_by(), 2 * (MAX_COUNTED + 1)
        edits = records_in(tab).filter(pk__in=fields.values("record_id")[:size])
        found = edits.order_by()[: MAX_COUNTED + 1].count()
        if found > MAX_COUNTED or not fields[size : size + 1].exists():
            return found
    rows = filter_records(records_in(tab), tab, criteria)
    # A whole tab, or a search in it, is counted along the tab's own index.
    use_tab_index = criteria.search or not criteria
    return rows.order_by(*(["edited_on"] if use_tab_index else []))[: MAX_COUNTED + 1].count()


def ids_in(tab: Tab, criteria: Criteria, *, limit: int) -> list[uuid.UUID]:
    """Return the ids of the first matching edits, oldest first."""
    rows = filter_records(records_in(tab), tab, criteria).order_by("edited_on", "pk")
    return list(rows.values_list("pk", flat=True)[:limit])


def count_tabs() -> dict[Tab, int]:
    """Return the counts of all open tabs in one statement, since every page shows them."""
    counted = "(SELECT COUNT(*) FROM ({}) AS capped)"
    return dict(zip(_OPEN_TABS, select_row(counted, _capped_tabs, timezone.localdate(), MAX_COUNTED + 1), strict=True))


def _capped_tabs(_today: date, limit: int) -> list[QuerySet[SyncRecord, Any]]:
    """Return the first rows of each open tab; the query for parked edits depends on today's date."""
    parked = SyncRecord.objects.visible().parked().order_by()
    found = [parked if tab is Tab.PARKED else records_in(tab).order_by("edited_on") for tab in _OPEN_TABS]
    return [rows.values("pk")[:limit] for rows in found]


def page(
    tab: Tab,
    *,
    order: Order,
    criteria: Criteria = NO_CRITERIA,
    after: SyncRecord | None = None,
    size: int = PAGE_SIZE,
) -> Page:
    """Return the first edits of a tab, or those that follow `after`, which need not be in the tab anymore."""
    sorting = _SORTED_BY[order]
    rows = filter_records(records_in(tab), tab, criteria).order_by(*sorting.columns)
    found = list((rows.filter(_condition_after(after, sorting)) if after else rows)[: size + 1])
    if after and after.edited_on and sorting.nulls_come_last and len(found) <= size:
        # A separate query: "later or undated" in one condition keeps the index from starting at the row.
        found += rows.filter(edited_on__isnull=True)[: size + 1 - len(found)]
    return Page(records=found[:size], has_more=len(found) > size)


def neighbor(
    record: SyncRecord, tab: Tab, *, order: Order, criteria: Criteria = NO_CRITERIA, is_backwards: bool = False
) -> uuid.UUID | None:
    """Return the id of the edit after `record`, or before it; `record` need not be in the tab anymore."""
    sorting = _SORTED_BY[order].reverse if is_backwards else _SORTED_BY[order]
    rows = filter_records(records_in(tab), tab, criteria).order_by(*sorting.columns).values_list("pk", flat=True)
    found = list(rows.filter(_condition_after(record, sorting))[:1])
    if not found and record.edited_on and sorting.nulls_come_last:
        found = list(rows.filter(edited_on__isnull=True)[:1])
    return found[0] if found else None


def ids_up_to(record: SyncRecord, tab: Tab, *, order: Order, criteria: Criteria = NO_CRITERIA) -> list[uuid.UUID]:
    """Return the ids of the edit and those before it, nearest first, at most MAX_COUNTED + 1; [] if it is not there."""
    sorting = _SORTED_BY[order].reverse
    rows = filter_records(records_in(tab), tab, criteria).order_by(*sorting.columns).values_list("pk", flat=True)
    found = list(rows.filter(_condition_after(record, sorting, is_inclusive=True))[: MAX_COUNTED + 1])
    if found[:1] != [record.pk]:
        return []
    if record.edited_on and sorting.nulls_come_last:
        found += rows.filter(edited_on__isnull=True)[: MAX_COUNTED + 1 - len(found)]
    return found


def count_fields(tab: Tab) -> int:
    """Return the number of fields that wait in the first MAX_COUNTED edits of a tab."""
    first = records_in(tab).order_by("edited_on")[:MAX_COUNTED]
    return int(first.aggregate(fields=Sum("waiting_count"))["fields"] or 0)


def other_open_edits(record: SyncRecord, *, limit: int = 4) -> list[SyncRecord]:
    """Return other edits of the same contact that need a decision, oldest first."""
    if record.target_id is None:
        return []
    same = SyncRecord.objects.visible().filter(target_table=record.target_table, target_id=record.target_id)
    undecided = same.filter(Q(waiting_count__gt=0) | Q(attention_count__gt=0)).exclude(pk=record.pk)
    return list(undecided.order_by("edited_on", "id")[:limit])


@dataclass(frozen=True, slots=True)
class _Sorting:
    """A sort column with its direction; ties are sorted by id."""

    column: str
    is_descending: bool = False

    @property
    def reverse(self) -> _Sorting:
        return _Sorting(self.column, not self.is_descending)

    @property
    def columns(self) -> tuple[str, str]:
        return (f"-{self.column}", "-id") if self.is_descending else (self.column, "id")

    @property
    def nulls_come_last(self) -> bool:
        """Return whether edits without a date come last: PostgreSQL sorts NULL last, SQLite first."""
        return self.column == "edited_on" and (connection.vendor == "postgresql") != self.is_descending


_SORTED_BY = {
    Order.OLDEST: _Sorting("edited_on"),
    Order.NEWEST: _Sorting("edited_on", is_descending=True),
    Order.NAME: _Sorting("name_key"),
}


def _condition_after(last: SyncRecord, sorting: _Sorting, *, is_inclusive: bool = False) -> Q:
    direction, column = "lt" if sorting.is_descending else "gt", sorting.column
    value, by_id = getattr(last, column), f"id__{direction}e" if is_inclusive else f"id__{direction}"
    if value is None:
        same = Q(**{f"{column}__isnull": True, by_id: last.pk})
        return same if sorting.nulls_come_last else same | Q(**{f"{column}__isnull": False})
    same = Q(**{column: value, by_id: last.pk})
    return Q(**{f"{column}__{direction}e": value}) & (Q(**{f"{column}__{direction}": value}) | same)


def newest_edit_at() -> datetime | None:
    """Return when the newest edit was made; None if there is none."""
    dates = [newest_edit_at_in(tab) for tab in Tab]  # each tab's own index finds its newest edit
    return max((date for date in dates if date is not None), default=None)


def newest_edit_at_in(tab: Tab) -> datetime | None:
    """Return when the newest edit of a tab was made."""
    newest: datetime | None = records_in(tab).aggregate(newest=Max("edited_on"))["newest"]
    return newest


def count_newer(tab: Tab, moment: datetime | None, criteria: Criteria = NO_CRITERIA) -> int:
    """Count the edits made after `moment` (None: all), at most MAX_COUNTED + 1."""
    rows = filter_records(records_in(tab), tab, criteria).order_by()
    return (rows.filter(edited_on__gt=moment) if moment else rows)[: MAX_COUNTED + 1].count()


def changed_columns(tab: Tab) -> list[str]:
    """Return the columns that a tab's fields change, reading one index entry for each column."""
    table, pending = SyncField._meta.db_table, f"decision = '{FieldDecision.PENDING.value}'"
    # SQLite uses a partial index only if the condition is written as in the index.
    condition = f"NOT ({pending})" if tab is Tab.DECIDED else pending
    first = f"SELECT min(column_name) AS name FROM {table} WHERE {condition}"  # noqa: S608  (above)
    following = f"SELECT ({first} AND column_name > found.name) FROM found WHERE found.name IS NOT NULL"  # noqa: S608  (above)
    distinct = f"WITH RECURSIVE found(name) AS ({first} UNION ALL {following}) SELECT name FROM found"  # noqa: S608  (above)
    with connection.cursor() as cursor:
        cursor.execute(distinct)
        return [name for (name,) in cursor.fetchall() if name is not None]


def editors() -> list[CrmUser]:
    """Return the people who edited contacts, sorted by name, at most MAX_EDITORS."""
    return list(CrmUser.objects.exclude(name="").only("id", "name").order_by("name_key", "id")[:MAX_EDITORS])
