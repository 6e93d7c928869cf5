"""Users of a run come to their end: outcome, proof, the mirror and the audit trail, in one transaction."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from syncapp import audit
from syncapp.audit.log import Fact
from syncapp.crm.directory.records import Mailbox
from syncapp.crm.filters.records import OutlookFilter, OwnerFilters
from syncapp.jobs import queue
from syncapp.jobs.queue import Lease
from syncapp.mirror import upserts
from syncapp.mirror.directory import mailboxes
from syncapp.mirror.filters import store
from syncapp.models import FilterRunChange, FilterRunItem
from syncapp.models.locking import retried
from syncapp.models.sync_filters.run import WRITTEN, Outcome
from syncapp.sync_filters.runs.batches import Held, Verdict

log = logging.getLogger(__name__)


def is_as_wanted(changes: Sequence[FilterRunChange], found: Mapping[uuid.UUID, OutlookFilter]) -> bool:
    """Whether each of these filters is there and in the state that the run wants."""
    return all(change.filter_id in found and found[change.filter_id].state == change.wanted_state for change in changes)


def settle(ended: Sequence[tuple[Held, Verdict]]) -> None:
    """Keep what became of these users, all in one transaction; nothing of whom somebody else holds by now."""
    if not ended:
        return
    held = _keep(ended)
    for each, _ in ended:
        if each.lease not in held:
            log.warning("filter item %s: lease lost, nothing kept", each.item.pk)


@retried
def _keep(ended: Sequence[tuple[Held, Verdict]]) -> list[Lease]:
    """Keep the results of those whose lease still holds, and return their leases."""
    held = queue.still_held([each.lease for each, _ in ended])
    kept = [(each, verdict) for each, verdict in ended if each.lease in held]
    _end(kept)
    _note_written(kept)
    for each, verdict in kept:
        _keep_mailbox(each, verdict)
    audit.record_all([_fact(each, verdict.outcome) for each, verdict in kept])
    # The matrix's cells are worked out once for all of them: that costs ten users as much as one.
    read = [(each.item.user_id, verdict.filters) for each, verdict in kept if verdict.filters is not None]
    if read:
        store.store([OwnerFilters(user_id, tuple(filters)) for user_id, filters in read])
    return held


def _end(kept: Sequence[tuple[Held, Verdict]]) -> None:
    """Users who ended alike in one statement, which is mostly all of them."""
    alike: dict[tuple[str, str], list[Lease]] = defaultdict(list)
    for each, verdict in kept:
        alike[verdict.outcome, verdict.why[:300]].append(each.lease)
    for (outcome, why), leases in alike.items():
        queue.finish_all(leases, outcome=outcome, why=why)


def _was_written(held: Held, verdict: Verdict) -> bool:
    found = {row.id: row for row in verdict.filters or ()}
    as_wanted = verdict.outcome == Outcome.FAILED and bool(found) and is_as_wanted(held.changes, found)
    return verdict.outcome in WRITTEN or as_wanted


def _note_written(kept: Sequence[tuple[Held, Verdict]]) -> None:
    rows = []
    for each, verdict in kept:
        found = {row.id: row.etag for row in verdict.filters or ()}
        if _was_written(each, verdict):
            rows += [{"id": c.pk, "written": True, "etag_after": found.get(c.filter_id, "")} for c in each.changes]
    upserts.update(FilterRunChange, rows)


def _keep_mailbox(held: Held, verdict: Verdict) -> None:
    now: Mailbox | None = verdict.mailbox
    if now is None:
        return
    mailboxes.store_read_back(held.item.user_id, now)
    if verdict.outcome == Outcome.DONE:
        written = {"mailbox_written": True, "mailbox_etag_after": now.etag}
        FilterRunItem.objects.filter(pk=held.item.pk).update(**written)


def _fact(held: Held, outcome: Outcome) -> Fact:
    details: dict[str, Any] = {"user": str(held.item.user_id), "outcome": outcome.value}
    if held.item.mailbox_id is None:
        action, details["filters"] = "filter.switched", [str(change.filter_id) for change in held.changes]
    else:
        action, details["method"] = "filter.method_set", held.item.wanted_method
    return Fact(action, by=None, channel="run", group=held.item.run_id, details=details)
