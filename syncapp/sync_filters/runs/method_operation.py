"""Setting how mailboxes synchronize: read, compare with what was found, write under the version just read, read back.

A mailbox row moves with every synchronization, so its version says nothing about the method: what was frozen is
compared by value, and the version of this very reading guards the write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from syncapp.crm.directory.records import Mailbox
from syncapp.crm.errors import CrmError, Forbidden, NotFound, ProtocolError, Stale
from syncapp.crm.filters.records import MethodChange, MethodResult
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.runs.batches import Held, Round, Verdict

CHANGED = "The mailbox's method was changed since the list was frozen."
GONE = "The mailbox is no longer in the CRM."
DEACTIVATED = "The mailbox is deactivated in the CRM."


def look(work: Round) -> list[tuple[Held, Verdict]]:
    """Read all of these mailboxes; who is not as he was found comes to his end without a write."""
    ids = [each.item.mailbox_id for each in work.held if each.item.mailbox_id]
    now = {mailbox.id: mailbox for mailbox in work.crm.directory.mailboxes_by_id(ids)} if ids else {}
    found = [(each, _found(each, now)) for each in work.held]
    return [(each, verdict) for each, verdict in found if verdict]


def _found(held: Held, now: Mapping[UUID, Mailbox]) -> Verdict | None:
    mailbox = now.get(held.item.mailbox_id) if held.item.mailbox_id else None
    if mailbox is None:
        return Verdict(Outcome.NO_MAILBOX, GONE)
    if mailbox.method == held.item.wanted_method:
        return Verdict(Outcome.DONE if held.lease.outcome_unknown else Outcome.ALREADY, mailbox=mailbox)
    if mailbox.method != held.item.found_method:
        return Verdict(Outcome.CHANGED, CHANGED, mailbox=mailbox)
    if mailbox.state != 0:
        return Verdict(Outcome.NOT_READY, DEACTIVATED, mailbox=mailbox)
    held.item.mailbox_etag = mailbox.etag
    return None


def send(work: Round) -> list[Verdict]:
    """Set these mailboxes' methods in one request."""
    changes = [_change(each) for each in work.held]
    results = work.crm.filters.set_methods(changes, tag=work.tag, deadline=work.deadline)
    return [_judged(each, result) for each, result in zip(work.held, results, strict=True)]


def _change(held: Held) -> MethodChange:
    item = held.item
    if item.mailbox_id is None or item.wanted_method is None:
        raise ValueError(f"{item} has no mailbox to be set.")
    return MethodChange(item.mailbox_id, item.wanted_method, item.mailbox_etag)


def _judged(held: Held, result: MethodResult) -> Verdict:
    if result.error is not None:
        return replace(_refused(result.error), mailbox=result.now)
    if result.as_wanted is None:
        return Verdict(error=ProtocolError("The CRM's answer lacks the proof.", may_have_applied=True))
    outcome, why = (Outcome.DONE, "") if result.as_wanted else (Outcome.CHANGED, CHANGED)
    return Verdict(outcome, why, mailbox=result.now)


def _refused(error: CrmError) -> Verdict:
    """A newer version of the row is no answer: it is read again, and the method compared."""
    if error.transient or isinstance(error, ProtocolError | Stale):
        return Verdict(error=error)
    if isinstance(error, NotFound):
        return Verdict(Outcome.NO_MAILBOX, GONE)
    if isinstance(error, Forbidden):
        return Verdict(Outcome.DENIED, f"The CRM forbids it: {error.message}")
    return Verdict(Outcome.FAILED, f"The CRM refused it: {error.message}")
