"""What a request or a page can do to one row: create, update (upsert), delete, with preconditions and the plug-in.

Web API, change sets and the control pages call these; a transaction is open around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncapp.sandbox import errors, payload, plugin, rows
from syncapp.sandbox.catalogue import Table
from syncapp.sandbox.payload import Address
from syncapp.sandbox.plugin import Staged
from syncapp.sandbox.store import Row, Transaction


@dataclass(frozen=True)
class Conditions:
    """`If-Match` and `If-None-Match` as sent; '' when absent ("Perform conditional operations using the Web API")."""

    if_match: str = ""
    if_none_match: str = ""


NO_CONDITIONS = Conditions()


@dataclass(frozen=True)
class Written:
    """The row after the write; `staged` tells what the plug-in did with it."""

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
    _must_be_writable(table)
    changes = payload.decode(transaction.connection, table, body, creating=True)
    return Written(table, rows.create(transaction, table, changes), created=True)


def update(
    transaction: Transaction,
    address: Address,
    body: Mapping[str, object],
    *,
    conditions: Conditions = NO_CONDITIONS,
) -> Written:
    """PATCH: updates, or creates where the row is absent and the conditions allow it."""
    _must_be_writable(address.table)
    row = address.find(transaction.connection)
    if row is None:
        return _create_by_upsert(transaction, address, body, conditions)
    _check(row, conditions)
    changes = payload.decode(transaction.connection, address.table, body, creating=False)
    after = rows.update(transaction, address.table, row, changes)
    staged = None
    if plugin.concerns(transaction.connection, address.table, changes):
        after, staged = plugin.stage_and_restore(transaction, row, after)
    return Written(address.table, after, created=False, staged=staged)


def _create_by_upsert(
    transaction: Transaction, address: Address, body: Mapping[str, object], conditions: Conditions
) -> Written:
    if conditions.if_match:
        raise errors.does_not_exist(address.table.name, address.row_id or f"{address.alternate}")
    changes = payload.decode(transaction.connection, address.table, body, creating=True)
    created = rows.create(transaction, address.table, {**changes, **address.key_values()})
    return Written(address.table, created, created=True)


def delete(transaction: Transaction, address: Address, *, conditions: Conditions = NO_CONDITIONS) -> None:
    _must_be_writable(address.table)
    row = address.existing(transaction.connection)
    _check(row, conditions)
    rows.delete(transaction, address.table, str(row[address.table.key.name]))


def _check(row: Row, conditions: Conditions) -> None:
    if conditions.if_match not in ("", "*", etag(row)):
        raise errors.version_mismatch()
    if conditions.if_none_match == "*":
        raise errors.already_exists()


def _must_be_writable(table: Table) -> None:
    if not table.writable:
        raise errors.unknown(f"writing to '{table.set_name}'")
