"""The old and new values of an audit entry ("Retrieve the history of audited data changes")."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from dataverse_sandbox import errors, reading, rows
from dataverse_sandbox.catalog import BY_NAME, Column, Kind, Table
from dataverse_sandbox.messages import Request
from dataverse_sandbox.rights import READ_HISTORY
from dataverse_sandbox.store import Row

INVALID = "audit_invalid_new_values"
_NAMESPACE = "Microsoft.Dynamics.CRM."


def details(connection: sqlite3.Connection, entry: Row, request: Request, _rest: str) -> dict[str, object]:
    """Return the old and new values of an entry ("RetrieveAuditDetails function").

    A column without an old or a new value is absent there. The page names no privilege. Here both privileges of
    auditing are needed, so that a role that works here also works in a real environment.
    """
    request.rights.require(READ_HISTORY)
    found = connection.execute("SELECT changes FROM audit_detail WHERE auditid = ?", (entry["auditid"],)).fetchone()
    changes = json.loads(found[0])
    table = BY_NAME.get(str(entry["objecttypecode"]))
    if table is None or set(changes) - set(table.by_name):
        raise errors.unknown("audit details of a table or column that was deleted")
    setting = connection.execute("SELECT value FROM setting WHERE name = ?", (INVALID,)).fetchone()
    invalid = [name for name in (json.loads(setting[0]) if setting else []) if name in changes]
    before = {name: pair[0] for name, pair in changes.items()}
    after = {name: pair[1] for name, pair in changes.items() if name not in invalid}
    detail = {
        "@odata.type": f"#{_NAMESPACE}AttributeAuditDetail",
        "InvalidNewValueAttributes": invalid,
        "LocLabelLanguageCode": 0,
        "DeletedAttributes": {"Count": 0, "Keys": [], "Values": []},
        "OldValue": _rendered(connection, table, before, request),
        "NewValue": _rendered(connection, table, after, request),
    }
    return {
        "@odata.context": f"{request.base_url}$metadata#{_NAMESPACE}RetrieveAuditDetailsResponse",
        "AuditDetail": detail,
    }


def _rendered(
    connection: sqlite3.Connection, table: Table, found: Mapping[str, object], request: Request
) -> dict[str, object]:
    """Return values of the ledger as a row of the Web API, without its empty columns."""
    columns = [table.by_name[name] for name, value in found.items() if value is not None]
    row: Row = {"versionnumber": 0}
    for column in columns:
        row |= _stored(connection, column, found[column.name])
    item = reading.Shape(table, tuple(columns), request.annotations).render(row)
    del item["@odata.etag"]
    return {"@odata.type": f"#{_NAMESPACE}{table.name}", **item}


def _stored(connection: sqlite3.Connection, column: Column, value: object) -> Row:
    """Return the stored columns of a value of the ledger."""
    if column.kind is Kind.YES_NO:
        return {column.name: int(value is True)}
    if column.kind is not Kind.LOOKUP:
        return {column.name: value}
    target, _, row_id = str(value).partition(":")
    name = rows.name_of(connection, target, row_id) if target in BY_NAME else None
    return {column.name: row_id, column.type_column: target, f"{column.name}_name": name}
