"""Emptying the sandbox and filling it anew, in one transaction and by bulk inserts."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Iterable
from itertools import islice
from random import Random

from syncapp.sandbox import config, rows, schema
from syncapp.sandbox.catalogue import ACCOUNT, CONTACT, SYNC_FIELD, SYNC_RECORD, SYSTEM_USER, TABLES, Table
from syncapp.sandbox.config import World
from syncapp.sandbox.seed import edits, material
from syncapp.sandbox.seed.edits import Surroundings
from syncapp.sandbox.store import Author, Row, Store, Transaction

_CHUNK = 2_000


def reset(store: Store, world: World, *, base: datetime.datetime | None = None) -> dict[str, int]:
    """Replace all rows, the ledger and the tombstones; how many rows each table has afterwards.

    Delta tokens from before end (`epoch`), access tokens and the signing key stay. What is inserted here is not in the
    ledger: the triggers are away meanwhile, which also makes 100,000 rows a matter of seconds.
    """
    moment = (base or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)
    with store.write(Author(config.APPLICATION_USER_ID)) as transaction:
        for statement in schema.drop_trigger_statements():
            transaction.connection.execute(statement)
        _empty(transaction.connection)
        counts = _fill(transaction, world, moment)
        for statement in schema.trigger_statements():
            transaction.connection.execute(statement)
    return counts


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
