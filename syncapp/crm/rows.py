"""From JSON rows to the records of `records`, strictly: a row of another shape is a ProtocolError."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.cells import etag, guid, moment, optional_guid, optional_text, text, whole, wrong
from syncapp.crm.names import Names
from syncapp.crm.records import (
    ChangePage,
    Column,
    ContactNow,
    Identity,
    StagedField,
    StagedRecord,
    User,
)
from syncapp.crm.values import to_canonical, wire_name

Record = TypeVar("Record")

_LONGEST_VERSION = 100


def staged_record_columns(names: Names) -> tuple[str, ...]:
    """What has to be selected for `staged_record`."""
    return (
        names.record_id,
        names.record_name,
        f"_{names.record_contact}_value",
        names.record_target_table,
        names.record_target_id,
        f"_{names.record_editor}_value",
        names.record_edited_on,
        names.record_operation_id,
        "statecode",
        "versionnumber",
    )


def staged_record(row: odata.Row, names: Names) -> StagedRecord:
    """One SyncRecord."""
    editor = f"_{names.record_editor}_value"
    return StagedRecord(
        id=guid(row, names.record_id),
        name=text(row, names.record_name),
        contact_id=optional_guid(row, f"_{names.record_contact}_value"),
        target_table=text(row, names.record_target_table),
        target_id=_guid_in_text(row, names.record_target_id),
        editor_id=optional_guid(row, editor),
        editor_name=text(row, editor + odata.FORMATTED),
        edited_on=moment(row, names.record_edited_on),
        operation_id=text(row, names.record_operation_id),
        state=whole(row, "statecode"),
        version=whole(row, "versionnumber"),
        etag=etag(row),
    )


def _guid_in_text(row: odata.Row, name: str) -> UUID | None:
    # A text column that whoever stages may fill with anything; nonsense must not stop the mirror.
    try:
        return UUID(text(row, name))
    except ValueError:
        return None


def staged_field_columns(names: Names) -> tuple[str, ...]:
    """What has to be selected for `staged_field`."""
    return (
        names.field_id,
        f"_{names.field_record}_value",
        names.field_column,
        names.field_original,
        names.field_proposed,
        names.field_original_label,
        names.field_proposed_label,
        names.field_decision,
        names.field_decision_id,
        names.field_applied,
        names.field_decided_by,
        names.field_decided_on,
        names.field_reason,
        "statecode",
        "versionnumber",
    )


def staged_field(row: odata.Row, names: Names) -> StagedField:
    """One SyncField."""
    return StagedField(
        id=guid(row, names.field_id),
        record_id=optional_guid(row, f"_{names.field_record}_value"),
        column=text(row, names.field_column),
        original=optional_text(row, names.field_original),
        proposed=optional_text(row, names.field_proposed),
        original_label=text(row, names.field_original_label),
        proposed_label=text(row, names.field_proposed_label),
        decision=whole(row, names.field_decision),
        decision_id=text(row, names.field_decision_id),
        applied=optional_text(row, names.field_applied),
        decided_by=text(row, names.field_decided_by),
        decided_on=moment(row, names.field_decided_on),
        reason=text(row, names.field_reason),
        state=whole(row, "statecode"),
        version=whole(row, "versionnumber"),
        etag=etag(row),
    )


USER_COLUMNS = (
    "systemuserid",
    "fullname",
    "internalemailaddress",
    "azureactivedirectoryobjectid",
    "isdisabled",
)


def user(row: odata.Row) -> User:
    """One systemuser."""
    disabled = row.get("isdisabled")
    if not isinstance(disabled, bool):
        raise wrong("isdisabled")
    return User(
        id=guid(row, "systemuserid"),
        name=text(row, "fullname"),
        address=text(row, "internalemailaddress"),
        entra_id=optional_guid(row, "azureactivedirectoryobjectid"),
        disabled=disabled,
    )


def identity(payload: odata.Row) -> Identity:
    """The answer to WhoAmI."""
    return Identity(
        user_id=guid(payload, "UserId"),
        organization_id=guid(payload, "OrganizationId"),
        business_unit_id=guid(payload, "BusinessUnitId"),
    )


def contact_now(row: odata.Row, columns: Sequence[Column], names: Names) -> ContactNow:
    """A contact's present values; the key comes back even where it was not selected."""
    return ContactNow(
        id=guid(row, "contactid"),
        etag=etag(row),
        revision=None if row.get(names.contact_revision) is None else whole(row, names.contact_revision),
        values={column.name: to_canonical(column, row.get(wire_name(column)), row) for column in columns},
        labels={column.name: _label(row, wire_name(column)) for column in columns},
        read_at=datetime.now(UTC),
    )


def _label(row: odata.Row, name: str) -> str:
    # Plain texts come without a formatted value: they are what a person reads.
    formatted = optional_text(row, name + odata.FORMATTED)
    value = row.get(name)
    return formatted or ("" if value is None else str(value))


def change_page(
    payload: odata.Row, read: Callable[[odata.Row], Record], checked: Callable[[str], str]
) -> ChangePage[Record]:
    """One page of a tracked read; its links are `checked` before anybody can store them.

    Source: "Use change tracking to synchronize data with external systems".
    """
    kept: list[odata.Row] = []
    deletions: list[odata.Row] = []
    for row in odata.collection(payload):
        (deletions if _is_deletion(row) else kept).append(row)
    return ChangePage(
        rows=tuple(read(row) for row in kept),
        deleted=tuple(guid(row, "id") for row in deletions),
        next_link=checked(odata.link(payload, "@odata.nextLink")),
        delta_link=checked(odata.link(payload, "@odata.deltaLink")),
        definitions=text(payload, odata.DEFINITIONS)[:_LONGEST_VERSION],
    )


def _is_deletion(row: odata.Row) -> bool:
    return text(row, "@odata.context").endswith("/$deletedEntity") or row.get("reason") == "deleted"
