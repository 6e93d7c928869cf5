"""The order in which transactions lock rows, and retries for transactions that conflict anyway.

    fields ─▶ decisions ─▶ rules ─▶ deliveries ─▶ edits ─▶ cursor

In each table, rows are locked by primary key. Jobs of other kinds lock their own row first, and no transaction that
holds a field locks such a row. The lock leaves out the key, so that rows that refer to a locked row can be stored.
"""

from __future__ import annotations

import functools
import logging
import random
import sqlite3
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import psycopg
from django.db import OperationalError, connection, transaction
from django.db.models import Model, QuerySet

log = logging.getLogger(__name__)

TRIES = 4
MAX_PAUSE = 0.1  # seconds before the second try; doubled before each further one
# Serialization failure, deadlock, lock not available.
_CONFLICTS = frozenset({"40001", "40P01", "55P03"})
_CONFLICTS_IN_SQLITE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

Row = TypeVar("Row", bound=Model)
Params = ParamSpec("Params")
Result = TypeVar("Result")


def locked(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Return these rows ordered by id, to be locked for the transaction when they are read.

    Rows joined by a condition or `select_related` are not locked.
    """
    return rows.order_by("pk").select_for_update(no_key=True, of=("self",))


def lock(rows: QuerySet[Row]) -> None:
    """Lock these rows for the transaction."""
    # Read as rows, because `of` needs a table, which a query of plain values does not have.
    list(locked(rows).only("pk"))


def is_conflict(error: BaseException | None) -> bool:
    """Return whether the database ended a transaction because of another one; a retry can then help."""
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF in _CONFLICTS_IN_SQLITE
    return isinstance(cause, psycopg.Error) and cause.sqlstate in _CONFLICTS


def retried(operation: Callable[Params, Result]) -> Callable[Params, Result]:
    """Run an operation in one transaction, and retry it after a conflict with another transaction.

    Inside a transaction it runs once, because only the outermost one can be retried. Use it only for operations whose
    effects are all in the database.
    """

    @functools.wraps(operation)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        tries = 1 if connection.in_atomic_block else TRIES
        for number in range(1, tries):
            try:
                with transaction.atomic():
                    return operation(*args, **kwargs)
            except OperationalError as error:
                if not is_conflict(error):
                    raise
                log.info(
                    "%s: retried after try %d (%s)", operation.__qualname__, number, type(error.__cause__).__name__
                )
            time.sleep(random.uniform(0, MAX_PAUSE * 2 ** (number - 1)))  # noqa: S311  (spreads load)
        with transaction.atomic():
            return operation(*args, **kwargs)

    return run
