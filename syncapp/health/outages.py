"""The distinction between an outage of the database and a statement that it refused."""

from __future__ import annotations

import sqlite3

import psycopg
from django.db import Error, InterfaceError, OperationalError

# Classes of PostgreSQL's error codes: connection, resources, operator intervention (shutdown, time limit), system.
_OUTAGE_CLASSES = ("08", "53", "57", "58")
_OUTAGES_IN_SQLITE = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


def is_database_down(error: BaseException | None) -> bool:
    """Return whether `error` was caused by an unavailable database, not by the statement."""
    if not isinstance(error, Error):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF in _OUTAGES_IN_SQLITE
    if isinstance(cause, psycopg.Error) and cause.sqlstate:
        return cause.sqlstate.startswith(_OUTAGE_CLASSES)
    # Without a code there was no answer: the connection was refused, cut, or silent for too long.
    return isinstance(error, InterfaceError | OperationalError)
