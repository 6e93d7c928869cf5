"""The ids above and below a row in its table's hierarchy, as SQL ("Query hierarchical data").

Accounts and users have one; other columns have none. Simplified: the depth is unlimited, while Dataverse stops at a
depth that the organization sets.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataverse_sandbox import catalog, errors
from dataverse_sandbox.catalog import Column, Kind

_PARENTS: Mapping[str, str] = {"account": "parentaccountid", "systemuser": "parentsystemuserid"}


def table_of(column: Column) -> str:
    """Return the table whose hierarchy a column refers to. Raises ApiError 501 when it has none."""
    keys = {catalog.BY_NAME[name].key: name for name in _PARENTS}
    found = [keys[column]] if column.kind is Kind.KEY and column in keys else []
    found += [name for name in column.targets if name in _PARENTS]
    if not found:
        raise errors.unknown(f"a hierarchy of '{column.name}'")
    return found[0]


def above(table: str) -> str:
    """Select the ids of all rows above the one whose id is the parameter."""
    key, parent = catalog.BY_NAME[table].key.name, _PARENTS[table]
    return (
        f"WITH RECURSIVE chain(id) AS (SELECT {parent} FROM {table} WHERE {key} = ? UNION "  # noqa: S608 - catalog
        f"SELECT h.{parent} FROM {table} h JOIN chain ON h.{key} = chain.id) SELECT id FROM chain WHERE id IS NOT NULL"
    )


def under(table: str) -> str:
    """Select the ids of all rows below the one whose id is the parameter."""
    key, parent = catalog.BY_NAME[table].key.name, _PARENTS[table]
    return (
        f"WITH RECURSIVE chain(id) AS (SELECT {key} FROM {table} WHERE {parent} = ? UNION "  # noqa: S608 - catalog
        f"SELECT h.{key} FROM {table} h JOIN chain ON h.{parent} = chain.id) SELECT id FROM chain"
    )
