"""One user of a run comes to an end: outcome, proof, the mirror and the audit trail, in one transaction."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol

from django.db import transaction

from syncapp import audit, durable
from syncapp.crm.filters_records import OutlookFilter, OwnerFilters
from syncapp.durable import Claim, LostLease
from syncapp.mirror import filter_store
from syncapp.models import FilterRunChange, FilterRunItem
from syncapp.models.filter_run import Outcome

log = logging.getLogger(__name__)
CHANGED = "A filter was changed or deleted since the list was frozen."


class HeldItem(Protocol):
    """A claimed item with its changes."""

    @property
    def claim(self) -> Claim: ...
    @property
    def item(self) -> FilterRunItem: ...
    @property
    def changes(self) -> tuple[FilterRunChange, ...]: ...


def is_as_wanted(changes: Sequence[FilterRunChange], found: Mapping[uuid.UUID, OutlookFilter]) -> bool:
    """Whether each of these filters is there and in the state that the run wants."""
    return all(change.filter_id in found and found[change.filter_id].state == change.wanted_state for change in changes)


def settle(held: HeldItem, outcome: Outcome, why: str = "", *, now: Sequence[OutlookFilter] | None = None) -> None:
    """Keep what became of this user; nothing where somebody else holds him by now."""
    try:
        with transaction.atomic():
            if held.claim.row().update(outcome=outcome, why=why[:300]) != 1:
                raise LostLease(str(held.item.pk))
            durable.settle(held.claim)
            found = {row.id: row for row in now or ()}
            if _was_written(held, outcome, found):
                _note_written(held, found)
            if now is not None:
                filter_store.store([OwnerFilters(held.item.user_id, tuple(now))])
            _record(held, outcome)
    except LostLease:
        log.warning("filter item %s: lease lost, nothing kept", held.item.pk)


def _was_written(held: HeldItem, outcome: Outcome, found: Mapping[uuid.UUID, OutlookFilter]) -> bool:
    return outcome == Outcome.DONE or (outcome == Outcome.FAILED and bool(found) and is_as_wanted(held.changes, found))


def _note_written(held: HeldItem, found: Mapping[uuid.UUID, OutlookFilter]) -> None:
    for change in held.changes:
        after = found[change.filter_id].etag if change.filter_id in found else ""
        FilterRunChange.objects.filter(pk=change.pk).update(written=True, etag_after=after)


def _record(held: HeldItem, outcome: Outcome) -> None:
    details = {
        "user": str(held.item.user_id),
        "outcome": outcome.value,
        "filters": [str(change.filter_id) for change in held.changes],
    }
    audit.record("filter.switched", by=None, channel="run", group=held.item.run_id, details=details)
