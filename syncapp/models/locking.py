"""The one order in which transactions lock rows, and what happens where two wait for each other all the same.

    fields ─▶ decisions ─▶ rules ─▶ deliveries ─▶ edits ─▶ cursor

Within a table the primary key gives the order. Jobs of other kinds lock their own row first; nothing that holds a field
wants one. Rows are locked without their key, which nothing changes, so that a row that refers to them can be stored.
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
LONGEST_PAUSE = 0.1  # seconds before the second try; twice as long before each further one
# A failed serialization, a deadlock, a lock that did not come in time.
_CONFLICTS = frozenset({"40001", "40P01", "55P03"})
_CONFLICTS_IN_SQLITE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

Row = TypeVar("Row", bound=Model)
Takes = ParamSpec("Takes")
Gives = TypeVar("Gives")


def locked(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Return these rows in the order of their ids, locked for the transaction once they are read.

    Rows that a condition or `select_related` joins are not locked.
    """
    return rows.order_by("pk").select_for_update(no_key=True, of=("self",))


def lock(rows: QuerySet[Row]) -> None:
    """Lock these rows for the transaction."""
    # Read as rows, since `of` knows no table where only values are read.
    list(locked(rows).only("pk"))


def is_conflict(error: BaseException | None) -> bool:
    """Return whether the database ended a transaction because of another one: trying again helps."""
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF in _CONFLICTS_IN_SQLITE
    return isinstance(cause, psycopg.Error) and cause.sqlstate in _CONFLICTS


def retried(operation: Callable[Takes, Gives]) -> Callable[Takes, Gives]:
    """Make an operation one transaction, which is begun anew where another one was in its way.

    Within a transaction it is a part of that one, and only the whole can be begun anew. Use it as `transaction.atomic`,
    for operations that keep what they do in the database alone.
    """

    @functools.wraps(operation)
    def run(*args: Takes.args, **kwargs: Takes.kwargs) -> Gives:
        tries = 1 if connection.in_atomic_block else TRIES
        for number in range(1, tries):
            try:
                with transaction.atomic():
                    return operation(*args, **kwargs)
            except OperationalError as error:
                if not is_conflict(error):
                    raise
                log.info(
                    "%s: begun anew after try %d (%s)", operation.__qualname__, number, type(error.__cause__).__name__
                )
            time.sleep(random.uniform(0, LONGEST_PAUSE * 2 ** (number - 1)))  # noqa: S311  (spreads load)
        with transaction.atomic():
            return operation(*args, **kwargs)

    return run
