"""The operation that sets mailbox methods: read, compare with the method found, write that version, read back.

A mailbox row gets a new version with every synchronization, so its version says nothing about the method: the method is
compared by value, and the version of this read guards the write.
"""

from __future__ import annotations

from syncapp.crm.errors import CredentialsRefused, Forbidden, NotFound, ProtocolError, Stale
from syncapp.crm.filters.records import MethodChange, MethodResult
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.runs.batches import Batch, ItemResult, LeasedItem

CHANGED = "The synchronization method was changed after the list was made."
GONE = "The mailbox is no longer in the CRM."
DEACTIVATED = "The mailbox is deactivated in the CRM."


def precheck(batch: Batch) -> list[tuple[LeasedItem, ItemResult]]:
    """Read all mailboxes; return the users who need no write or whose mailbox must not be written."""
    ids = [each.item.mailbox_id for each in batch.items if each.item.mailbox_id]
    live = {mailbox.id: mailbox for mailbox in batch.crm.directory.mailboxes_by_id(ids)} if ids else {}
    results = []
    for each in batch.items:
        item, mailbox = each.item, live.get(each.item.mailbox_id) if each.item.mailbox_id else None
        if mailbox is None:
            results.append((each, ItemResult(Outcome.NO_MAILBOX, GONE)))
        elif mailbox.method == item.wanted_method:
            outcome = Outcome.DONE if each.lease.outcome_unknown else Outcome.ALREADY
            results.append((each, ItemResult(outcome, mailbox=mailbox)))
        elif mailbox.method != item.found_method:
            results.append((each, ItemResult(Outcome.CHANGED, CHANGED, mailbox=mailbox)))
        elif mailbox.state != 0:
            results.append((each, ItemResult(Outcome.NOT_READY, DEACTIVATED, mailbox=mailbox)))
        else:
            item.mailbox_etag = mailbox.etag
    return results


def apply(batch: Batch) -> list[ItemResult]:
    """Set the methods of these mailboxes in one request."""
    changes = []
    for item in (each.item for each in batch.items):
        if item.mailbox_id is None or item.wanted_method is None:
            raise ValueError(f"{item} has no mailbox to set.")
        changes.append(MethodChange(item.mailbox_id, item.wanted_method, item.mailbox_etag))
    answers = batch.crm.filters.set_methods(changes, tag=batch.tag, deadline=batch.deadline)
    return [_result(answer) for answer in answers]


def _result(answer: MethodResult) -> ItemResult:
    """Return the result of a write; after a 412, which is not final, the mailbox is read again and compared."""
    error = answer.error
    if error is not None and (error.refuses_operation or isinstance(error, CredentialsRefused)):
        return ItemResult(error=error, request_failed=True)
    if error is not None and (error.is_transient or isinstance(error, ProtocolError | Stale)):
        return ItemResult(error=error, mailbox=answer.now)
    if isinstance(error, NotFound):
        return ItemResult(Outcome.NO_MAILBOX, GONE, mailbox=answer.now)
    if isinstance(error, Forbidden):
        why = f"The CRM forbids it: {error.message}"
        return ItemResult(Outcome.DENIED, why, mailbox=answer.now, denial=error)
    if error is not None:
        return ItemResult(Outcome.FAILED, f"The CRM refused it: {error.message}", mailbox=answer.now)
    if answer.as_requested is None:
        return ItemResult(error=ProtocolError("The CRM’s answer does not confirm the change.", may_have_applied=True))
    outcome, why = (Outcome.DONE, "") if answer.as_requested else (Outcome.CHANGED, CHANGED)
    return ItemResult(outcome, why, mailbox=answer.now)
