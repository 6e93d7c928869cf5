"""Emptying the sandbox and filling it anew, in one transaction and by bulk inserts."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from random import Random

from syncapp.sandbox import config, rows, schema
from syncapp.sandbox.catalogue import (
    ACCOUNT,
    BUILT_IN,
    CONTACT,
    SYNC_FIELD,
    SYNC_RECORD,
    SYSTEM_USER,
    TABLES,
    Table,
    current,
    registry,
)
from syncapp.sandbox.config import World
from syncapp.sandbox.seed import company, edits, material, synchronization
from syncapp.sandbox.seed.edits import Surroundings
from syncapp.sandbox.store import Author, Row, Store, Transaction

_CHUNK = 2_000


def reset(store: Store, world: World, *, base: datetime.datetime | None = None) -> dict[str, int]:
    """Replace all rows, the ledger and the tombstones; how many rows each table has afterwards.

    Delta tokens from before end (`epoch`), access tokens and the signing key stay. What is inserted here is not in the
    ledger.
    """
    moment = (base or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)
    with store.write(Author(config.APPLICATION_USER_ID)) as transaction:
        transaction.after_commit(transaction.known.forget)
        _forget_customizations(transaction.connection)
        with _silently(transaction.connection, world):
            _empty(transaction.connection)
            return _fill(transaction, world, moment)


@contextmanager
def _silently(connection: sqlite3.Connection, world: World) -> Iterator[None]:
    """Nothing inside is in the ledger. Many rows are deleted and inserted faster without triggers altogether."""
    held = connection.execute("SELECT count(*) FROM (SELECT 1 FROM contact LIMIT 3000)").fetchone()[0]
    is_large = max(held, world.contacts, world.pending, world.users) >= 3_000
    for statement in schema.drop_trigger_statements(BUILT_IN.tables) if is_large else ():
        connection.execute(statement)
    connection.execute("UPDATE context SET plugin = ?", (schema.SILENT,))
    yield
    connection.execute("UPDATE context SET plugin = 0")
    for statement in schema.trigger_statements(BUILT_IN.tables) if is_large else ():
        connection.execute(statement)


def _forget_customizations(connection: sqlite3.Connection) -> None:
    """Tables and columns that requests have made are gone as well."""
    for table in current().tables:
        built_in = BUILT_IN.by_name.get(table.name)
        if table is built_in:
            continue
        connection.execute(f"DROP TABLE {table.name}")
        if built_in is not None:
            for statement in (*schema.table_statements(built_in), *schema.trigger_statements([built_in])):
                connection.execute(statement)
    connection.execute("DELETE FROM definition")
    registry.put_in_force(BUILT_IN)


def _empty(connection: sqlite3.Connection) -> None:
    for name in (*(table.name for table in TABLES), "ledger", "tombstone"):
        connection.execute(f"DELETE FROM {name}")  # noqa: S608 - names of the catalogue
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'ledger'")
    connection.execute("DELETE FROM setting WHERE name = 'plugin'")
    connection.execute("UPDATE context SET epoch = epoch + 1")


def _fill(transaction: Transaction, world: World, base: datetime.datetime) -> dict[str, int]:
    random = Random(world.seed)  # noqa: S311 - believable data, not secrets
    long_ago = base - datetime.timedelta(days=1_000)
    for table, row in material.surroundings(long_ago):
        _insert(transaction, table, [row])
    people = material.users(random, world.users, long_ago)
    accounts = material.companies(random, world.contacts, long_ago)
    contacts = material.contacts(random, world.contacts, accounts, people[1:], base)
    planned = edits.plan(contacts, world.pending)
    edits.prepare(planned)
    apart = Random(f"company {world.seed}")  # noqa: S311 - as above
    _insert_company(transaction, apart, people, world, base)
    for table, found in ((SYSTEM_USER, people), (ACCOUNT, accounts), (CONTACT, contacts)):
        _insert(transaction, table, found)
    names = {str(row["accountid"]): str(row["name"]) for row in accounts}
    around = Surroundings(random, tuple(accounts), tuple(people[1:]), names)
    staged = edits.staged(planned, around, base)
    fields = _insert_staged(transaction, staged)
    return {
        "users": len(people),
        "accounts": len(accounts),
        "contacts": len(contacts),
        "pending": len(planned),
        "fields": fields,
    }


def _insert_company(
    transaction: Transaction, random: Random, people: list[Row], world: World, base: datetime.datetime
) -> None:
    """What surrounds the people: rights, mailboxes, filters, meetings. They draw from a generator of their own."""
    long_ago = base - datetime.timedelta(days=1_000)
    company.unsettle(people)
    _insert_mixed(transaction, company.security(long_ago))
    _insert_mixed(transaction, company.components(long_ago))
    _insert_mixed(transaction, company.roles_and_teams(random, people, long_ago))
    _insert_mixed(transaction, synchronization.system_views(long_ago))
    _insert_mixed(transaction, synchronization.mailboxes(random, people, long_ago))
    _insert_mixed(transaction, synchronization.filters(random, people, world.filters, long_ago))
    _insert_mixed(transaction, synchronization.meetings(random, people, base))


def _insert_mixed(transaction: Transaction, found: Iterable[tuple[Table, Row]]) -> None:
    """Rows of several tables, in chunks."""
    remaining = iter(found)
    while chunk := list(islice(remaining, _CHUNK)):
        by_table: dict[str, tuple[Table, list[Row]]] = {}
        for table, row in chunk:
            by_table.setdefault(table.name, (table, []))[1].append(row)
        for table, listed in by_table.values():
            _insert(transaction, table, listed)


def _insert_staged(transaction: Transaction, staged: Iterable[tuple[Row, list[Row]]]) -> int:
    remaining, total = iter(staged), 0
    while chunk := list(islice(remaining, _CHUNK)):
        _insert(transaction, SYNC_RECORD, [record for record, _ in chunk])
        fields = [field for _, found in chunk for field in found]
        _insert(transaction, SYNC_FIELD, fields)
        total += len(fields)
    return total


def _insert(transaction: Transaction, table: Table, found: list[Row]) -> None:
    connection = transaction.connection
    first = int(connection.execute("SELECT version FROM context").fetchone()[0])
    for offset, row in enumerate(found, start=1):
        row["versionnumber"] = first + offset
    connection.executemany(rows.insert_statement(table), found)
    connection.execute("UPDATE context SET version = ?", (first + len(found),))
