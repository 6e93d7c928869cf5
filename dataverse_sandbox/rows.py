"""The only write path to the tables: create, update and delete rows, with stamps, versions and relationships.

Works on stored values; knows no HTTP. Every caller (Web API, change sets, plug-in, Outlook page, seed of single rows)
comes through here, so versions, computed columns and tombstones are always right.
"""

from __future__ import annotations

import datetime
import sqlite3
import uuid
from collections.abc import Mapping
from functools import cache, lru_cache

from dataverse_sandbox import errors
from dataverse_sandbox.catalog import BY_NAME, SYSTEM_USER, TABLES, Column, Kind, Table
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.rights import DECIDES_RIGHTS
from dataverse_sandbox.store import Row, Transaction

INVALID_STATE = "0x80048408"


def now() -> str:
    """Return the current time as stored: UTC, whole seconds."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def find(connection: sqlite3.Connection, table: Table, row_id: str) -> Row | None:
    statement = f"SELECT * FROM {table.name} WHERE {table.key.name} = ?"  # noqa: S608 - names of the catalog
    row = connection.execute(statement, (row_id,)).fetchone()
    return None if row is None else dict(row)


def existing(connection: sqlite3.Connection, table: Table, row_id: str) -> Row:
    row = find(connection, table, row_id)
    if row is None:
        raise errors.does_not_exist(table.name, row_id)
    return row


def create(transaction: Transaction, table: Table, values: Mapping[str, object]) -> Row:
    """Insert a row with defaults, stamps and computed columns. Raises ApiError 412 when a key exists."""
    moment, caller = now(), transaction.author.caller
    row: Row = dict.fromkeys(table.stored)
    row |= {column.name: column.default for column in table.columns if column.default is not None}
    row |= values
    _set_status(table, row, values)
    row[table.key.name] = row[table.key.name] or str(uuid.uuid4())
    row |= {"createdon": moment, "createdby": caller, "createdonbehalfby": transaction.author.delegate}
    row |= {"modifiedon": moment, "modifiedby": caller, "modifiedonbehalfby": transaction.author.delegate}
    if "ownerid" in table.by_name and not row["ownerid"]:
        row |= reference(table.by_name["ownerid"], SYSTEM_USER.name, caller)
    row |= table.computed(row)
    row |= _owning_unit(transaction, table, row)
    row["versionnumber"] = transaction.next_version()
    _insert(transaction, table, row)
    _discard_cached_rights(transaction, table)
    return row


def _owning_unit(transaction: Transaction, table: Table, row: Row) -> Row:
    if "owningbusinessunit" not in table.by_name or row["ownerid"] is None:
        return {}
    owner = table.by_name["ownerid"]
    kept = find(transaction.connection, BY_NAME[target_of(owner, row)], str(row["ownerid"]))
    return {"owningbusinessunit": kept["businessunitid"] if kept else None}


def _discard_cached_rights(transaction: Transaction, table: Table) -> None:
    """Discard cached rights after a write to one of their tables."""
    if table.name in DECIDES_RIGHTS:
        transaction.after_commit(transaction.known.forget)


def _insert(transaction: Transaction, table: Table, row: Row) -> None:
    try:
        transaction.connection.execute(insert_statement(table), row)
    except sqlite3.IntegrityError as error:
        is_key = f"{table.name}.{table.key.name}" in str(error)
        raise (errors.already_exists() if is_key else _key_violated(table, error)) from None


def _key_violated(table: Table, error: sqlite3.IntegrityError) -> ApiError:
    """Return the error that names the key and its columns; SQLite names the index or its columns."""
    for key in table.alternate_keys:
        if all(name in str(error) for name in key.columns) or f"_key_{key.name}" in str(error):
            labels = ", ".join(table.by_name[name].label for name in key.columns)
            return errors.key_violated(key.label or key.name, labels)
    return errors.key_violated(table.name, "these columns")


def update(transaction: Transaction, table: Table, row: Row, changes: Mapping[str, object]) -> Row:
    """Update the row; its version and ETag change even if no value does."""
    after: Row = {**row, **changes}
    _set_status(table, after, changes)
    author = transaction.author
    after |= {"modifiedon": now(), "modifiedby": author.caller, "modifiedonbehalfby": author.delegate}
    after |= table.computed(after)
    if "ownerid" in changes:
        after |= _owning_unit(transaction, table, after)
    after["versionnumber"] = transaction.next_version()
    differing = tuple(name for name in table.stored if after[name] != row[name])
    try:
        transaction.connection.execute(_update_statement(table, differing), after)
    except sqlite3.IntegrityError as error:
        raise _key_violated(table, error) from None
    _discard_cached_rights(transaction, table)
    return after


def delete(transaction: Transaction, table: Table, row_id: str) -> None:
    """Delete the row, leave a tombstone for change tracking, and apply the relationships to it."""
    for other in TABLES:
        for column in other.columns:
            if table.name in column.targets and column.ledgered:
                _release(transaction, other, column, table, row_id)
    _discard_cached_rights(transaction, table)
    connection = transaction.connection
    connection.execute(f"DELETE FROM {table.name} WHERE {table.key.name} = ?", (row_id,))  # noqa: S608 - catalog
    connection.execute(
        "INSERT INTO tombstone (table_name, row_id, version) VALUES (?, ?, ?)",
        (table.name, row_id, transaction.next_version()),
    )


def _release(transaction: Transaction, other: Table, column: Column, table: Table, row_id: str) -> None:
    """Clear a lookup to the deleted row, or delete the rows below it ("Configure table relationships")."""
    condition = f"{column.name} = ?" + (f" AND {column.type_column} = ?" if column.is_polymorphic else "")
    parameters = (row_id, table.name) if column.is_polymorphic else (row_id,)
    statement = f"SELECT * FROM {other.name} WHERE {condition}"  # noqa: S608 - names of the catalog
    for found in transaction.connection.execute(statement, parameters).fetchall():
        if column.on_delete == "cascade":
            delete(transaction, other, found[other.key.name])
        else:
            update(transaction, other, dict(found), reference(column, None, None))


def reference(column: Column, target: str | None, row_id: str | None) -> Row:
    """Return the stored columns of a lookup."""
    values: Row = {column.name: row_id}
    if column.is_polymorphic:
        values[column.type_column] = target if row_id else None
    return values


def _set_status(table: Table, row: Row, changes: Mapping[str, object]) -> None:
    """Set a state's default status; require a status of the state ("statecode and statuscode")."""
    statuses = table.by_name["statuscode"].options if "statuscode" in table.by_name else ()
    allowed = [option.value for option in statuses if option.state == row["statecode"]]
    if not statuses or row["statuscode"] in allowed:
        return
    if "statuscode" in changes:
        text = "State code is invalid or state code is valid but status code is invalid for a specified state code."
        raise ApiError(400, INVALID_STATE, f"{row['statuscode']} is not a valid status code. {text}")
    row["statuscode"] = allowed[0]


