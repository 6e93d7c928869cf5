"""The items of an undo: each user's filters or mailbox as the original run found them, one part of a list at a time."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Subquery

from syncapp.mirror import upserts
from syncapp.models import FilterRow, FilterRun, FilterRunChange, FilterRunItem
from syncapp.models.sync_filters.run import ItemQuerySet, Outcome, Plan
from syncapp.sync_filters.runs import filter_operation, method_operation
from syncapp.sync_filters.runs.item_plan import ItemPlan

_AS_WRITTEN = FilterRow.objects.filter(
    pk=OuterRef("filter_id"), state=OuterRef("wanted_state"), etag=OuterRef("etag_after")
)
_CHANGED_SINCE = FilterRunChange.objects.filter(~Exists(_AS_WRITTEN), item=OuterRef("pk"), written=True)
_COLUMNS = (
    *("user_id", "meetings", "attendees", "mailbox_written", "mailbox_id", "mailbox_etag_after"),
    *("found_method", "wanted_method"),
)


def write_items(reverse: FilterRun, user_ids: Sequence[UUID], start: int) -> None:
    """Write the undo's items for these users from position `start`, in the caller's transaction.

    An item changes nothing if its user was changed after the original run.
    """
    originals: ItemQuerySet = FilterRunItem.objects.filter(run=reverse.undoes_id, user__in=user_ids)
    originals = originals.annotate(is_changed=Exists(_CHANGED_SINCE)).select_related("user")
    original_by_user = {each.user_id: each for each in originals.only("user__method", *_COLUMNS)}
    rows = []
    for position, original in [
        (index, original_by_user[each]) for index, each in enumerate(user_ids, start) if each in original_by_user
    ]:
        sets_method = original.mailbox_written
        if sets_method:
            why = "" if original.user.method == original.wanted_method else method_operation.CHANGED
        else:
            why = filter_operation.CHANGED if original.is_changed else ""
        plan = ItemPlan(Plan.CANNOT, Outcome.CHANGED, why) if why else ItemPlan(Plan.CHANGE)
        row = plan.columns(reverse, position, original.user_id) | {
            "meetings": original.meetings,
            "attendees": original.attendees,
            "mailbox_id": original.mailbox_id if sets_method else None,
            "mailbox_etag": original.mailbox_etag_after if sets_method else "",
            "found_method": original.wanted_method if sets_method else None,
            "wanted_method": original.found_method if sets_method else None,
        }
        rows.append(row)
    upserts.insert(FilterRunItem, rows)
    changing = [row["user_id"] for row in rows if row["plan"] == Plan.CHANGE.value]
    if changing and not reverse.sets_mailbox_method:
        _write_changes(reverse, changing)


def _write_changes(reverse: FilterRun, user_ids: Sequence[UUID]) -> None:
    """Copy each written change with the found and wanted states swapped and the version that our write created."""
    written = FilterRunChange.objects.filter(item__run=reverse.undoes_id, item__user__in=user_ids, written=True)
    own_item = FilterRunItem.objects.filter(run=reverse, user=OuterRef("item__user"))
    columns = {
        "item_id": Subquery(own_item.values("pk")),
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
