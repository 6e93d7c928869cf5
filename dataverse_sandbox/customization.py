"""Tables, columns and keys created while the sandbox runs; all requests see them after the commit."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from dataverse_sandbox import column_definitions, definitions, errors, key_indexes, rows, schema
from dataverse_sandbox.catalog import (
    BUILT_IN,
    PRIVILEGE,
    SDK_MESSAGE_FILTER,
    AlternateKey,
    Column,
    Kind,
    Table,
    current,
    registry,
)
from dataverse_sandbox.catalog.columns import nothing_computed, owning, owning_of, state_columns, system_columns
from dataverse_sandbox.column_definitions import Body, is_true, label_of, schema_name_of
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.metadata.tables import is_custom
from dataverse_sandbox.store import Transaction

_FIRST_CODE = 10_200
_VERBS = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")


def create_table(transaction: Transaction, body: Body) -> Table:
    """Create a table with the defined columns. Raises ApiError 400."""
    schema_name = schema_name_of(body)
    name = schema_name.lower()
    if name in current().by_name:
        raise errors.bad_payload(f"A table with the name '{name}' exists already.")
    key, plural = f"{name}id", str(body.get("EntitySetName") or _plural(name))
    own, primary = _given_columns(body)
    is_owned = body.get("OwnershipType", "UserOwned") == "UserOwned"
    table = Table(
        name=name,
        set_name=plural,
        label=label_of(body, "DisplayName", schema_name),
        plural_label=label_of(body, "DisplayCollectionName", schema_name),
        object_type_code=next_code(),
        primary_name=primary,
        columns=(
            *system_columns(key, label_of(body, "DisplayName", schema_name)),
            *own,
            *(owning() if is_owned else ()),
            *state_columns("Active", "Inactive"),
        ),
        change_tracking=is_true(body.get("ChangeTrackingEnabled")),
        audited=is_true(body.get("IsAuditEnabled")),
        privilege=schema_name,
        schema_name=schema_name,
        is_custom=True,
        computed=owning_of if is_owned else nothing_computed,
    )
    _check_names(table)
    put(transaction, table, schema.table_statements(table))
    _announce(transaction, table)
    return table


def _check_names(table: Table) -> None:
    if len({column.name for column in table.columns}) < len(table.columns):
        raise errors.bad_payload("Two columns have the same name.")
    if table.set_name in current().by_set or not table.set_name.replace("_", "").isalnum():
        raise errors.bad_payload(f"A table with the set name '{table.set_name[:60]}' exists already.")


def _given_columns(body: Body) -> tuple[list[Column], str]:
    given = body.get("Attributes") or []
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise errors.bad_payload("'Attributes' is a list of columns.")
    found = [column_definitions.read(item) for item in given]
    primary = [column for column, item in zip(found, given, strict=True) if is_true(item.get("IsPrimaryName"))]
    if len(primary) != 1 or primary[0].kind is not Kind.TEXT:
        raise errors.bad_payload("A table needs one text column with IsPrimaryName.")
    return found, primary[0].name


def _plural(name: str) -> str:
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "z", "ch", "sh")) else f"{name}s"


def next_code() -> int:
    return max(_FIRST_CODE, *(table.object_type_code + 1 for table in current().tables))


def put(transaction: Transaction, table: Table, statements: tuple[str, ...] = ()) -> None:
    """Store the table in the file and the catalog, and recreate its triggers for its current columns."""
    connection = transaction.connection
    for old in schema.drop_trigger_statements([table]):
        connection.execute(old.replace("DROP TRIGGER", "DROP TRIGGER IF EXISTS"))
    for statement in (*statements, *schema.trigger_statements([table])):
        connection.execute(statement)
    definitions.save(connection, table)
    registry.put_in_force(current().with_table(table))


def _announce(transaction: Transaction, table: Table) -> None:
    """Give a new table privileges and messages."""
    for verb in _VERBS:
        rows.create(transaction, PRIVILEGE, {"name": f"prv{verb}{table.privilege}"})
    for message_id, message in transaction.connection.execute("SELECT sdkmessageid, name FROM sdkmessage").fetchall():
        values = {"name": message, "primaryobjecttypecode": table.name, "sdkmessageid": message_id}
        rows.create(transaction, SDK_MESSAGE_FILTER, {**values, "secondaryobjecttypecode": "none"})


def change_table(transaction: Transaction, table: Table, body: Body) -> Table:
    """Change labels, auditing, and change tracking, which cannot be switched off again."""
    changed = replace(
        table,
        label=label_of(body, "DisplayName", table.label),
        plural_label=label_of(body, "DisplayCollectionName", table.plural_label),
        change_tracking=table.change_tracking or is_true(body.get("ChangeTrackingEnabled")),
        audited=is_true(body["IsAuditEnabled"]) if "IsAuditEnabled" in body else table.audited,
    )
    put(transaction, changed)
    return changed


def drop_table(transaction: Transaction, table: Table) -> None:
    if not table.is_custom:
        raise errors.bad_payload(f"The table '{table.name}' cannot be deleted.")
    for other in current().tables:
        if other.name != table.name and any(table.name in column.targets for column in other.columns):
            message = f"The {table.name} component cannot be deleted because it is referenced by '{other.name}'."
            raise ApiError(400, "0x8004F01F", message)
    transaction.connection.execute(f"DROP TABLE {table.name}")
    for kind, name, value in _belongings(table):
        statement = f"DELETE FROM {kind} WHERE {name} = ?"  # noqa: S608 - names of the catalog
        transaction.connection.execute(statement, (value,))
    definitions.forget(transaction.connection, table)
    registry.put_in_force(current().without(table.name))


def _belongings(table: Table) -> list[tuple[str, str, str]]:
    privileges = [(PRIVILEGE.name, "name", f"prv{verb}{table.privilege}") for verb in _VERBS if table.privilege]
    return [
        *privileges,
        (SDK_MESSAGE_FILTER.name, "primaryobjecttypecode", table.name),
        ("tombstone", "table_name", table.name),
    ]


def add_column(transaction: Transaction, table: Table, body: Body) -> Column:
    column = column_definitions.read(body)
    add(transaction, table, column)
    return column


def add(transaction: Transaction, table: Table, column: Column) -> None:
    """Add a column. Raises ApiError 400 when the table has one of that name."""
    if column.name in table.by_name or column.name in table.stored:
        raise errors.bad_payload(f"The column '{column.name}' exists already in '{table.name}'.")
    changed = replace(table, columns=(*table.columns, column))
    statements = schema.column_statements(changed, column)
    if column.kind is Kind.LOOKUP:
        statements = (*statements, f"CREATE INDEX {table.name}_{column.name}_found ON {table.name} ({column.name})")
    put(transaction, changed, statements)


def change_column(transaction: Transaction, table: Table, column: Column, body: Body) -> None:
    replace_column(transaction, table, column_definitions.changed(column, body))


def replace_column(transaction: Transaction, table: Table, column: Column) -> None:
    """Replace a column by name; the table may have changed since it was read."""
    table = current().by_name[table.name]
    columns = tuple(column if old.name == column.name else old for old in table.columns)
    put(transaction, replace(table, columns=columns))


def drop_column(transaction: Transaction, table: Table, column: Column) -> None:
    built_in = BUILT_IN.by_name.get(table.name)
    is_fixed = column.name == table.primary_name or column.name in {found.name for found in system_columns("", "")}
    is_microsofts = built_in and column.name in built_in.by_name and not is_custom(table, column)
    if is_fixed or column is table.key or is_microsofts:
        raise errors.bad_payload(f"The column '{column.name}' of '{table.name}' cannot be deleted.")
    if any(column.name in key.columns for key in table.alternate_keys):
        raise ApiError(400, "0x8004F01F", f"The column '{column.name}' is part of a key.")
    changed = replace(table, columns=tuple(old for old in table.columns if old.name != column.name))
    for statement in schema.drop_trigger_statements([table]):
        transaction.connection.execute(statement)
    names = [column.name, *([column.type_column] if column.is_polymorphic else [])]
    drops = tuple(f"ALTER TABLE {table.name} DROP COLUMN {name}" for name in names)
    put(transaction, changed, (f"DROP INDEX IF EXISTS {table.name}_{column.name}_found", *drops))


def add_key(transaction: Transaction, table: Table, body: Body) -> AlternateKey:
    """Add an alternate key ("Define alternate keys"). Raises ApiError 400 when rows share its values."""
    names = body.get("KeyAttributes")
    if not isinstance(names, list) or not names or any(name not in table.by_name for name in names):
        raise errors.bad_payload(f"'KeyAttributes' is a list of columns of '{table.name}'.")
    schema_name = schema_name_of(body)
    key = AlternateKey(
        tuple(str(name) for name in names),
        schema_name,
        label_of(body, "DisplayName", schema_name),
        active_from=key_indexes.active_from(transaction.connection),
    )
    if any(key.name == known.name for known in table.alternate_keys):
        raise errors.bad_payload(f"The key '{key.name}' exists already.")
    changed = replace(table, alternate_keys=(*table.alternate_keys, key))
    try:
        put(transaction, changed, (schema.key_statement(changed, key),))
    except sqlite3.IntegrityError:
        raise errors.bad_payload("Rows share the values of the key.") from None
    return key


def drop_key(transaction: Transaction, table: Table, key: AlternateKey) -> None:
    changed = replace(table, alternate_keys=tuple(known for known in table.alternate_keys if known != key))
    put(transaction, changed, (f"DROP INDEX IF EXISTS {table.name}_key_{key.name}",))
