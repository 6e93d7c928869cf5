"""Operations on one row: create, update (upsert), delete, with preconditions and the plug-in.

Web API, change sets and the control pages call these inside a transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataverse_sandbox import checks, duplicates, errors, payload, plugin, rows, visibility
from dataverse_sandbox.catalog import BY_NAME, ManyToMany, OneToMany, Table, current
from dataverse_sandbox.payload import Address
from dataverse_sandbox.plugin import Staged
from dataverse_sandbox.store import Row, Transaction


@dataclass(frozen=True)
class Conditions:
    """`If-Match` and `If-None-Match` as sent; '' when absent ("Perform conditional operations using the Web API")."""

    if_match: str = ""
    if_none_match: str = ""


NO_CONDITIONS = Conditions()
Bodies = list[dict[str, object]]
MAX_DEPTH = 5


@dataclass(frozen=True)
class Written:
    """The row after the write; `staged` is the plug-in's result."""

    table: Table
    row: Row
    created: bool
    staged: Staged | None = None

    @property
    def id(self) -> str:
        return str(self.row[self.table.key.name])


def etag(row: Mapping[str, object]) -> str:
    return f'W/"{row["versionnumber"]}"'


def create(transaction: Transaction, table: Table, body: Mapping[str, object]) -> Written:
    """Create a row, and the rows nested in its body."""
    return _create(transaction, table, body, {})


def _create(transaction: Transaction, table: Table, body: Mapping[str, object], fixed: Row, depth: int = 0) -> Written:
    _may(transaction, "Create", table, is_top=not depth)
    if depth > MAX_DEPTH:
        raise errors.bad_payload("The rows are nested too deeply.")
    changes = payload.decode(transaction.connection, table, body, creating=True)
    inside = payload.nested(table, body)
    for name in [name for name in inside if name in table.navigations]:
        changes |= _referenced(transaction, table, name, inside.pop(name)[0], depth)
    checks.before_write(table, None, changes)
    duplicates.check(transaction, table, {}, changes)
    row = rows.create(transaction, table, {**changes, **fixed})
    visibility.check_row(transaction.connection, table, row, transaction.author.rights, "WriteAccess")
    checks.after_write(transaction, table, row)
    for name, bodies in inside.items():
        _create_below(transaction, table, str(row[table.key.name]), name, bodies, depth)
    return Written(table, row, created=True)


def _referenced(transaction: Transaction, table: Table, name: str, body: Mapping[str, object], depth: int) -> Row:
    column, targets = table.navigations[name]
    target = BY_NAME[targets[0]]
    made = _create(transaction, target, body, {}, depth + 1)
    return rows.reference(column, target.name, made.id)


def _create_below(transaction: Transaction, table: Table, row_id: str, name: str, bodies: Bodies, depth: int) -> None:
    found = current().collections(table)[name]
    if isinstance(found, ManyToMany):
        raise errors.unknown(f"nested rows in '{name}'")
    _create_all(transaction, found, row_id, bodies, depth=depth + 1)


def _create_all(transaction: Transaction, found: OneToMany, row_id: str, bodies: Bodies, *, depth: int) -> None:
    fixed = rows.reference(found.column, found.referenced.name, row_id)
    for body in bodies:
        _create(transaction, found.referencing, body, fixed, depth)


def update(
    transaction: Transaction,
    address: Address,
    body: Mapping[str, object],
    *,
    conditions: Conditions = NO_CONDITIONS,
) -> Written:
    """Update a row by PATCH, or create it if it is absent and the conditions allow that."""
    table = address.table
    row = address.find(transaction.connection)
    if row is None:
        return _create_by_upsert(transaction, address, body, conditions)
    _may(transaction, "Write", table)
    visibility.check_row(transaction.connection, table, row, transaction.author.rights, "WriteAccess")
    _check(row, conditions)
    parts = _parts(table, body)
    changes = payload.decode(transaction.connection, table, body, creating=False)
    checks.before_write(table, row, changes)
    duplicates.check(transaction, table, row, changes)
    after = rows.update(transaction, table, row, changes)
    checks.after_write(transaction, table, after)
    staged = None
    if not transaction.bypasses_plugin and plugin.concerns(
        transaction.connection, table, changes, transaction.author.caller
    ):
        after, staged = plugin.stage_and_restore(transaction, row, after)
    for found, bodies in parts:
        _replace_parts(transaction, found, str(row[table.key.name]), bodies)
    return Written(table, after, created=False, staged=staged)


def _parts(table: Table, body: Mapping[str, object]) -> list[tuple[OneToMany, Bodies]]:
    """Return the lists of parties in an update; other rows cannot be nested there."""
    found: list[tuple[OneToMany, Bodies]] = []
    for name, bodies in payload.nested(table, body).items():
        collection = current().collections(table).get(name)
        if not isinstance(collection, OneToMany) or not collection.referencing.is_part:
            raise errors.bad_payload("Rows cannot be nested in an update.")
        found.append((collection, bodies))
    return found


def _replace_parts(transaction: Transaction, found: OneToMany, row_id: str, bodies: Bodies) -> None:
    """Replace a list of parties by the one in the update, as environments do."""
    part, column = found.referencing, found.column
    statement = f"SELECT {part.key.name} FROM {part.name} WHERE {column.name} = ?"  # noqa: S608 - catalog
    for (old,) in transaction.connection.execute(statement, (row_id,)).fetchall():
        rows.delete(transaction, part, str(old))
    _create_all(transaction, found, row_id, bodies, depth=1)


def _create_by_upsert(
    transaction: Transaction, address: Address, body: Mapping[str, object], conditions: Conditions
) -> Written:
    if conditions.if_match:
        raise address.missing()
    return _create(transaction, address.table, body, address.key_values())


def delete(transaction: Transaction, address: Address, *, conditions: Conditions = NO_CONDITIONS) -> None:
    _may(transaction, "Delete", address.table)
    row = address.existing(transaction.connection)
    visibility.check_row(transaction.connection, address.table, row, transaction.author.rights, "DeleteAccess")
    _check(row, conditions)
    rows.delete(transaction, address.table, str(row[address.table.key.name]))


def _may(transaction: Transaction, verb: str, table: Table, *, is_top: bool = True) -> None:
    if table.is_part and is_top:
        raise errors.not_supported({"Write": "Update"}.get(verb, verb), table.name)
    if not table.writable:
        raise errors.unknown(f"writing to '{table.set_name}'")
    transaction.author.rights.require(visibility.privilege(verb, table), table.name)


def _check(row: Row, conditions: Conditions) -> None:
    if conditions.if_match not in ("", "*", etag(row)):
        raise errors.version_mismatch()
    if conditions.if_none_match == "*":
        raise errors.already_exists()
