"""An undo's list: what a run wrote for each user, to be put back as it was found; a part of the list at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Subquery

from syncapp.mirror import upserts
from syncapp.models import FilterRow, FilterRun, FilterRunChange, FilterRunItem
from syncapp.models.sync_filters.run import ItemQuerySet, Outcome, Plan
from syncapp.sync_filters.runs import filter_operation, method_operation
from syncapp.sync_filters.runs.item_plan import Planned

_AS_WRITTEN = FilterRow.objects.filter(
    pk=OuterRef("filter_id"), state=OuterRef("wanted_state"), etag=OuterRef("etag_after")
)
_MOVED_SINCE = FilterRunChange.objects.filter(~Exists(_AS_WRITTEN), item=OuterRef("pk"), written=True)
_ASKED = (
    *("user_id", "meetings", "attendees", "mailbox_written", "mailbox_id", "mailbox_etag_after"),
    *("found_method", "wanted_method"),
)


def write(reverse: FilterRun, user_ids: Sequence[UUID], start: int) -> None:
    """The undoing run's rows of these users, from the place `start` on, in the caller's transaction."""
    parts: ItemQuerySet = FilterRunItem.objects.filter(run=reverse.undoes_id, user__in=user_ids)
    parts = parts.annotate(moved=Exists(_MOVED_SINCE)).select_related("user").only("user__method", *_ASKED)
    found = {part.user_id: part for part in parts}
    rows = [_row(reverse, place, found[each]) for place, each in enumerate(user_ids, start) if each in found]
    upserts.insert(FilterRunItem, rows)
    back = [row["user_id"] for row in rows if row["plan"] == Plan.CHANGE.value]
    if back and not reverse.moves_mailboxes:
        _write_changes(reverse, back)


def _write_changes(reverse: FilterRun, user_ids: Sequence[UUID]) -> None:
    """Each filter that was written, found and wanted the other way round, under the version that our write made."""
    written = FilterRunChange.objects.filter(item__run=reverse.undoes_id, item__user__in=user_ids, written=True)
    back = FilterRunItem.objects.filter(run=reverse, user=OuterRef("item__user"))
    columns = {
        "item_id": Subquery(back.values("pk")),
        "filter_id": F("filter_id"),
        "table": F("table"),
        "name": F("name"),
        "found_state": F("wanted_state"),
        "found_status": F("wanted_status"),
        "etag": F("etag_after"),
        "wanted_state": F("found_state"),
        "wanted_status": F("found_status"),
    }
    upserts.insert_from(FilterRunChange, written, columns)


def _row(reverse: FilterRun, place: int, part: Any) -> dict[str, Any]:
    changed = _changed_since(part)
    planned = Planned(Plan.CANNOT, Outcome.CHANGED, changed) if changed else Planned(Plan.CHANGE)
    written = part.mailbox_written
    return planned.row(reverse, place, part.user_id) | {
        "meetings": part.meetings,
        "attendees": part.attendees,
        "mailbox_id": part.mailbox_id if written else None,
        "mailbox_etag": part.mailbox_etag_after if written else "",
        "found_method": part.wanted_method if written else None,
        "wanted_method": part.found_method if written else None,
    }


def _changed_since(part: Any) -> str:
    """Why this user is left alone, as far as our tables know; '' where all is as the run left it."""
    if part.mailbox_written:
        return "" if part.user.method == part.wanted_method else method_operation.CHANGED
    return filter_operation.CHANGED if part.moved else ""
