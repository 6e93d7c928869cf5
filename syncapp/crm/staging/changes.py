"""The writes of a change set, and reads behind stored change-tracking links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncapp.crm import odata
from syncapp.crm.batch import Write
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import DeltaExpired, NotFound, ProtocolError, Rejected
from syncapp.crm.names import Names
from syncapp.crm.staging.records import ChangeSet
from syncapp.crm.transport import Transport
from syncapp.crm.values import canonical
from syncapp.crm.values.conversion import to_wire, wire_name

# "decided" for a SyncField, "reviewed" for a SyncRecord: inactive with the default status of that state.
_CLOSED = {"statecode": 1, "statuscode": 2}


def writes(change_set: ChangeSet, *, names: Names, tag: str) -> tuple[Write, ...]:
    """Return the PATCHes of a change set; the contact comes first, because only its values can be refused."""
    found: list[Write] = []
    body: dict[str, object] = {}
    if (write := change_set.contact) is not None:
        for column, text in write.values:
            try:
                body |= to_wire(column, text)
            except ValueError as error:
                message = f"The value cannot be written into {column.table}.{column.name}."
                raise Rejected(message, code="value") from error
        returns = [*map(wire_name, write.columns)]
        if names.contact_revision and write.revision is not None:
            body[names.contact_revision] = write.revision
            returns.append(names.contact_revision)
        found.append(Write("contacts", write.contact_id, write.etag, body, tag, tuple(dict.fromkeys(returns))))
    for mark in change_set.marks:
        body = {
            names.field_decision: mark.decision,
            names.field_decision_id: mark.decision_id or None,
            names.field_applied: mark.applied or None,
            names.field_decided_by: mark.decided_by or None,
            # The CRM keeps whole seconds ("Behavior and format of the date and time column").
            names.field_decided_on: canonical.instant_text(mark.decided_on.replace(microsecond=0)),
            names.field_reason: mark.reason or None,
            **_CLOSED,
        }
        found.append(Write(names.field_set, mark.field_id, mark.etag, body))
    for applied in change_set.applied:
        body = {names.field_applied: applied.applied or None}
        found.append(Write(names.field_set, applied.field_id, applied.etag, body))
    found += [Write(names.record_set, close.record_id, close.etag, dict(_CLOSED)) for close in change_set.closes]
    return tuple(found)


def follow(
    transport: Transport,
    link: str,
    *,
    headers: Mapping[str, str],
    select: Sequence[str],
    deadline: Deadline | None = None,
) -> dict[str, Any]:
    """Return the page behind a stored link. Raises DeltaExpired where the link can no longer be used.

    The documentation ("Use change tracking to synchronize data with external systems") names no error code for an
    expired token, so any refusal of such a link counts: a full read is the remedy. So does a link to another address,
    because only links to the CRM are stored, and its address has changed since. And so does a link without one of the
    columns of `select`, which comes from an earlier release or a backup.
    """
    if odata.lacks_columns(link, select):
        raise DeltaExpired("The link selects fewer columns than are read today.", code="columns")
    try:
        transport.checked(link)
    except ProtocolError as error:
        raise DeltaExpired(error.message, code=error.code) from error
    try:
        return transport.follow(link, headers=headers, deadline=deadline)
    except (Rejected, NotFound) as error:
        raise DeltaExpired(error.message, status=error.status, code=error.code, request_id=error.request_id) from error
