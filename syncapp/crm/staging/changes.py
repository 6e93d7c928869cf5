"""The writes of a change set, and reads of stored change-tracking links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.batch import AnyWrite, Create, Write
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import DeltaExpired, NotFound, ProtocolError, Rejected
from syncapp.crm.names import Names
from syncapp.crm.staging.records import ChangeSet, Column, ColumnType, Navigation, NewRecord, StagedDecision
from syncapp.crm.transport import Transport
from syncapp.crm.values import canonical
from syncapp.crm.values.conversion import to_wire, wire_name

# "decided" for a SyncField, "reviewed" for a SyncRecord: inactive with the default status of that state.
_CLOSED = {"statecode": 1, "statuscode": 2}
_MAX_NAME_LENGTH = 200


def writes(change_set: ChangeSet, *, names: Names, tag: str) -> tuple[AnyWrite, ...]:
    """Return the PATCHes of a change set; the contact comes first, because only its values can be refused."""
    found: list[AnyWrite] = []
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
    for flag in change_set.flags:
        found.append(Write(names.record_set, flag.record_id, flag.etag, {names.record_restored: flag.is_restored}))
    for record in change_set.records:
        found += _creations(record, names=names, lookups=change_set.lookups)
    return tuple(found)


def _creations(record: NewRecord, *, names: Names, lookups: Mapping[str, Column]) -> list[Create]:
    """Return the writes that create an edit and its fields.

    The edit is addressed by its alternate key, so that the CRM refuses the same operation a second time.
    """

    def reference(table: str, name: str, target: str, row_id: UUID, set_name: str = "") -> dict[str, object]:
        usual = Navigation(target, name, set_name or odata.entity_set_name(target))
        column = Column(table, name, "", ColumnType.LOOKUP, targets=(target,), navigation=(usual,))
        return to_wire(lookups.get(name, column), f"{target}:{row_id}")

    body: dict[str, object] = {
        names.record_id: str(record.id),
        names.record_name: record.name[:_MAX_NAME_LENGTH],
        names.record_target_table: record.table,
        names.record_target_id: str(record.contact_id),
        names.record_edited_on: canonical.instant_text(record.edited_on),
        **reference(names.record_table, names.record_contact, record.table, record.contact_id),
    }
    if record.editor_id is not None:
        body |= reference(names.record_table, names.record_editor, "systemuser", record.editor_id)
    origin = {names.record_source: record.source, names.record_restored: record.is_restored}
    body |= {name: value for name, value in origin.items() if name}
    key = f"{names.record_operation_id}={odata.literal(str(record.operation_id))}"
    found = [Create(names.record_set, f"{names.record_set}({key})", body)]
    for each in record.fields:
        body = {
            names.field_column: each.column,
            names.field_original: each.original,
            names.field_proposed: each.proposed,
            names.field_original_label: each.original_label or None,
            names.field_proposed_label: each.proposed_label or None,
            names.field_decision: int(StagedDecision.PENDING),
            **reference(names.field_table, names.field_record, names.record_table, record.id, names.record_set),
        }
        found.append(Create(names.field_set, odata.row_path(names.field_set, record.field_id(each.column)), body))
    return found


def follow(
    transport: Transport,
    link: str,
    *,
    headers: Mapping[str, str],
    select: Sequence[str],
    deadline: Deadline | None = None,
) -> dict[str, Any]:
    """Return the page behind a stored link. Raises DeltaExpired if a full read is needed instead.

    That is the case if the CRM refuses the link, because the documentation ("Use change tracking to synchronize data
    with external systems") names no error code for an expired token. It is also the case if the link leads to another
    address, since the CRM's address has then changed, and if it lacks a column of `select`, since it then comes from an
    earlier release or a backup.
    """
    if odata.lacks_columns(link, select):
        raise DeltaExpired("The link selects fewer columns than are read today.", code="columns")
    try:
        transport.check_link(link)
    except ProtocolError as error:
        raise DeltaExpired(error.message, code=error.code) from error
    try:
        return transport.follow(link, headers=headers, deadline=deadline)
    except (Rejected, NotFound) as error:
        raise DeltaExpired(error.message, status=error.status, code=error.code, request_id=error.request_id) from error
