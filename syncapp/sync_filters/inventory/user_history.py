"""What became of one user's filters: which runs switched what, and what can be put back as one of them found it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch
from django.db.models.functions import Coalesce

from syncapp.models import FilterGround, FilterRow, FilterRunChange, FilterRunItem, FilterUser
from syncapp.models.sync_filters.run import NOT_STARTED, Outcome
from syncapp.sync_filters.runs import undo

MOST = 50
# A run from before a restore, or the harmless write by which the portal tries whether it may switch.
UNKNOWN_RUN = "the portal, by no run known here"


@dataclass(frozen=True, slots=True)
class Part:
    """A user's part of a run, with what it wrote; `may_be_restored`: what it found can be put back."""

    item: FilterRunItem
    written: Sequence[FilterRunChange]
    may_be_restored: bool

    @property
    def at(self) -> datetime:
        """When it came to its end, or else when the list was frozen."""
        return self.item.finished_at or self.item.run.frozen_at


def parts_of(user: FilterUser) -> list[Part]:
    """The runs that this user was part of, newest first; frozen lists that nobody started are left out."""
    written = Prefetch("changes", queryset=FilterRunChange.objects.filter(written=True).order_by("table", "name"))
    items = FilterRunItem.objects.filter(user=user).exclude(outcome=Outcome.CANCELLED)
    items = items.exclude(run__state__in=NOT_STARTED)
    items = items.select_related("run__person", "run__undoes").prefetch_related(written)
    found = list(items.order_by("-run__frozen_at")[:MOST])
    open_ones = set(undo.restorable(user).values_list("pk", flat=True))
    return [Part(item, list(item.changes.all()), item.pk in open_ones) for item in found]


@dataclass(frozen=True, slots=True)
class Touched:
    """The last change of a filter that no run known here made, as far as its row says."""

    row: FilterRow
    by: str


def touched_by_others(user: FilterUser, parts: Sequence[Part]) -> list[Touched]:
    """Filters whose present version is none that a run left, newest first: the user himself, or somebody in the CRM."""
    ours = {change.etag_after for part in parts for change in part.written if change.etag_after}
    us = FilterGround.objects.filter(own_user_id=Coalesce(OuterRef("modified_for_by"), OuterRef("modified_by")))
    rows = FilterRow.objects.filter(owner_id=user.pk, modified_on__isnull=False).annotate(is_by_us=Exists(us))
    rows = rows.order_by("-modified_on")
    others = [row for row in rows.defer("fetch_xml") if row.etag not in ours][:MOST]
    names = _names({row.modified_by for row in others if row.modified_by})
    return [
        Touched(row, UNKNOWN_RUN if row.is_by_us else _who(row, user, names))  # type: ignore[attr-defined]  # annotated
        for row in others
    ]


def _names(user_ids: set[UUID]) -> dict[UUID, str]:
    return dict(FilterUser.objects.filter(pk__in=user_ids).values_list("pk", "name"))


def _who(row: FilterRow, user: FilterUser, names: dict[UUID, str]) -> str:
    if row.modified_by == user.pk:
        return "the user"
    return names.get(row.modified_by, "somebody in the CRM") if row.modified_by else "somebody in the CRM"
