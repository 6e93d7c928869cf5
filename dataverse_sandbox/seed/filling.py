"""The reset of the sandbox, in one transaction and by bulk inserts.

Small worlds are remembered. If one is wanted again, only the tables that the ledger names are
filled again, and those that differ from the previous world: tests reset the sandbox hundreds of times.
"""

from __future__ import annotations

import datetime
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from dataverse_sandbox import config, key_indexes, rows, schema
from dataverse_sandbox.catalog import (
    ACCOUNT,
    BUILT_IN,
    CONTACT,
    SYNC_FIELD,
    SYNC_RECORD,
    SYSTEM_USER,
    Table,
    current,
    registry,
)
from dataverse_sandbox.config import World
from dataverse_sandbox.seed import customer
from dataverse_sandbox.seed.world import TableRow, rows_of
from dataverse_sandbox.store import Author, Layout, Row, Store, Transaction

_CHUNK = 2_000
_MAX_REMEMBERED = 2_000
_COUNTED = {
    "users": SYSTEM_USER,
    "accounts": ACCOUNT,
    "contacts": CONTACT,
    "pending": SYNC_RECORD,
    "fields": SYNC_FIELD,
}


def reset(store: Store, world: World, *, base: datetime.datetime | None = None, bare: bool = False) -> dict[str, int]:
    """Replace all rows, the ledger and the tombstones; return the number of rows per table.

    Old delta tokens become invalid (`epoch`); access tokens and the signing key stay. Rows inserted here are not in the
    ledger. `base` is this minute unless it is given. With `bare`, the company has none of the tables, columns and
    components named osync_*.
    """
    moment = (
        base.replace(microsecond=0) if base else datetime.datetime.now(datetime.UTC).replace(second=0, microsecond=0)
    )
    with store.write(Author(config.APPLICATION_USER_ID)) as transaction:
        transaction.after_commit(transaction.known.forget)
        remade = _forget_customizations(transaction.connection)
        world = replace(world, pending=0) if bare else world
        if world.users * world.filters + world.contacts + world.pending > _MAX_REMEMBERED:
            counts = _stream(transaction, world, moment)
            transaction.after_commit(lambda: store.lay_out(None))
        else:
            wanted = _layout(world, moment)
            counts = _restore(transaction, store.laid_out, wanted, remade)
            transaction.after_commit(lambda: store.lay_out(wanted))
        if bare:
            with _silently(transaction.connection, without_triggers=False):
                customer.strip(transaction)
            transaction.after_commit(lambda: store.lay_out(None))
        _start_over(transaction.connection)
    return {word: counts[table.name] for word, table in _COUNTED.items()}


@lru_cache(maxsize=4)
def _layout(world: World, base: datetime.datetime) -> Layout:
    found: dict[str, list[Row]] = {table.name: [] for table in BUILT_IN.tables}
    for table, row in rows_of(world, base):
        found[table.name].append(row)
    return {name: tuple(listed) for name, listed in found.items()}


def _restore(transaction: Transaction, before: Layout | None, wanted: Layout, remade: set[str]) -> Mapping[str, int]:
    """Fill the tables that differ from the wanted rows."""
    connection = transaction.connection
    touched = remade | {name for (name,) in connection.execute("SELECT DISTINCT table_name FROM ledger")}
    with _silently(connection, without_triggers=False):
        for name, listed in wanted.items():
            if before is None or name in touched or before[name] != listed:
                connection.execute(f"DELETE FROM {name}")  # noqa: S608 - names of the catalog
                _insert(transaction, BUILT_IN.by_name[name], listed)
    return {name: len(listed) for name, listed in wanted.items()}


def _stream(transaction: Transaction, world: World, base: datetime.datetime) -> Mapping[str, int]:
    """Replace many rows without triggers, which is faster, and without holding them in memory."""
    counts: Counter[str] = Counter()
    with _silently(transaction.connection, without_triggers=True):
        for table in BUILT_IN.tables:
            transaction.connection.execute(f"DELETE FROM {table.name}")  # noqa: S608 - names of the catalog
        for table, listed in _by_table(rows_of(world, base)):
            _insert(transaction, table, listed)
            counts[table.name] += len(listed)
    return counts


def _by_table(found: Iterable[TableRow]) -> Iterator[tuple[Table, list[Row]]]:
    remaining = iter(found)
    while chunk := list(islice(remaining, _CHUNK)):
        by_table: dict[str, tuple[Table, list[Row]]] = {}
        for table, row in chunk:
            by_table.setdefault(table.name, (table, []))[1].append(row)
        yield from by_table.values()


@contextmanager
def _silently(connection: sqlite3.Connection, *, without_triggers: bool) -> Iterator[None]:
    """Keep the writes inside out of the ledger."""
    for statement in schema.drop_trigger_statements(BUILT_IN.tables) if without_triggers else ():
        connection.execute(statement)
    connection.execute("UPDATE context SET plugin = ?", (schema.SILENT,))
    yield
    connection.execute("UPDATE context SET plugin = 0")
    for statement in schema.trigger_statements(BUILT_IN.tables) if without_triggers else ():
        connection.execute(statement)


def _forget_customizations(connection: sqlite3.Connection) -> set[str]:
    """Drop tables and columns that requests added, and rebuild changed built-in tables."""
    remade = set()
    present = current().by_name
    for name, table in present.items():
        if table is not BUILT_IN.by_name.get(name):
            connection.execute(f"DROP TABLE {name}")
    for name, built_in in BUILT_IN.by_name.items():
        if present.get(name) is not built_in:
            remade.add(name)
            for statement in (*schema.table_statements(built_in), *schema.trigger_statements([built_in])):
                connection.execute(statement)
    connection.execute("DELETE FROM definition")
    connection.execute("DELETE FROM global_choice")
    registry.put_in_force(BUILT_IN)
    return remade


def _start_over(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM ledger")
    connection.execute("DELETE FROM tombstone")
    connection.execute("DELETE FROM shared")
    connection.execute("DELETE FROM audit")
    connection.execute("DELETE FROM audit_detail")
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'ledger'")
    statement = "DELETE FROM setting WHERE name IN ('plugin', 'synchronization', ?) OR name LIKE 'audit_%'"
    connection.execute(statement, (key_indexes.SETTING,))
    connection.execute("UPDATE context SET epoch = epoch + 1")


def _insert(transaction: Transaction, table: Table, found: Sequence[Row]) -> None:
    connection = transaction.connection
    first = int(connection.execute("SELECT version FROM context").fetchone()[0]) + 1
    numbered = ({**row, "versionnumber": version} for version, row in enumerate(found, start=first))
    connection.executemany(rows.insert_statement(table), numbered)
    connection.execute("UPDATE context SET version = version + ?", (len(found),))
