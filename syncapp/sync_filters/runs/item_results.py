"""Application of a batch's results: outcomes, written changes, mirrored rows and audit entries, in one transaction."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from syncapp import audit
from syncapp.audit.log import Fact
from syncapp.crm.filters.records import OutlookFilter, OwnerFilters
from syncapp.jobs import queue
from syncapp.jobs.queue import Lease
from syncapp.mirror import upserts
from syncapp.mirror.directory import rows as directory_rows
from syncapp.mirror.filters import store
from syncapp.models import FilterRunChange, FilterRunItem
from syncapp.models.locking import retried
from syncapp.models.sync_filters.run import WRITTEN, Outcome
from syncapp.sync_filters.runs.batches import ItemResult, LeasedItem

log = logging.getLogger(__name__)


def is_as_wanted(changes: Sequence[FilterRunChange], filters_by_id: Mapping[uuid.UUID, OutlookFilter]) -> bool:
    """Return whether each of these filters exists and has the state that the run wants."""
    return all(
        change.filter_id in filters_by_id and filters_by_id[change.filter_id].state == change.wanted_state
        for change in changes
    )


def apply_results(results: Sequence[tuple[LeasedItem, ItemResult]]) -> None:
    """Store these results in one transaction, except those of users whose lease is lost."""
    if not results:
        return
    held = _apply(results)
    for each, _ in results:
        if each.lease not in held:
            log.warning("filter item %s: lease lost, result not stored", each.item.pk)


@retried
def _apply(results: Sequence[tuple[LeasedItem, ItemResult]]) -> list[Lease]:
    """Store the results of users whose lease still holds, and return those leases."""
    held = queue.lock_held([each.lease for each, _ in results])
    stored = [(each, result) for each, result in results if each.lease in held]
    # One statement per outcome; most users of a batch share one.
    leases: dict[tuple[str, str], list[Lease]] = defaultdict(list)
    for each, result in stored:
        leases[result.outcome, result.why[:300]].append(each.lease)
    for (outcome, why), group in leases.items():
        queue.finish_all(group, outcome=outcome, why=why)
    facts, rows = [], []
    for each, result in stored:
        item, filters_by_id = each.item, {row.id: row for row in result.filters or ()}
        # If a failed user's filters are in the desired state, they were written nevertheless, for example by the
        # wrong author.
        was_written_anyway = (
            result.outcome == Outcome.FAILED and bool(filters_by_id) and is_as_wanted(each.changes, filters_by_id)
        )
        if result.outcome in WRITTEN or was_written_anyway:
            etags = {row.id: row.etag for row in filters_by_id.values()}
            rows += [
                {"id": change.pk, "written": True, "etag_after": etags.get(change.filter_id, "")}
                for change in each.changes
            ]
        if result.mailbox is not None:
            directory_rows.store_written_mailbox(item.user_id, result.mailbox)
        if result.mailbox is not None and result.outcome == Outcome.DONE:
            written = {"mailbox_written": True, "mailbox_etag_after": result.mailbox.etag}
            FilterRunItem.objects.filter(pk=item.pk).update(**written)
        details: dict[str, Any] = {"user": str(item.user_id), "outcome": result.outcome.value}
        if item.mailbox_id is None:
            action, details["filters"] = "filter.switched", [str(change.filter_id) for change in each.changes]
        else:
            action, details["method"] = "filter.method_set", item.wanted_method
        facts.append(Fact(action, by=None, channel="run", group=item.run_id, details=details))
    upserts.update(FilterRunChange, rows)
    audit.record_all(facts)
    # The matrix cells are recomputed once for all users: ten cost as much as one.
    read_filters = [(each.item.user_id, result.filters) for each, result in stored if result.filters is not None]
    if read_filters:
        store.store([OwnerFilters(user_id, tuple(filters)) for user_id, filters in read_filters])
    return held
