"""The queue's reads: which edits a tab shows, in which order, found by which words, page by page.

Pages continue after a row, never at an offset, so the last page costs what the first does; counts stop at MOST_COUNTED.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import connection
from django.db.models import Max, Q

from syncapp.models import CrmUser, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.mirror.sync_record import SyncRecordQuerySet
from syncapp.review.queue.criteria import FEW, NO_CRITERIA, Criteria, Tab, filter_records, matching_fields

MAX_COUNTED = 1000
MAX_EDITORS = 200
PAGE_SIZE = 50


class Order(StrEnum):
    """How a view is sorted."""

    OLDEST = "oldest"
    NEWEST = "newest"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and whether more follow them."""

    records: Sequence[SyncRecord]
    has_more: bool


def records_in(tab: Tab) -> SyncRecordQuerySet:
    """The edits of one view."""
    shown = SyncRecord.objects.shown()
    if tab is Tab.WAITING:
        return shown.waiting()
    if tab is Tab.ATTENTION:
        return shown.needing_attention()
    if tab is Tab.WRITING:
        return shown.being_written()
    return _parked() if tab is Tab.PARKED else shown.decided()


def _parked() -> SyncRecordQuerySet:
    """They are few or none, which SQLite does not expect: it would walk all that wait in the order of the list."""
    parked = SyncRecord.objects.shown().parked()
    few = list(parked.order_by().values_list("pk", flat=True)[: FEW + 1])
    return parked.filter(pk__in=few) if len(few) <= FEW else parked


def count(tab: Tab, by: Criteria = NO_CRITERIA) -> int:
    """How many edits a view has, at most MOST_COUNTED + 1: the database stops counting there."""
    if by.is_of_fields_only and tab is Tab.WAITING:
        found, is_all = _count_from_fields(tab, by)
        if is_all or found > MAX_COUNTED:
            return found
    rows = filter_records(records_in(tab), tab, by)
    # Whole views are counted along their own index: edits of one time lie together, those of one editor everywhere.
    along_its_index = by.search or not by
    return rows.order_by(*(["edited_on"] if along_its_index else []))[: MAX_COUNTED + 1].count()


def count_tabs() -> dict[Tab, int]:
    """The same for each whole view with something to do, in one statement: every page shows them."""
    found = {tab: records_in(tab).order_by("edited_on") for tab in (Tab.WAITING, Tab.ATTENTION, Tab.WRITING)}
    found[Tab.PARKED] = SyncRecord.objects.shown().parked().order_by()  # see _parked
    each = [rows.values("pk")[: MAX_COUNTED + 1].query.sql_with_params() for rows in found.values()]
    statement = ", ".join(f"(SELECT COUNT(*) FROM ({sql}) AS capped)" for sql, _ in each)  # noqa: S608  (by Django)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {statement}", [value for _, params in each for value in params])
        return dict(zip(found, cursor.fetchone(), strict=True))


def _count_from_fields(tab: Tab, by: Criteria) -> tuple[int, bool]:
    """The edits of the first fields that match, and whether those are all: edit by edit, rare ones are long to find."""
    fields, size = matching_fields(tab, by).order_by(), 2 * (MAX_COUNTED + 1)
    edits = records_in(tab).filter(pk__in=fields.values("record_id")[:size])
    return edits.order_by()[: MAX_COUNTED + 1].count(), not fields[size : size + 1].exists()


def page(
    tab: Tab,
    *,
    order: Order,
    by: Criteria = NO_CRITERIA,
    after: SyncRecord | None = None,
    size: int = PAGE_SIZE,
) -> Page:
    """The first rows of a view, or those that follow the edit `after`, whether that is still in it or not."""
    sorting = _SORTED_BY[order]
    rows = filter_records(records_in(tab), tab, by).order_by(*sorting.columns)
    found = list((rows.filter(_follows(after, sorting)) if after else rows)[: size + 1])
    if after and after.edited_on and sorting.undated_come_last and len(found) <= size:
        # On their own, since "later, or undated" in one condition keeps the index from starting at the row.
        found += rows.filter(edited_on__isnull=True)[: size + 1 - len(found)]
    return Page(records=found[:size], has_more=len(found) > size)


