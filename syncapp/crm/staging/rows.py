"""Conversion of JSON rows into the records of `records`.

A row with a readable id always becomes a record; its `problem` says which value could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.batch import Part
from syncapp.crm.errors import ProtocolError
from syncapp.crm.names import Names
from syncapp.crm.staging.records import (
    ChangePage,
    Column,
    Identity,
    LiveContact,
    StagedDecision,
    StagedField,
    StagedRecord,
    User,
)
from syncapp.crm.values.cells import Cells, bad_value, etag, guid, integer, read_all
from syncapp.crm.values.conversion import to_canonical, wire_name
from syncapp.text.ids import parse_uuid

Record = TypeVar("Record")

_MAX_VERSION_LENGTH = 100
# The user who changed a row last, and the one who impersonated them ("Impersonate another user using the Web API").
MODIFIERS = ("_modifiedby_value", "_modifiedonbehalfby_value")


def staged_record_columns(names: Names, *, with_origin: bool = True) -> tuple[str, ...]:
    """Return the columns to select for `staged_record`; without the origin if the table has no such columns."""
    origin = (names.record_source, names.record_restored) if with_origin else ()
    return (
        names.record_id,
        names.record_name,
        f"_{names.record_contact}_value",
        names.record_target_table,
        names.record_target_id,
        f"_{names.record_editor}_value",
        names.record_edited_on,
        names.record_operation_id,
        *filter(None, origin),
        "statecode",
        "versionnumber",
    )


def staged_record(row: odata.Row, names: Names) -> StagedRecord:
    """Return one SyncRecord. Raises ProtocolError when its id cannot be read."""
    cells = Cells(row)
    editor = f"_{names.record_editor}_value"
    record = StagedRecord(
        id=cells.id(names.record_id),
        name=cells.text(names.record_name),
        contact_id=cells.guid(f"_{names.record_contact}_value"),
        target_table=cells.text(names.record_target_table),
        target_id=parse_uuid(cells.text(names.record_target_id)),
        editor_id=cells.guid(editor),
        editor_name=cells.text(editor + odata.FORMATTED),
        edited_on=cells.moment(names.record_edited_on),
        operation_id=cells.text(names.record_operation_id),
        state=cells.integer("statecode"),
        version=cells.integer("versionnumber"),
        etag=cells.etag(),
        source=cells.text(names.record_source) if names.record_source else "",
        # A plug-in that does not know this column, or leaves it empty, has restored the originals.
        is_restored=cells.flag(names.record_restored) if row.get(names.record_restored) is not None else True,
    )
    if record.target_id is None and record.contact_id is None:
        cells.problem = cells.problem or "The row does not say which contact was edited."
    return replace(record, problem=cells.problem) if cells.problem else record


def staged_field_columns(names: Names) -> tuple[str, ...]:
    """Return the columns to select for `staged_field`."""
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
        *MODIFIERS,
        "statecode",
        "versionnumber",
    )


def staged_field(row: odata.Row, names: Names) -> StagedField:
    """Return one SyncField. Raises ProtocolError when its id cannot be read."""
    cells = Cells(row)
    field = StagedField(
        id=cells.id(names.field_id),
        record_id=cells.guid(f"_{names.field_record}_value"),
        column=cells.text(names.field_column),
        original=cells.optional_text(names.field_original),
        proposed=cells.optional_text(names.field_proposed),
        original_label=cells.text(names.field_original_label),
        proposed_label=cells.text(names.field_proposed_label),
        decision=cells.read(_decision, names.field_decision, int(StagedDecision.PENDING)),
        decision_id=cells.text(names.field_decision_id),
        applied=cells.optional_text(names.field_applied),
        decided_by=cells.text(names.field_decided_by),
        decided_on=cells.moment(names.field_decided_on),
        reason=cells.text(names.field_reason),
        state=cells.integer("statecode"),
        version=cells.integer("versionnumber"),
        etag=cells.etag(),
        modified_by=cells.guid(MODIFIERS[0]),
        modified_for_by=cells.guid(MODIFIERS[1]),
    )
    return replace(field, problem=cells.problem) if cells.problem else field


def _decision(row: odata.Row, name: str) -> int:
    """Return a decision; an empty one is PENDING, because a column created by hand may have no default value."""
    return StagedDecision.PENDING if row.get(name, "") is None else integer(row, name)


USER_COLUMNS = (
    "systemuserid",
    "fullname",
    "internalemailaddress",
    "azureactivedirectoryobjectid",
    "isdisabled",
)


def user(row: odata.Row) -> User:
    """Return one systemuser. Raises ProtocolError when its id cannot be read."""
    cells = Cells(row)
    found = User(
        id=cells.id("systemuserid"),
        name=cells.text("fullname"),
        address=cells.text("internalemailaddress"),
        entra_id=cells.guid("azureactivedirectoryobjectid"),
        disabled=cells.read(_disabled, "isdisabled", True),
    )
    return replace(found, problem=cells.problem) if cells.problem else found


def _disabled(row: odata.Row, name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        raise bad_value(name, value)
    return value


def identity(payload: odata.Row) -> Identity:
    """Return the identity in the answer to WhoAmI."""
    return Identity(
        user_id=guid(payload, "UserId"),
        organization_id=guid(payload, "OrganizationId"),
        business_unit_id=guid(payload, "BusinessUnitId"),
    )


COMPANY_COLUMNS = ("contactid", "_parentcustomerid_value")


def company(row: odata.Row) -> tuple[UUID, str] | None:
    """Return a contact's id and the name of its company, or None if it has none."""
    name = Cells(row).optional_text(COMPANY_COLUMNS[1] + odata.FORMATTED)
    return (guid(row, COMPANY_COLUMNS[0]), name) if name else None


