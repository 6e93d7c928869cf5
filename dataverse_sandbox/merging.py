"""`Merge`: one contact is combined with another and deactivated.

"Merge table rows using the Web API", "Merge Action". As users of the service report ("Identifying merged records", Mark
Carrington), the subordinate row becomes inactive, `merged` is true and `masterid` names the other row, to which rows
that referred to the subordinate one refer from then on. Simplified: the values of the target come from `UpdateContent`
alone; the company's plug-in does not see the merge; the privilege Write on contacts is sufficient.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from dataverse_sandbox import checks, errors, payload, rows, visibility
from dataverse_sandbox.catalog import BY_NAME, CONTACT, TABLES
from dataverse_sandbox.catalog.audit import MERGE
from dataverse_sandbox.messages import Answer, Request
from dataverse_sandbox.store import Row, Transaction

_DONE = Answer(204, b"", {"OData-Version": "4.0"})
_TYPE = "@odata.type"
_ACTIVE, _INACTIVE = 0, 1
_CONTACT_TYPE = f"Microsoft.Dynamics.CRM.{CONTACT.name}"


def merge(transaction: Transaction, request: Request) -> Answer:
    """Write `UpdateContent` to the target, move related rows to it, and deactivate the subordinate row."""
    connection, body = transaction.connection, request.json()
    transaction.author.rights.require(visibility.privilege("Write", CONTACT), CONTACT.name)
    target, subordinate = _row(connection, body, "Target"), _row(connection, body, "Subordinate")
    if target["contactid"] == subordinate["contactid"]:
        raise errors.bad_payload("Merge cannot be performed on master and sub-entities that are identical.")
    for kind, row in (("master entity", target), ("sub-entity", subordinate)):
        if row["statecode"] != _ACTIVE:
            raise errors.bad_payload(f"{kind}:{CONTACT.name}-{row['contactid']} is deactive")
    checks_parents = body.get("PerformParentingChecks")
    if not isinstance(checks_parents, bool):
        raise errors.bad_payload("'PerformParentingChecks' is true or false.")
    if checks_parents and target["parentcustomerid"] != subordinate["parentcustomerid"]:
        raise errors.bad_payload("The parents of the two rows differ.")
    last = connection.execute("SELECT max(seq) FROM ledger").fetchone()[0] or 0
    _combine(transaction, target, subordinate, _content(transaction, target, body))
    _audit_as_merge(connection, last, str(target["contactid"]), str(subordinate["contactid"]))
    return _DONE


def _row(connection: sqlite3.Connection, body: Mapping[str, object], name: str) -> Row:
    item = _typed(body, name)
    key = item.get(CONTACT.key.name)
    if not isinstance(key, str):
        raise errors.bad_payload(f"'{name}' needs '{CONTACT.key.name}'.")
    return payload.address(BY_NAME[CONTACT.name], key).existing(connection)


def _typed(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    item = body.get(name)
    if not isinstance(item, dict) or _TYPE not in item:
        raise errors.bad_payload(f"'{name}' is a row with '{_TYPE}'.")
    if str(item[_TYPE]).removeprefix("#") != _CONTACT_TYPE:
        raise errors.unknown(f"merging rows of the type '{str(item[_TYPE])[:60]}'")
    return item


def _content(transaction: Transaction, target: Row, body: Mapping[str, object]) -> Row:
    if body.get("UpdateContent") is None:
        return {}
    given = {name: value for name, value in _typed(body, "UpdateContent").items() if name != CONTACT.key.name}
    table = BY_NAME[CONTACT.name]
    changes = payload.decode(transaction.connection, table, given, creating=False)
    checks.before_write(table, target, changes)
    return changes


def _combine(transaction: Transaction, target: Row, subordinate: Row, changes: Row) -> None:
    table, target_id = BY_NAME[CONTACT.name], str(target["contactid"])
    rows.update(transaction, table, target, changes)
    for other in TABLES:
        for column in other.columns:
            if CONTACT.name in column.targets and column.ledgered:
                _move(transaction, other.name, column.name, str(subordinate["contactid"]), target_id)
    # The row may have referred to itself, so it is read again.
    now = rows.existing(transaction.connection, table, str(subordinate["contactid"]))
    rows.update(transaction, table, now, {"statecode": _INACTIVE, "merged": 1, "masterid": target_id})


def _move(transaction: Transaction, table_name: str, column_name: str, row_id: str, target_id: str) -> None:
    """Let rows that refer to the subordinate row refer to the target; the target never to itself."""
    table = BY_NAME[table_name]
    column = table.by_name[column_name]
    condition = f"{column.name} = ?" + (
        f" AND {column.type_column} = '{CONTACT.name}'" if column.is_polymorphic else ""
    )
    statement = f"SELECT * FROM {table.name} WHERE {condition}"  # noqa: S608 - names of the catalog
    for found in transaction.connection.execute(statement, (row_id,)).fetchall():
        if found[table.key.name] != target_id:
            rows.update(transaction, table, dict(found), rows.reference(column, CONTACT.name, target_id))


def _audit_as_merge(connection: sqlite3.Connection, last: int, *row_ids: str) -> None:
    """Give the entries of both rows, written after a place in the ledger, the action Merge."""
    places = ", ".join("?" * len(row_ids))
    wanted = f"""SELECT d.auditid FROM audit_detail d JOIN ledger l ON l.seq = d.ledger_seq
    WHERE l.seq > ? AND l.table_name = '{CONTACT.name}' AND l.row_id IN ({places})"""  # noqa: S608 - placeholders
    for table in ("audit", "audit_detail"):
        statement = f"UPDATE {table} SET action = {MERGE} WHERE auditid IN ({wanted})"  # noqa: S608 - constants
        connection.execute(statement, (last, *row_ids))
