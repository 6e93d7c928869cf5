"""The SQLite schema, built from the catalog: tables, and the triggers that write the ledger and the audit entries.

Because triggers write the ledger, no handler can forget it: every change of a row appears there, unless
it was rolled back. The acting users come from the one-row table `context`, which `Store.write` fills.
A trigger on the ledger writes the audit entries, with the functions of `audit_functions`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from dataverse_sandbox.catalog import BUILT_IN, AlternateKey, Column, Kind, Table
from dataverse_sandbox.catalog.columns import CHOICE_LIKE, NUMBERS

_REAL = frozenset({Kind.DECIMAL, Kind.DOUBLE, Kind.MONEY})

# The value of `context.plugin` that switches the ledger off while data is filled in.
SILENT = -1
_OWN_TABLES = """
CREATE TABLE context (
    one INTEGER PRIMARY KEY CHECK (one = 1), caller TEXT NOT NULL DEFAULT '', on_behalf_of TEXT,
    tag TEXT NOT NULL DEFAULT '',
    transaction_id INTEGER NOT NULL DEFAULT 0, plugin INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1000000, epoch INTEGER NOT NULL DEFAULT 1);
INSERT INTO context (one) VALUES (1);
CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, caller TEXT NOT NULL, on_behalf_of TEXT,
    method TEXT NOT NULL, table_name TEXT NOT NULL, row_id TEXT NOT NULL, changes TEXT NOT NULL,
    transaction_id INTEGER NOT NULL, plugin INTEGER NOT NULL, tag TEXT NOT NULL);
CREATE TABLE audit_detail (
    auditid TEXT PRIMARY KEY, ledger_seq INTEGER NOT NULL, part INTEGER NOT NULL, action INTEGER NOT NULL,
    operation INTEGER NOT NULL, changes TEXT NOT NULL, changedata TEXT NOT NULL, visible_at REAL);