def name_of(connection: sqlite3.Connection, target: str, row_id: str) -> str | None:
    """Return the primary name of a lookup's row."""
    table = BY_NAME[target]
    statement = f"SELECT {table.primary_name} FROM {target} WHERE {table.key.name} = ?"  # noqa: S608 - catalog
    found = connection.execute(statement, (row_id,)).fetchone()
    return None if found is None else found[0]


def target_of(column: Column, row: Mapping[str, object]) -> str:
    """Return the table of a lookup in this row."""
    return str(row[column.type_column]) if column.is_polymorphic else column.targets[0]


@cache
def insert_statement(table: Table) -> str:
    names = ", ".join(table.stored)
    values = ", ".join(f":{name}" for name in table.stored)
    return f"INSERT INTO {table.name} ({names}) VALUES ({values})"  # noqa: S608 - names of the catalog


@lru_cache(maxsize=1_024)
def _update_statement(table: Table, names: tuple[str, ...]) -> str:
    """Return an UPDATE of the changed columns only, because every written column updates its indexes."""
    pairs = ", ".join(f"{name} = :{name}" for name in names)
    key = table.key.name
    return f"UPDATE {table.name} SET {pairs} WHERE {key} = :{key}"  # noqa: S608 - names of the catalog


def is_empty(kind: Kind, value: object) -> bool:
    """Return whether a stored value counts as empty."""
    return value is None or (kind in (Kind.TEXT, Kind.MEMO) and value == "")
