"""The sandbox's own SQLite file: opening it, reading snapshots, writing one transaction at a time.

Writers queue on a lock of this process before `BEGIN IMMEDIATE`, because SQLite's own waiting is polling. Version
numbers are assigned inside the write transaction and so in the order of commits: a snapshot that holds version N holds
every smaller one. Change tracking depends on that.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dataverse_sandbox import audit_functions, definitions, rights, schema, texts
from dataverse_sandbox.catalog import BUILT_IN, Catalog, registry
from dataverse_sandbox.rights import UNRESTRICTED, Rights, User, UserCache

Row = dict[str, object]
Layout = Mapping[str, tuple[Row, ...]]


@dataclass(frozen=True)
class Author:
    """The users of a write: `caller` acts, `delegate` is the calling user if that is a different one."""

    caller: str
    delegate: str | None = None
    rights: Rights = UNRESTRICTED


@dataclass(frozen=True)
class Transaction:
    """An open write transaction.

    `bypasses_plugin` skips the company's logic; `detects_duplicates` refuses duplicates.
    """

    connection: sqlite3.Connection
    author: Author
    known: UserCache
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    bypasses_plugin: bool = False
    detects_duplicates: bool = False

    def next_version(self) -> int:
        statement = "UPDATE context SET version = version + 1 RETURNING version"
        return int(self.connection.execute(statement).fetchone()[0])

    def tag(self, tag: str) -> None:
        """Set the `tag` of the following writes; each operation of a change set may have its own."""
        self.connection.execute("UPDATE context SET tag = ?", (tag,))

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call a function after everything is stored, and only then."""
        self.afterwards.append(call)

    @contextmanager
    def as_plugin(self) -> Iterator[None]:
        """Mark the writes inside as the plug-in's in the ledger."""
        self.connection.execute("UPDATE context SET plugin = 1")
        yield
        self.connection.execute("UPDATE context SET plugin = 0")


_WHO_WRITES = (
    "UPDATE context SET caller = ?, on_behalf_of = ?, tag = '', plugin = 0, transaction_id = transaction_id + 1"
)


class Store:
    """The connections to one file; each serves one request at a time."""

    def __init__(self, path: Path, *, synchronous: str = "NORMAL") -> None:
        self.path = path
        self._synchronous = synchronous
        self._idle: list[sqlite3.Connection] = []
        self._writing = threading.Lock()
        self.known = UserCache()
        self.catalog: Catalog = BUILT_IN
        self.laid_out: Layout | None = None
        self._has_tables = False
        self.is_new = self._prepare()

    def _prepare(self) -> bool:
        """Create the tables if the file is new or of another version; return whether it was."""
        with self._connection() as connection:
            signature = schema.signature()
            is_current = connection.execute("PRAGMA user_version").fetchone()[0] == signature
            if is_current:
                self.catalog = definitions.load(connection)
            else:
                _create_tables(connection, signature)
            self._has_tables = True
            _audit(connection)
            return not is_current

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=30, cached_statements=512
        )
        connection.row_factory = sqlite3.Row
        texts.install(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA cache_size = -65536")
        if self._has_tables:
            _audit(connection)
        return connection

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._idle.append(connection)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open a snapshot: everything read inside belongs to the same moment."""
        with self.catalog.in_force(), self._connection() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def write(self, author: Author, *, bypasses_plugin: bool = False) -> Iterator[Transaction]:
        """Open a transaction, which an exception rolls back; new tables take effect when it is committed."""
        with self._writing, self.catalog.in_force(), self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_WHO_WRITES, (author.delegate or author.caller, author.delegate and author.caller))
            transaction = Transaction(connection, author, self.known, bypasses_plugin=bypasses_plugin)
            yield transaction
            connection.execute("COMMIT")
            self.catalog = registry.current()
            for call in transaction.afterwards:
                call()

    def lay_out(self, layout: Layout | None) -> None:
        """Remember the rows of all tables with an empty ledger; None when they are too many."""
        self.laid_out = layout

    def user(self, user_id: str) -> User | None:
        """Return a user with their rights."""
        return self.known.user(user_id, self._load_user)

    def _load_user(self, user_id: str) -> User | None:
        with self.read() as connection:
            return rights.load(connection, user_id)

    def fetch(self, statement: str, parameters: tuple[object, ...] = ()) -> sqlite3.Row | None:
        """Return the first row of a single statement, outside any transaction."""
        with self._connection() as connection:
            found: sqlite3.Row | None = connection.execute(statement, parameters).fetchone()
            return found

    def execute(self, statement: str, parameters: tuple[object, ...] = ()) -> int:
        """Run and commit one statement on the sandbox's own tables; return the number of changed rows."""
        with self._writing, self._connection() as connection:
            return connection.execute(statement, parameters).rowcount

    def take(self, statement: str, parameters: tuple[object, ...]) -> sqlite3.Row | None:
        """Return the row that a `DELETE ... RETURNING` removed; only one of several callers gets it."""
        with self._writing, self._connection() as connection:
            found: list[sqlite3.Row] = connection.execute(statement, parameters).fetchall()
            return found[0] if found else None

    def setting(self, name: str) -> str | None:
        found = self.fetch("SELECT value FROM setting WHERE name = ?", (name,))
        return None if found is None else str(found[0])

    def set_setting(self, name: str, value: str) -> None:
        self.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _create_tables(connection: sqlite3.Connection, signature: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    _drop_everything(connection)
    for statement in schema.statements():
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {signature}")
    connection.execute("COMMIT")


def _audit(connection: sqlite3.Connection) -> None:
    """Write audit entries with the ledger's, on this connection."""
    audit_functions.install(connection)
    for statement in schema.AUDIT_TRIGGERS:
        connection.execute(statement)


def _drop_everything(connection: sqlite3.Connection) -> None:
    wanted = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for (name,) in connection.execute(wanted).fetchall():
        connection.execute(f'DROP TABLE "{name}"')
