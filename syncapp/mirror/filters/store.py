"""Filters as read from the CRM, stored with their owners' matrix cells in one transaction.

The inventory, the refresh of a user and every answer to a switch go through here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from syncapp.crm.filters.records import OutlookFilter, OwnerFilters, QueryType
from syncapp.crm.staging.records import Unreadable
from syncapp.mirror import fitting, unreadable, upserts
from syncapp.mirror.filters import sync_paths
from syncapp.mirror.unreadable import Kind
from syncapp.models import FilterRow, FilterTeam, FilterUser
from syncapp.models.locking import lock, locked, retried
from syncapp.models.sync_filters.tables import Cell, cells_of, counts_of

# A filter's query type, table, and whether it is on.
_FilterState = tuple[int, str, bool]


def store(
    read: Sequence[OwnerFilters], *, query_type: int = QueryType.OUTLOOK_FILTER, generation: int | None = None
) -> None:
    """Store the filters read for these owners in one transaction; owners and filters that failed keep their rows.

    `generation` is the inventory's; None for an answer to a write.
    """
    now = timezone.now()
    fitted = []
    for each in read:
        # Filters that do not fit our columns count as unreadable.
        problems = {found.id: fitting.misfit(FilterRow, _row(found, now)) for found in each.filters or ()}
        bad = [Unreadable(str(pk), problem) for pk, problem in problems.items() if problem]
        good = tuple(found for found in each.filters or () if not problems[found.id])
        fitted.append(replace(each, filters=good, unreadable=(*each.unreadable, *bad)) if bad else each)
    read = fitted
    filters_by_owner = {each.owner_id: each.filters for each in read if each.filters is not None}

    @retried
    def store_fitted() -> None:
        unreadable_rows = [bad for each in read for bad in each.unreadable]
        if generation is not None:
            owners = {bad.row_id: each.owner_id for each in read for bad in each.unreadable}
            readable = [filter_row.id for each in read for filter_row in each.filters or ()]
            unreadable.register(Kind.FILTER, unreadable_rows, readable=readable, generation=generation, owners=owners)
        found = [filter_row for filters in filters_by_owner.values() for filter_row in filters]
        held = FilterRow.objects.filter(owner_id__in=filters_by_owner, query_type=query_type)
        versions = {row.pk: row.version for row in locked(held).only("version")}
        held.exclude(pk__in=[*(each.id for each in found), *(bad.row_id for bad in unreadable_rows)]).delete()
        # An older read that arrives late must not overwrite the newer answer to a switch.
        fresh = [each for each in found if each.version >= versions.get(each.id, 0)]
        upserts.upsert(FilterRow, [_row(each, now) for each in fresh])
        lock(FilterUser.objects.filter(pk__in=[each.owner_id for each in read]))
        failed = {each.owner_id: type(each.error).__name__ for each in read if each.error is not None}
        for owner_id, error in failed.items():
            FilterUser.objects.filter(pk=owner_id).update(filters_error=error[:40])
        if query_type == QueryType.OUTLOOK_FILTER:  # read last; users who are refused wait for the next inventory
            FilterUser.objects.filter(pk__in=[*failed, *filters_by_owner], filters_due=True).update(filters_due=False)
        summarize(filters_by_owner, read_at=now if query_type == QueryType.OUTLOOK_FILTER else None)

    store_fitted()


def _row(each: OutlookFilter, now: datetime) -> dict[str, Any]:
    return {
        "id": each.id,
        "owner_id": each.owner_id,
        "owner_table": each.owner_table,
        "name": each.name[:200],
        "table": each.table,
        "query_type": each.query_type,
        "fetch_xml": each.fetch_xml,
        "state": each.state,
        "status": each.status,
        "parent_id": each.parent_id,
        "modified_by": each.modified_by,
        "modified_for_by": each.modified_for_by,
        "modified_on": each.modified_on,
        "version": each.version,
        "etag": each.etag,
        "read_at": now,
    }


def summarize(owner_ids: Iterable[UUID], *, read_at: datetime | None = None) -> None:
    """Recompute these users' cells from their filters; pass `read_at` if the filters were just read."""
    wanted = list(owner_ids)
    held: dict[UUID, list[_FilterState]] = defaultdict(list)
    columns = ("owner_id", "query_type", "table", "state")
    for owner_id, *row in FilterRow.objects.filter(owner_id__in=wanted).values_list(*columns):
        held[owner_id].append((row[0], row[1], row[2] == 0))
    known = FilterUser.objects.filter(pk__in=wanted).order_by("pk").values_list("pk", "filters_read_at")
    if read_at is not None:
        read: dict[str, Any] = {"filters_read_at": read_at, "filters_error": ""}
        rows = [{"id": pk, **_cells(held[pk], is_read=True), **read} for pk, _ in known]
        FilterTeam.objects.filter(pk__in=wanted).update(filters_read_at=read_at)
    else:
        rows = [{"id": pk, **_cells(held[pk], is_read=bool(before))} for pk, before in known]
    upserts.update(FilterUser, rows)
    sync_paths.recompute_some([row["id"] for row in rows])


def _cells(filters: Sequence[_FilterState], *, is_read: bool) -> dict[str, Any]:
    counts = counts_of([(table, is_on) for kind, table, is_on in filters if kind == QueryType.OUTLOOK_FILTER])
    return {
        "tables": {table: list(pair) for table, pair in counts.items()},
        "offline_on": sum(is_on for kind, _, is_on in filters if kind == QueryType.OFFLINE_FILTER),
        **{group.value: (cell if is_read else Cell.UNREAD).value for group, cell in cells_of(counts).items()},
    }
