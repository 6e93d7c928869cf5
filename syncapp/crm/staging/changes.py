"""What goes into a change set, and how a stored change-tracking link is followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from syncapp.crm import odata
from syncapp.crm.batch import Write
from syncapp.crm.errors import DeltaExpired, NotFound, ProtocolError, Rejected
from syncapp.crm.names import Names
from syncapp.crm.staging.records import AppliedValue, ChangeSet, ContactWrite, FieldMark, RecordClose
from syncapp.crm.transport import Transport
from syncapp.crm.values import canonical
from syncapp.crm.values.conversion import to_wire, wire_name

# "decided" of a SyncField, "reviewed" of a SyncRecord: inactive with the state's own default status.
_CLOSED = {"statecode": 1, "statuscode": 2}


def writes(change_set: ChangeSet, *, names: Names, tag: str) -> tuple[Write, ...]:
    """The PATCHes of a change set, the contact first, because only it can be refused for a value."""
    return (
        *(_contact(write, names, tag) for write in (change_set.contact,) if write is not None),
        *(_mark(mark, names) for mark in change_set.marks),
        *(_applied(applied, names) for applied in change_set.applied),
        *(_close(close, names) for close in change_set.closes),
    )


def _contact(write: ContactWrite, names: Names, tag: str) -> Write:
    body: dict[str, object] = {}
    for column, text in write.values:
        try:
            body |= to_wire(column, text)
        except ValueError as error:
            message = f"The value cannot be written into {column.table}.{column.name}."
            raise Rejected(message, code="value") from error
    body[names.contact_revision] = write.revision
    returns = tuple(dict.fromkeys([*(wire_name(column) for column in write.columns), names.contact_revision]))
    return Write("contacts", write.contact_id, write.etag, body, tag, returns)


def _mark(mark: FieldMark, names: Names) -> Write:
    body: dict[str, object] = {
        names.field_decision: mark.decision,
        names.field_decision_id: mark.decision_id or None,
        names.field_applied: mark.applied or None,
        names.field_decided_by: mark.decided_by or None,
        names.field_decided_on: _whole_seconds(mark.decided_on),
        names.field_reason: mark.reason or None,
        **_CLOSED,
    }
    return Write(names.field_set, mark.field_id, mark.etag, body)


def _whole_seconds(moment: datetime) -> str:
    # The CRM keeps whole seconds ("Behavior and format of the date and time column").
    return canonical.instant_text(moment.replace(microsecond=0))


def _applied(applied: AppliedValue, names: Names) -> Write:
    return Write(names.field_set, applied.field_id, applied.etag, {names.field_applied: applied.applied or None})


def _close(close: RecordClose, names: Names) -> Write:
    return Write(names.record_set, close.record_id, close.etag, dict(_CLOSED))


def follow(transport: Transport, link: str, *, headers: Mapping[str, str], select: Sequence[str]) -> dict[str, Any]:
    """The page behind a stored link; DeltaExpired when the CRM does not accept the link any more.

    An old token is answered with an error that has no code of its own in the documentation ("Use
    change tracking to synchronize data with external systems"), so every refusal of a link that
    the CRM itself made counts: reading from the start is the cure for all of them. So does a link to another address,
    where no token goes: nothing that leads away is ever stored, so the CRM's own address was changed since. And so
    does a link whose columns lack one of `select`: an earlier release asked for it, or a backup kept it.
    """
    if odata.lacks_columns(link, select):
        raise DeltaExpired("The link names fewer columns than are read today.", code="columns")
    try:
        transport.checked(link)
    except ProtocolError as error:
        raise DeltaExpired(error.message, code=error.code) from error
    try:
        return transport.follow(link, headers=headers)
    except (Rejected, NotFound) as error:
        raise DeltaExpired(error.message, status=error.status, code=error.code, request_id=error.request_id) from error
