"""The backend's module as Django wants to find it: `ENGINE = "portal.postgresql"`."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base
from psycopg import errors

from portal.processes import Kind, kind

# After an attempt to connect met silence, a web process refuses others for so long: its threads must not all wait.
PAUSE_SECONDS = 3.0


def statement_seconds() -> float:
    """Return how long a statement of this process may take; 0: as long as it wants."""
    limits = {
        Kind.WEB: settings.DATABASE_PAGE_SECONDS,
        Kind.WORKER: settings.DATABASE_TASK_SECONDS,
        Kind.COMMAND: settings.DATABASE_COMMAND_SECONDS,
    }
    return float(limits[kind()])


def answer_seconds() -> float | None:
    """Return how long this process waits for an answer: longer than the server works on it, or without end (None)."""
    seconds = statement_seconds()
    return seconds + settings.DATABASE_CONNECT_SECONDS if seconds else None


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up on a server from which nothing comes."""

    patience: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server's answer; after `patience` seconds close the connection and raise OperationalError."""
        limit = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval=interval, timeout=limit)
        except errors._WaitTimeout as error:
            # The state of the statement is unknown, so the connection is of no more use, not even for a rollback.
            self.pgconn.finish()
            raise psycopg.OperationalError(f"The database has not answered for {limit:g} s.") from error


class DatabaseWrapper(base.DatabaseWrapper):
    """Connect with the limits of this kind of process."""

    # Django takes the module from here, its `connect` as its errors.
    Database = SimpleNamespace(**{**vars(psycopg), "connect": BoundedConnection.connect})  # type: ignore[assignment]  # all that is asked of a module is there
    _refused_until = 0.0

    def get_connection_params(self) -> dict[str, Any]:
        """Add the server's limits to the start of the session; the URL's own `options` come later and win."""
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
        """Open a connection. Raises OperationalError at once where another thread has just waited in vain."""
        if time.monotonic() < DatabaseWrapper._refused_until:
            raise psycopg.OperationalError("The database did not answer a moment ago.")
        try:
            connection: BoundedConnection = super().get_new_connection(conn_params)
        except errors.ConnectionTimeout:
            if kind() is Kind.WEB:
                DatabaseWrapper._refused_until = time.monotonic() + PAUSE_SECONDS
            raise
        connection.patience = answer_seconds()
        return connection

    def is_usable(self) -> bool:
        """Return whether a kept connection still answers; it has as long as a new one would take."""
        connection: BoundedConnection | None = self.connection
        if connection is None:
            return False
        connection.patience = settings.DATABASE_CONNECT_SECONDS
        try:
            return bool(super().is_usable())
        finally:
            connection.patience = answer_seconds()

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Leave a lost connection alone: Django would open one at the end of its transaction, only to set this.

        That would wait once more for a server that has just not answered. A new connection begins with autocommit.
        """
        if autocommit and self.connection is None:
            return
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
