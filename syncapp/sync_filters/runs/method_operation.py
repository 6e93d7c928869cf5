"""Set mailbox methods: read, compare with the method found, write under the version just read, read back.

A mailbox row gets a new version with every synchronization, so its version says nothing about the method: the method is
compared by value, and the version of this read guards the write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from syncapp.crm.directory.records import Mailbox
from syncapp.crm.errors import CrmError, Forbidden, NotFound, ProtocolError, Stale
from syncapp.crm.filters.records import MethodChange, MethodResult
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.runs.batches import Batch, ItemResult, LeasedItem

CHANGED = "The mailbox method was changed after the list was made."
GONE = "The mailbox is no longer in the CRM."
DEACTIVATED = "The mailbox is deactivated in the CRM."


def precheck(batch: Batch) -> list[tuple[LeasedItem, ItemResult]]:
    """Read all mailboxes; return the users whose mailbox is not as it was found."""
    ids = [each.item.mailbox_id for each in batch.items if each.item.mailbox_id]
    live = {mailbox.id: mailbox for mailbox in batch.crm.directory.mailboxes_by_id(ids)} if ids else {}
    results = [(each, _check(each, live)) for each in batch.items]
    return [(each, result) for each, result in results if result]


def _check(leased: LeasedItem, live: Mapping[UUID, Mailbox]) -> ItemResult | None:
    mailbox = live.get(leased.item.mailbox_id) if leased.item.mailbox_id else None
    if mailbox is None:
        return ItemResult(Outcome.NO_MAILBOX, GONE)
    if mailbox.method == leased.item.wanted_method:
        return ItemResult(Outcome.DONE if leased.lease.outcome_unknown else Outcome.ALREADY, mailbox=mailbox)
    if mailbox.method != leased.item.found_method:
        return ItemResult(Outcome.CHANGED, CHANGED, mailbox=mailbox)
    if mailbox.state != 0:
        return ItemResult(Outcome.NOT_READY, DEACTIVATED, mailbox=mailbox)
    leased.item.mailbox_etag = mailbox.etag
    return None


def apply(batch: Batch) -> list[ItemResult]:
    """Set the methods of these mailboxes in one request."""
    changes = [_method_change(each) for each in batch.items]
    answers = batch.crm.filters.set_methods(changes, tag=batch.tag, deadline=batch.deadline)
    return [_result(answer) for answer in answers]


def _method_change(leased: LeasedItem) -> MethodChange:
    item = leased.item
    if item.mailbox_id is None or item.wanted_method is None:
        raise ValueError(f"{item} has no mailbox to set.")
    return MethodChange(item.mailbox_id, item.wanted_method, item.mailbox_etag)


def _result(answer: MethodResult) -> ItemResult:
    if answer.error is not None:
        return replace(_refused(answer.error), mailbox=answer.now)
    if answer.as_wanted is None:
        return ItemResult(error=ProtocolError("The CRM's answer lacks the proof.", may_have_applied=True))
    outcome, why = (Outcome.DONE, "") if answer.as_wanted else (Outcome.CHANGED, CHANGED)
    return ItemResult(outcome, why, mailbox=answer.now)


def _refused(error: CrmError) -> ItemResult:
    """Return the result of a refused write; 412 is not final, the mailbox is read again and compared."""
    if error.transient or isinstance(error, ProtocolError | Stale):
        return ItemResult(error=error)
    if isinstance(error, NotFound):
        return ItemResult(Outcome.NO_MAILBOX, GONE)
    if isinstance(error, Forbidden):
        return ItemResult(Outcome.DENIED, f"The CRM forbids it: {error.message}")
    return ItemResult(Outcome.FAILED, f"The CRM refused it: {error.message}")
