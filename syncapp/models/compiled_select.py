"""A SELECT of several querysets in one row, compiled only once, because compiling takes longer than running."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import QuerySet

Querysets = Callable[..., Iterable[QuerySet[Any, Any]]]


def select_row(column: str, querysets: Querysets, *arguments: Hashable) -> tuple[Any, ...]:
    """Return one row with a column such as "EXISTS ({})" for each queryset, with values as the driver returns them.

    `querysets` is called only once for the same arguments, so its result must depend on nothing else.
    """
    statement, parameters = _compiled(connection.vendor, column, querysets, *arguments)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return tuple(cursor.fetchone())


@lru_cache(maxsize=32)
def _compiled(_vendor: str, column: str, querysets: Querysets, *arguments: Hashable) -> tuple[str, list[Any]]:
    each = [rows.query.sql_with_params() for rows in querysets(*arguments)]
    columns = ", ".join(column.format(sql) for sql, _ in each)
    return f"SELECT {columns}", [value for _, values in each for value in values]
