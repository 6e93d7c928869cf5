"""Lists of rows: `$filter`, `$orderby`, `$top`, `$count`, `$expand`, and pages by `@odata.nextLink`.

A page ends at a row, and its link names that row's sort values, so rows that are added or deleted between two pages
cause neither repeated nor missing rows. The link is opaque to clients and looks like Dataverse's ("Page results using
OData").
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from dataverse_sandbox import errors, expansion, expansion_syntax, filters, visibility
from dataverse_sandbox.catalog import Table, current
from dataverse_sandbox.conditions import EVERYTHING, Condition, both
from dataverse_sandbox.filters import Order
from dataverse_sandbox.messages import Request, wants
from dataverse_sandbox.reading import Shape
from dataverse_sandbox.skiptoken import page_size, read_cookie, write_cookie

COUNTED_UP_TO = 5_000
_OPTIONS = frozenset({"$select", "$filter", "$orderby", "$top", "$count", "$skiptoken", "$expand", "tag"})
_CRM = "Microsoft.Dynamics.CRM."


@dataclass(frozen=True)
class Place:
    """The rows of a list: a whole table, or those below a row under `path`."""

    table: Table
    path: str
    within: Condition = EVERYTHING

    @classmethod
    def whole(cls, table: Table) -> Place:
        return cls(table, table.set_name)


def check_options(request: Request, known: frozenset[str]) -> None:
    for name in request.options:
        if name not in known and not name.startswith("@"):
            raise errors.unknown(f"the query option '{name}'")


def wanted(place: Place, request: Request) -> Condition:
    """Select the rows that match a list's `$filter` and that the caller can see."""
    text = request.options.get("$filter")
    rights = request.rights
    found = filters.condition(place.table, text, rights=rights, parameters=request.parameters) if text else EVERYTHING
    is_whole_table = visibility.is_personal(place.table) and place.within is EVERYTHING
    if text and is_whole_table and visibility.may_query_others(rights, text):
        return found
    return both(found, place.within, visibility.condition(place.table, place.table.name, rights))


def list_rows(connection: sqlite3.Connection, place: Place, request: Request) -> dict[str, object]:
    """Return one page as the body of the answer."""
    check_options(request, _OPTIONS)
    table, options = place.table, request.options
    expanded = expansion_syntax.parse(table, options.get("$expand", ""))
    shape = expansion.shape(table, options.get("$select"), request, expanded)
    where = wanted(place, request)
    key = Order(table.key, descending=False, path=table.key.name, sql=f"{table.name}.{table.key.name}")
    order_by = options.get("$orderby", "")
    order = (*filters.orders(table, order_by, rights=request.rights, parameters=request.parameters), key)
    number, after = read_cookie(options["$skiptoken"]) if "$skiptoken" in options else (1, None)
    size = page_size(request)
    found = _fetch(connection, shape, where, order, after, limit=size + 1)
    items = [shape.render(row) for row in found[:size]]
    expansion.attach(connection, request, table, found[:size], items, expanded)
    columns_in_context = expansion_syntax.context_columns(options.get("$select"), expanded)
    body: dict[str, object] = {"@odata.context": context(request, place.path, columns_in_context)}
    body |= version(request) | _counts(connection, place, where, request)
    body["value"] = items
    is_topped = "$top" in options and "odata.maxpagesize" not in request.preferences
    if len(found) > size and not is_topped:
        cookie = write_cookie(number + 1, [found[size - 1][part.alias] for part in order])
        body["@odata.nextLink"] = link(request, place.path, "$skiptoken", cookie)
    return body


def version(request: Request) -> dict[str, object]:
    """Return the version that tells clients when to reload definitions ("Compose HTTP requests and handle errors")."""
    name = f"{_CRM}globalmetadataversion"
    return {f"@{name}": str(current().version)} if wants(request.annotations, name) else {}


def _counts(connection: sqlite3.Connection, place: Place, where: Condition, request: Request) -> dict[str, object]:
    """Return `@odata.count` and its annotations; -1 without a request for it ("Count number of rows")."""
    found: dict[str, object] = {}
    total, is_more = -1, False
    if request.options.get("$count") == "true":
        total, is_more = count(connection, place.table, where)
        found["@odata.count"] = total
    if wants(request.annotations, f"{_CRM}totalrecordcount"):
        found[f"@{_CRM}totalrecordcount"] = total
    if wants(request.annotations, f"{_CRM}totalrecordcountlimitexceeded"):
        found[f"@{_CRM}totalrecordcountlimitexceeded"] = is_more
    return found


def context(request: Request, path: str, select: str | None, suffix: str = "") -> str:
    return f"{request.base_url}$metadata#{path}{f'({select})' if select else ''}{suffix}"


def count(connection: sqlite3.Connection, table: Table, where: Condition) -> tuple[int, bool]:
    """Count the rows up to 5,000, and whether there are more ("Count number of rows")."""
    inner = f"SELECT 1 FROM {table.name} WHERE {where.sql} LIMIT {COUNTED_UP_TO + 1}"  # noqa: S608 - catalog
    statement = f"SELECT count(*) FROM ({inner})"  # noqa: S608 - as above
    number = int(connection.execute(statement, where.parameters).fetchone()[0])
    return min(number, COUNTED_UP_TO), number > COUNTED_UP_TO


def _fetch(
    connection: sqlite3.Connection,
    shape: Shape,
    where: Condition,
    order: tuple[Order, ...],
    after: list[object] | None,
    *,
    limit: int,
) -> list[sqlite3.Row]:
    beyond = _beyond(order, after) if after is not None else EVERYTHING
    sorted_by = (part.sql if part.is_plain else f"{part.sql} AS {part.alias}" for part in order)
    columns = dict.fromkeys([shape.sql_columns, *sorted_by])
    statement = (
        f"SELECT {', '.join(columns)} FROM {shape.table.name} WHERE {where.sql} AND {beyond.sql} "  # noqa: S608 - catalog
        f"ORDER BY {', '.join(part.term for part in order)} LIMIT {limit}"
    )
    return connection.execute(statement, where.parameters + beyond.parameters).fetchall()


def _beyond(order: tuple[Order, ...], after: list[object]) -> Condition:
    """Select rows that sort after the given values: equal in the first n columns and beyond in the next."""
    if len(after) != len(order) or not all(isinstance(value, str | int | float | None) for value in after):
        raise errors.bad_query("Malformed paging cookie.")
    arms: list[str] = []
    parameters: list[object] = []
    for index, part in enumerate(order):
        equal = [f"{earlier.collated} IS ?" for earlier in order[:index]]
        arms.append(" AND ".join([*equal, _follows(part, after[index])]))
        parameters += after[:index] if after[index] is None else after[: index + 1]
    return Condition("(" + " OR ".join(arms) + ")", tuple(parameters))


def _follows(part: Order, value: object) -> str:
    """Compare with NULL first when ascending and last when descending, as SQLite and SQL Server do."""
    name = part.collated
    if value is None:
        return "0" if part.descending else f"{name} IS NOT NULL"
    return f"({name} < ? OR {name} IS NULL)" if part.descending else f"{name} > ?"


def link(request: Request, path: str, name: str, value: str) -> str:
    """Return a link on this request's host and scheme that keeps its options."""
    dropped = ("$skiptoken", "$deltatoken", "tag")
    kept: Mapping[str, str] = {key: text for key, text in request.options.items() if key not in dropped}
    query = urlencode({**kept, name: value}, quote_via=quote, safe="$,()/'")
    return f"{request.base_url}{quote(path, safe='$,()/')}?{query}"
