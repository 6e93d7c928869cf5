"""The module that Django loads for `ENGINE = "portal.postgresql"`."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base
from psycopg import errors

from portal.postgresql import Commit
from portal.processes import Kind, kind

# A web process refuses new connections for this time after an attempt timed out, so that not all its threads wait.
PAUSE_SECONDS = 3.0


def statement_seconds() -> float:
    """Return the statement timeout of this process in seconds; 0 means no limit."""
    limits = {
        Kind.WEB: settings.DATABASE_PAGE_SECONDS,
        Kind.WORKER: settings.DATABASE_TASK_SECONDS,
        Kind.COMMAND: settings.DATABASE_COMMAND_SECONDS,
    }
    return float(limits[kind()])


def answer_seconds() -> float | None:
    """Return for how many seconds this process waits for an answer, more than the statement timeout; None: no limit."""
    seconds = statement_seconds()
    return seconds + settings.DATABASE_CONNECT_SECONDS if seconds else None


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that closes when the server does not answer in time."""

    answer_limit: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the answer; after `answer_limit` seconds close the connection and raise OperationalError."""
        limit = self.answer_limit if timeout is None else timeout
        try:
            return super().wait(gen, interval=interval, timeout=limit)
        except errors._WaitTimeout as error:
            # The state of the statement is unknown, so the connection cannot be used again, not even for a rollback.
            self.pgconn.finish()
            raise psycopg.OperationalError(f"The database has not answered for {limit:g} s.") from error


class DatabaseWrapper(base.DatabaseWrapper):
    """A wrapper that connects with the time limits of this kind of process.

    `last_commit` is the state of the last COMMIT since a caller set it to None.
    """

    # Django uses its `connect` and its exceptions.
    Database = SimpleNamespace(**{**vars(psycopg), "connect": BoundedConnection.connect})  # type: ignore[assignment]  # it has the attributes that Django uses
    _refused_until = 0.0
    last_commit: Commit | None = None

    def get_connection_params(self) -> dict[str, Any]:
        """Return the parameters with the server's limits; `options` in the URL come later, so they take precedence."""
        params: dict[str, Any] = super().get_connection_params()
        seconds = statement_seconds()
        if seconds and not settings.DATABASE_POOLER:
            limits = {
                "statement_timeout": seconds,
                "idle_in_transaction_session_timeout": settings.DATABASE_IDLE_SECONDS,
            }
            ours = [f"-c {name}={round(limit * 1000)}" for name, limit in limits.items()]
            params["options"] = " ".join([*ours, str(params.get("options", ""))]).strip()
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> BoundedConnection:
        """Open a connection. Raises OperationalError at once if another attempt of this process has just timed out."""
        if time.monotonic() < DatabaseWrapper._refused_until:
            raise errors.ConnectionTimeout("The database did not answer a moment ago.")
        try:
            connection: BoundedConnection = super().get_new_connection(conn_params)
        except errors.ConnectionTimeout:
            if kind() is Kind.WEB:
                DatabaseWrapper._refused_until = time.monotonic() + PAUSE_SECONDS
            raise
        connection.answer_limit = answer_seconds()
        return connection

    def is_usable(self) -> bool:
        """Return whether a reused connection still answers, within the time limit of a new one."""
        connection: BoundedConnection | None = self.connection
        if connection is None:
            return False
        connection.answer_limit = settings.DATABASE_CONNECT_SECONDS
        try:
            return bool(super().is_usable())
        finally:
            connection.answer_limit = answer_seconds()

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Set autocommit, except on a lost connection, for which Django would open a new one after a transaction.

        Opening it would mean waiting again for a server that has just timed out. New connections have autocommit.
        """
        if autocommit and self.connection is None:
            return
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)

    def _commit(self) -> None:
        """Commit, and record the state of the COMMIT."""
        self.last_commit = Commit.SENT
        super()._commit()  # type: ignore[misc]  # Django's stubs leave it out
        self.last_commit = Commit.DONE
