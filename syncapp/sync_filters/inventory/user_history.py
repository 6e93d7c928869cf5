"""The history of one user's filters: what runs switched, what others changed, and what can be restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch
from django.db.models.functions import Coalesce

from syncapp.models import FilterAccess, FilterRow, FilterRunChange, FilterRunItem, FilterUser
from syncapp.models.sync_filters.run import NOT_STARTED, Outcome
from syncapp.sync_filters.runs import undo

MAX_ENTRIES = 50
# Names a run that was lost when a backup was restored, or the write with which the portal probes its access.
UNKNOWN_RUN = "the portal, in a run that is not known here"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A user's item in a run, with its writes.

    `may_be_restored`: the states that the run found can be restored.
    """

    item: FilterRunItem
    written: Sequence[FilterRunChange]
    may_be_restored: bool

    @property
    def at(self) -> datetime:
        """Return when the item was finished, or else when the list was made."""
        return self.item.finished_at or self.item.run.frozen_at


def history_of(user: FilterUser) -> list[HistoryEntry]:
    """Return the started runs that included this user, newest first."""
    written = Prefetch("changes", queryset=FilterRunChange.objects.filter(written=True).order_by("table", "name"))
    items = FilterRunItem.objects.filter(user=user).exclude(outcome=Outcome.CANCELLED)
    items = items.exclude(run__state__in=NOT_STARTED)
    items = items.select_related("run__person", "run__undoes").prefetch_related(written)
    found = list(items.order_by("-run__frozen_at")[:MAX_ENTRIES])
    restorable = set(undo.restorable_items(user).values_list("pk", flat=True))
    return [HistoryEntry(item, list(item.changes.all()), item.pk in restorable) for item in found]


@dataclass(frozen=True, slots=True)
class OutsideChange:
    """The last change to a filter, made outside the known runs, and its author according to the filter's row."""

    row: FilterRow
    by: str


def outside_changes(user: FilterUser, history: Sequence[HistoryEntry]) -> list[OutsideChange]:
    """Return the filters whose last change was not made by a run in `history`, newest first."""
    own_etags = {change.etag_after for entry in history for change in entry.written if change.etag_after}
    by_portal = FilterAccess.objects.filter(own_user_id=Coalesce(OuterRef("modified_for_by"), OuterRef("modified_by")))
    rows = FilterRow.objects.filter(owner_id=user.pk, modified_on__isnull=False).annotate(is_by_us=Exists(by_portal))
    rows = rows.order_by("-modified_on")
    changed_outside = [row for row in rows.defer("fetch_xml") if row.etag not in own_etags][:MAX_ENTRIES]
    authors = {row.modified_by for row in changed_outside if row.modified_by}
    names = dict(FilterUser.objects.filter(pk__in=authors).values_list("pk", "name")) | {user.pk: "the user"}
    found = []
    for row in changed_outside:
        name = names.get(row.modified_by, "") if row.modified_by else ""
        is_by_us = row.is_by_us  # type: ignore[attr-defined]  # annotated
        found.append(OutsideChange(row, UNKNOWN_RUN if is_by_us else name or "someone in the CRM"))
    return found
