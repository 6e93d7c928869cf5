"""A database for the journeys, shared by the test and its processes, so not in memory."""

from __future__ import annotations

import copy
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
from django.core.management import call_command
from django.db import connections

from tests.support import servers

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker


@dataclass(frozen=True, slots=True)
class Database:
    """A database with its URL for processes and its settings for this process."""

    url: str
    mapping: dict[str, Any]

    @property
    def address(self) -> str:
        """Return `host:port` of the server, '' for a file."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @contextmanager
    def used_here(self) -> Iterator[None]:
        """Use this database for the models of this process inside the context."""
        others, before = connections.settings["default"], connections["default"]
        connections.settings["default"] = self.mapping
        del connections["default"]
        try:
            yield
        finally:
            connections["default"].close()
            connections.settings["default"] = others
            connections["default"] = before

    def back_up(self, file: Path) -> None:
        """Dump the committed data into a file while other processes write."""
        if self.is_postgres:
            servers.run_postgres_program("pg_dump", "--format=custom", f"--file={file}", self.url)
        else:
            with closing(sqlite3.connect(self.mapping["NAME"])) as source:
                source.execute("VACUUM INTO ?", [str(file)])

    def restore(self, file: Path) -> None:
        """Restore the database from the file; there must be no connections."""
        connections["default"].close()
        if self.is_postgres:
            options = ["--clean", "--if-exists", "--no-owner", "--exit-on-error", f"--dbname={self.url}"]
            servers.run_postgres_program("pg_restore", *options, str(file))
            return
        path = Path(self.mapping["NAME"])
        for leftover in ("-wal", "-shm"):
            path.with_name(path.name + leftover).unlink(missing_ok=True)
        shutil.copyfile(file, path)

    @property
    def is_postgres(self) -> bool:
        """Return whether it is a PostgreSQL database."""
        return self.url.startswith("postgres")


@contextmanager
def fresh_database(folder: Path, blocker: DjangoDbBlocker, *, name: str, port: int | None = None) -> Iterator[Database]:
    """Create a migrated database of the kind under test; `port` selects another local PostgreSQL."""
    with empty_database(folder, name=name, port=port) as database:
        with blocker.unblock(), database.used_here():
            call_command("migrate", verbosity=0, interactive=False)
        yield database


@contextmanager
def empty_database(folder: Path, *, name: str, port: int | None = None) -> Iterator[Database]:
    """Create an empty database of the kind under test: a SQLite file, or one on its PostgreSQL."""
    mapping = copy.deepcopy(connections.settings["default"]) | ({"PORT": port} if port else {})
    make = _on_postgres if "postgresql" in mapping["ENGINE"] else _in_a_file
    with make(mapping, folder, name) as database:
        yield database


@contextmanager
def _in_a_file(mapping: dict[str, Any], folder: Path, name: str) -> Iterator[Database]:
    path = folder / f"{name}.sqlite3"
    yield Database(f"sqlite:///{path}", {**mapping, "NAME": str(path)})


@contextmanager
def _on_postgres(mapping: dict[str, Any], _folder: Path, name: str) -> Iterator[Database]:
    who = f"{mapping['USER']}:{mapping['PASSWORD']}@" if mapping["PASSWORD"] else f"{mapping['USER']}@"
    server = f"{who}{mapping['HOST']}:{mapping['PORT']}"
    name = f"osync_{name}_{uuid.uuid4().hex[:8]}"
    _administer(server, f'CREATE DATABASE "{name}"')
    try:
        yield Database(f"postgres://{server}/{name}", {**mapping, "NAME": name})
    finally:
        _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(server: str, statement: str) -> None:
    with psycopg.connect(f"postgres://{server}/postgres", autocommit=True) as administrator:
        administrator.execute(statement.encode())