CREATE INDEX audit_detail_ledger ON audit_detail (ledger_seq);
CREATE INDEX audit_detail_waiting ON audit_detail (visible_at) WHERE visible_at IS NOT NULL;
CREATE TABLE tombstone (table_name TEXT NOT NULL, row_id TEXT NOT NULL, version INTEGER NOT NULL);
CREATE INDEX tombstone_version ON tombstone (table_name, version);
CREATE TABLE access_token (token TEXT PRIMARY KEY, caller TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE sign_in_code (code TEXT PRIMARY KEY, details TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT, received TEXT NOT NULL, via TEXT NOT NULL, recipients TEXT NOT NULL,
    raw BLOB NOT NULL);
CREATE TABLE shared (
    table_name TEXT NOT NULL, row_id TEXT NOT NULL, principal_id TEXT NOT NULL, principal_table TEXT NOT NULL,
    rights TEXT NOT NULL, PRIMARY KEY (table_name, row_id, principal_id));
CREATE INDEX shared_principal ON shared (table_name, principal_id);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE definition (table_name TEXT PRIMARY KEY, details TEXT NOT NULL);
CREATE TABLE global_choice (name TEXT PRIMARY KEY, details TEXT NOT NULL);
"""


def statements() -> tuple[str, ...]:
    """Return the statements for an empty database, in order."""
    own = [part.strip() for part in _OWN_TABLES.split(";\n") if part.strip()]
    made = [statement for table in BUILT_IN.tables for statement in table_statements(table)]
    return (*own, *made, *trigger_statements(BUILT_IN.tables))


def table_statements(table: Table) -> tuple[str, ...]:
    """Return the statements for a table with its indexes, without its triggers."""
    columns = ", ".join(f"{name} {_type_of(table, name)}" for name in table.stored)
    return (f"CREATE TABLE {table.name} ({columns})", *_indexes(table))


def column_statements(table: Table, column: Column) -> tuple[str, ...]:
    """Return the statements that add a column to an existing table."""
    names = [column.name, *([column.type_column] if column.is_polymorphic else [])]
    return tuple(f"ALTER TABLE {table.name} ADD COLUMN {name} {_type_of(table, name)}" for name in names)


def key_statement(table: Table, key: AlternateKey) -> str:
    """Return the statement for a unique index; rows with an empty key column never conflict."""
    parts = ", ".join(_indexed_as(table.by_name[name]) for name in key.columns)
    return f"CREATE UNIQUE INDEX {table.name}_key_{key.name} ON {table.name} ({parts})"


def trigger_statements(tables: Iterable[Table]) -> tuple[str, ...]:
    return tuple(_trigger(table, *event) for table in _ledgered(tables) for event in _EVENTS)


def drop_trigger_statements(tables: Iterable[Table]) -> tuple[str, ...]:
    return tuple(f"DROP TRIGGER ledger_{table.name}_{event[0]}" for table in _ledgered(tables) for event in _EVENTS)


def _ledgered(tables: Iterable[Table]) -> Iterator[Table]:
    """Return the tables that the ledger shows; audit entries are not among them."""
    return (table for table in tables if any(column.ledgered for column in table.columns))


def signature() -> int:
    """Return a number that differs when the schema differs; it is the file's `user_version`."""
    return zlib.crc32("\n".join(statements()).encode()) & 0x7FFFFFFF


def _affinity(column: Column) -> str:
    if column.kind in _REAL:
        return "REAL"
    if column.kind in NUMBERS or column.kind in CHOICE_LIKE or column.kind is Kind.YES_NO:
        return "INTEGER"
    return "TEXT"


def _type_of(table: Table, stored_name: str) -> str:
    column = table.by_name.get(stored_name)
    if column is None:
        return "TEXT"
    return "TEXT NOT NULL PRIMARY KEY" if column is table.key else _affinity(column)


def _indexes(table: Table) -> Iterator[str]:
    yield f"CREATE UNIQUE INDEX {table.name}_version ON {table.name} (versionnumber)"
    for key in table.alternate_keys:
        yield key_statement(table, key)
    if table.link is not None:
        yield f"CREATE UNIQUE INDEX {table.name}_pair ON {table.name} ({', '.join(table.link.columns)})"
    for column in table.columns:
        is_lookup = column.kind is Kind.LOOKUP and column.ledgered and column.name != "ownerid"
        if is_lookup or column.indexed or column.name in table.indexes:
            yield f"CREATE INDEX {table.name}_{column.name}_found ON {table.name} ({_indexed_as(column)})"


def _indexed_as(column: Column) -> str:
    """Return the indexed expression, which ignores case in text, see `filters`."""
    return f"{column.name} COLLATE CI_AI" if column.kind in (Kind.TEXT, Kind.MEMO) else column.name


_EVENTS = (("insert", "POST", "NEW"), ("update", "PATCH", "NEW"), ("delete", "DELETE", "OLD"))


def _trigger(table: Table, event: str, method: str, alias: str) -> str:
    ledgered = (column for column in table.columns if column.ledgered)
    pairs = " UNION ALL ".join(_pair(column, event) for column in ledgered)
    return f"""CREATE TRIGGER ledger_{table.name}_{event} AFTER {event.upper()} ON {table.name}
WHEN (SELECT plugin FROM context) IS NOT {SILENT} BEGIN
INSERT INTO ledger (at, caller, on_behalf_of, method, table_name, row_id, changes, transaction_id, plugin, tag)
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), caller, on_behalf_of, '{method}', '{table.name}',
{alias}.{table.key.name},
(SELECT json_group_object(name, json(pair)) FROM ({pairs})),
transaction_id, plugin, tag FROM context; END"""  # noqa: S608 - names of the catalog


def _pair(column: Column, event: str) -> str:
    before = "NULL" if event == "insert" else _ledger_value(column, "OLD")
    after = "NULL" if event == "delete" else _ledger_value(column, "NEW")
    alias = {"insert": "NEW", "delete": "OLD"}.get(event)
    changed = f"{alias}.{column.name} IS NOT NULL" if alias else _differs(column)
    return f"SELECT '{column.name}' AS name, json_array({before}, {after}) AS pair WHERE {changed}"


def _differs(column: Column) -> str:
    names = [column.name, *([column.type_column] if column.is_polymorphic else [])]
    return " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in names)


def _ledger_value(column: Column, alias: str) -> str:
    """Return the ledger's form of a value: as the Web API reads it, a lookup as `table:id`."""
    value = f"{alias}.{column.name}"
    if column.kind is Kind.YES_NO:
        return f"CASE {value} WHEN 1 THEN json('true') WHEN 0 THEN json('false') END"
    if column.kind is Kind.LOOKUP:
        target = f"{alias}.{column.type_column}" if column.is_polymorphic else f"'{column.targets[0]}'"
        return f"{target} || ':' || {value}"
    return value


_IS_ON = "(SELECT max(isauditenabled) FROM organization) = 1 AND is_audited(NEW.table_name)"
# An audit entry has a calling user only if the write was impersonated ("Audit table").
_WRITE_ENTRIES = """INSERT INTO audit_detail
SELECT audit_id(), {seq}, key, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
FROM json_each(audit_parts(NEW.table_name, NEW.method, {changes},
(SELECT value FROM setting WHERE name = 'audit_delay')));
INSERT INTO audit (auditid, createdon, action, operation, objecttypecode, objectid, objectid_type, userid,
callinguserid, transactionid, changedata, versionnumber)
SELECT auditid, substr(NEW.at, 1, 19) || 'Z', action, operation, NEW.table_name, NEW.row_id, NEW.table_name,
coalesce(NEW.on_behalf_of, NEW.caller), CASE WHEN NEW.on_behalf_of IS NOT NULL THEN NEW.caller END,
printf('00000000-0000-4000-8000-%012x', NEW.transaction_id), changedata, 4 * NEW.seq + part
FROM audit_detail WHERE ledger_seq = {seq};"""
# The user's own write of the row that the plug-in restores, in the same transaction.
_RESTORED = """(SELECT max(seq) FROM ledger WHERE seq BETWEEN NEW.seq - 1000 AND NEW.seq - 1
AND transaction_id = NEW.transaction_id AND row_id = NEW.row_id AND plugin = 0)"""
_REMAINS = f"""(SELECT json_group_object(key, json(value)) FROM json_each(
(SELECT changes FROM ledger WHERE seq = {_RESTORED})) WHERE key NOT IN (SELECT key FROM json_each(NEW.changes)))"""  # noqa: S608 - constants
# Created for each connection of the sandbox, because other programs that open the file lack the functions.
AUDIT_TRIGGERS = (
    f"""CREATE TEMP TRIGGER audit_entry AFTER INSERT ON main.ledger
WHEN {_IS_ON} AND NOT (NEW.plugin = 1 AND NEW.method = 'PATCH') BEGIN
{_WRITE_ENTRIES.format(seq="NEW.seq", changes="NEW.changes")} END""",
    # A synchronous plug-in changes the values before they are stored, so auditing sees neither write.
    f"""CREATE TEMP TRIGGER audit_entry_of_plugin AFTER INSERT ON main.ledger
WHEN {_IS_ON} AND NEW.plugin = 1 AND NEW.method = 'PATCH' BEGIN
DELETE FROM audit WHERE auditid IN (SELECT auditid FROM audit_detail WHERE ledger_seq = {_RESTORED});
DELETE FROM audit_detail WHERE ledger_seq = {_RESTORED};
{_WRITE_ENTRIES.format(seq="NEW.seq", changes=_REMAINS)} END""",  # noqa: S608 - constants
)