def neighbor(
    of: SyncRecord, tab: Tab, *, order: Order, by: Criteria = NO_CRITERIA, is_backwards: bool = False
) -> uuid.UUID | None:
    """The edit that follows `of` in a view, or the one before it, whether `of` is still in it or not."""
    sorting = _SORTED_BY[order].backwards if is_backwards else _SORTED_BY[order]
    rows = filter_records(records_in(tab), tab, by).order_by(*sorting.columns).values_list("pk", flat=True)
    found = list(rows.filter(_follows(of, sorting))[:1])
    if not found and of.edited_on and sorting.undated_come_last:
        found = list(rows.filter(edited_on__isnull=True)[:1])
    return found[0] if found else None


def other_open_edits(record: SyncRecord, *, most: int = 4) -> list[SyncRecord]:
    """Other edits of the same contact that still want a decision, oldest first."""
    if record.target_id is None:
        return []
    same = SyncRecord.objects.shown().filter(target_table=record.target_table, target_id=record.target_id)
    wanting = same.filter(Q(waiting_count__gt=0) | Q(attention_count__gt=0)).exclude(pk=record.pk)
    return list(wanting.order_by("edited_on", "id")[:most])


@dataclass(frozen=True, slots=True)
class _Sorting:
    """A column and the direction of reading; rows that are equal in it go by their ids."""

    column: str
    is_descending: bool = False

    @property
    def backwards(self) -> _Sorting:
        return _Sorting(self.column, not self.is_descending)

    @property
    def columns(self) -> tuple[str, str]:
        return (f"-{self.column}", "-id") if self.is_descending else (self.column, "id")

    @property
    def undated_come_last(self) -> bool:
        """PostgreSQL sorts nothing after everything, SQLite before. Names are never nothing."""
        return self.column == "edited_on" and (connection.vendor == "postgresql") != self.is_descending


_SORTED_BY = {
    Order.OLDEST: _Sorting("edited_on"),
    Order.NEWEST: _Sorting("edited_on", is_descending=True),
    Order.NAME: _Sorting("name_key"),
}


def _follows(last: SyncRecord, sorting: _Sorting) -> Q:
    direction, column = "lt" if sorting.is_descending else "gt", sorting.column
    value = getattr(last, column)
    if value is None:
        same = Q(**{f"{column}__isnull": True, f"id__{direction}": last.pk})
        return same if sorting.undated_come_last else same | Q(**{f"{column}__isnull": False})
    same = Q(**{column: value, f"id__{direction}": last.pk})
    return Q(**{f"{column}__{direction}e": value}) & (Q(**{f"{column}__{direction}": value}) | same)


def newest_edit() -> datetime | None:
    """When the last edit was made that arrived; None before the first. Each view's own index knows its newest."""
    dates = [newest_edit_in(tab) for tab in Tab]
    return max((date for date in dates if date is not None), default=None)


def newest_edit_in(tab: Tab) -> datetime | None:
    """When the newest edit of a view was made."""
    newest: datetime | None = records_in(tab).aggregate(newest=Max("edited_on"))["newest"]
    return newest


def count_newer(tab: Tab, moment: datetime | None, by: Criteria = NO_CRITERIA) -> int:
    """How many edits of a view were made after `moment`, at most MOST_COUNTED + 1; all where it is None."""
    rows = filter_records(records_in(tab), tab, by).order_by()
    return (rows.filter(edited_on__gt=moment) if moment else rows)[: MAX_COUNTED + 1].count()


def changed_columns(tab: Tab) -> list[str]:
    """Which columns the fields of a view change. One step of the index for each, not one for each field."""
    table, pending = SyncField._meta.db_table, f"decision = '{FieldDecision.PENDING.value}'"
    # SQLite takes a partial index only where the condition is written as the index has it.
    of_tab = f"NOT ({pending})" if tab is Tab.DECIDED else pending
    # The statement holds our own names only.
    first = f"SELECT min(column_name) AS name FROM {table} WHERE {of_tab}"  # noqa: S608  (above)
    following = f"SELECT ({first} AND column_name > found.name) FROM found WHERE found.name IS NOT NULL"  # noqa: S608  (above)
    steps = f"WITH RECURSIVE found(name) AS ({first} UNION ALL {following}) SELECT name FROM found"  # noqa: S608  (above)
    with connection.cursor() as cursor:
        cursor.execute(steps)
        return [name for (name,) in cursor.fetchall() if name is not None]


def editors() -> list[CrmUser]:
    """The people who edited contacts, by name; where they are very many, the first of them."""
    return list(CrmUser.objects.exclude(name="").only("id", "name").order_by("name_key", "id")[:MAX_EDITORS])
