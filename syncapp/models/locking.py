"""The one order in which transactions lock rows, so that no two of them wait for each other in a circle.

    fields ─▶ decisions ─▶ deliveries ─▶ edits ─▶ cursor

Within a table the primary key gives the order. Jobs of other kinds lock their own row first; nothing that holds a field
wants one. Rows are locked without their key, which nothing changes: so whoever stores a row that refers to a locked one
does not wait.
"""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


def locked(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Return these rows in the order of their ids, locked for the transaction once they are read.

    Rows that a condition or `select_related` joins are not locked.
    """
    return rows.order_by("pk").select_for_update(no_key=True, of=("self",))


def lock(rows: QuerySet[Row]) -> None:
    """Lock these rows for the transaction."""
    # Read as rows, since `of` knows no table where only values are read.
    list(locked(rows).only("pk"))
