"""Users of a run come to their end: outcome, proof, the mirror and the audit trail, in one transaction."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from syncapp import audit, durable
from syncapp.crm.directory_records import Mailbox
from syncapp.crm.filters_records import OutlookFilter, OwnerFilters
from syncapp.durable import LostLease
from syncapp.filters.rounds import Held, Verdict
from syncapp.mirror import filter_store, mailboxes
from syncapp.models import FilterRunChange, FilterRunItem
from syncapp.models.filter_run import Outcome

log = logging.getLogger(__name__)


def is_as_wanted(changes: Sequence[FilterRunChange], found: Mapping[uuid.UUID, OutlookFilter]) -> bool:
    """Whether each of these filters is there and in the state that the run wants."""
    return all(change.filter_id in found and found[change.filter_id].state == change.wanted_state for change in changes)


def settle(ended: Sequence[tuple[Held, Verdict]]) -> None:
    """Keep what became of these users, all in one transaction; nothing of whom somebody else holds by now."""
    with transaction.atomic():
        kept = [(held, verdict) for held, verdict in ended if _is_kept(held, verdict)]
        # The matrix's cells are worked out once for all of them: that costs ten users as much as one.
        read = [(held.item.user_id, verdict.filters) for held, verdict in kept if verdict.filters is not None]
        if read:
            filter_store.store([OwnerFilters(user_id, tuple(filters)) for user_id, filters in read])


def _is_kept(held: Held, verdict: Verdict) -> bool:
    try:
        with transaction.atomic():
            if held.claim.row().update(outcome=verdict.outcome, why=verdict.why[:300]) != 1:
                raise LostLease(str(held.item.pk))
            durable.settle(held.claim)
            found = {row.id: row for row in verdict.filters or ()}
            if held.changes and _was_written(held, verdict.outcome, found):
                _note_written(held, found)
            _keep_mailbox(held, verdict)
            _record(held, verdict.outcome)
    except LostLease:
        log.warning("filter item %s: lease lost, nothing kept", held.item.pk)
        return False
    return True


def _was_written(held: Held, outcome: Outcome, found: Mapping[uuid.UUID, OutlookFilter]) -> bool:
    return outcome == Outcome.DONE or (outcome == Outcome.FAILED and bool(found) and is_as_wanted(held.changes, found))


def _note_written(held: Held, found: Mapping[uuid.UUID, OutlookFilter]) -> None:
    for change in held.changes:
        change.written = True
        change.etag_after = found[change.filter_id].etag if change.filter_id in found else ""
    FilterRunChange.objects.bulk_update(held.changes, ["written", "etag_after"])


def _keep_mailbox(held: Held, verdict: Verdict) -> None:
    now: Mailbox | None = verdict.mailbox
    if now is None:
        return
    mailboxes.store_read_back(held.item.user_id, now)
    if verdict.outcome == Outcome.DONE:
        written = {"mailbox_written": True, "mailbox_etag_after": now.etag}
        FilterRunItem.objects.filter(pk=held.item.pk).update(**written)


def _record(held: Held, outcome: Outcome) -> None:
    details: dict[str, Any] = {"user": str(held.item.user_id), "outcome": outcome.value}
    if held.item.mailbox_id is None:
        action, details["filters"] = "filter.switched", [str(change.filter_id) for change in held.changes]
    else:
        action, details["method"] = "filter.method_set", held.item.wanted_method
    audit.record(action, by=None, channel="run", group=held.item.run_id, details=details)