def live_contact(row: odata.Row, columns: Sequence[Column], names: Names) -> LiveContact:
    """Return a contact's live values; the CRM returns the key even if it was not selected."""
    values: dict[str, str | None] = {}
    labels: dict[str, str] = {}
    problems: dict[str, str] = {}
    for column in columns:
        name = wire_name(column)
        value = row.get(name)
        try:
            values[column.name] = to_canonical(column, value, row)
        except ProtocolError as error:
            problems[column.name] = error.message
        # Plain texts have no formatted value, so the value itself is the label.
        formatted = Cells(row).text(name + odata.FORMATTED)
        labels[column.name] = formatted or ("" if value is None else str(value))
    return LiveContact(
        id=guid(row, "contactid"),
        etag=etag(row),
        revision=_revision(row, names.contact_revision),
        values=values,
        labels=labels,
        read_at=datetime.now(UTC),
        problems=problems,
    )


def _revision(row: odata.Row, name: str) -> int | None:
    if not name or name not in row:
        return None
    return 0 if row[name] is None else integer(row, name)


def written_contact(part: Part, columns: Sequence[Column], names: Names) -> LiveContact | None:
    """Return the contact from the answer to its write; None if the answer has no readable row.

    The write was applied, so an unreadable answer must not look like a failure.
    """
    try:
        return live_contact(part.json(), columns, names) if part.body else None
    except ProtocolError:
        return None


def change_page(
    payload: odata.Row, read: Callable[[odata.Row], Record], check_link: Callable[[str], str]
) -> ChangePage[Record]:
    """Return one page of a tracked read; its links pass `check_link` before they can be stored.

    Source: "Use change tracking to synchronize data with external systems".
    """
    kept: list[odata.Row] = []
    deletions: list[odata.Row] = []
    for row in odata.collection(payload):
        is_deletion = Cells(row).text("@odata.context").endswith("/$deletedEntity") or row.get("reason") == "deleted"
        (deletions if is_deletion else kept).append(row)
    found, unreadable = read_all(kept, read)
    deleted, unknown = read_all(deletions, lambda row: guid(row, "id"))
    return ChangePage(
        rows=found,
        deleted=deleted,
        next_link=check_link(odata.link(payload, "@odata.nextLink")),
        delta_link=check_link(odata.link(payload, "@odata.deltaLink")),
        definitions=Cells(payload).text(odata.DEFINITIONS)[:_MAX_VERSION_LENGTH],
        unreadable=unreadable + unknown,
    )
