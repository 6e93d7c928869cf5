"""Lists of rows: `$filter`, `$orderby`, `$top`, `$count`, and pages by `@odata.nextLink`.

A page ends at a row, and its link names that row's sort values, so rows that come or go between two pages neither
repeat nor hide others. The link is opaque to clients, with the outer form of Dataverse's ("Page results using OData").
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import sqlite3
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlencode

from syncapp.sandbox import errors, filters, reading
from syncapp.sandbox.catalogue import Table
from syncapp.sandbox.filters import Condition, Order
from syncapp.sandbox.messages import Request
from syncapp.sandbox.reading import Shape

LARGEST_PAGE = 5_000
_OPTIONS = frozenset({"$select", "$filter", "$orderby", "$top", "$count", "$skiptoken", "tag"})
_COOKIE = re.compile(r'pagenumber="(\d+)" pagingcookie="([\w\-=]*)"')


def check_options(request: Request, known: frozenset[str]) -> None:
    for name in request.options:
        if name not in known:
            raise errors.unknown(f"the query option '{name}'")


def list_rows(connection: sqlite3.Connection, table: Table, request: Request) -> dict[str, object]:
    """One page as the body of the answer."""
    check_options(request, _OPTIONS)
    options = request.options
    shape = Shape(table, reading.selected(table, options.get("$select")), request.annotations)
    where = filters.condition(table, options["$filter"]) if "$filter" in options else Condition("1")
    order = (*filters.orders(table, options.get("$orderby", "")), Order(table.key, descending=False))
    number, after = read_cookie(options["$skiptoken"]) if "$skiptoken" in options else (1, None)
    size = page_size(request)
    found = _fetch(connection, shape, where, order, after, limit=size + 1)
    body: dict[str, object] = {"@odata.context": context(request, table, options.get("$select"))}
    if options.get("$count") == "true":
        body["@odata.count"] = count(connection, table, where)
    body["value"] = [shape.render(row) for row in found[:size]]
    if len(found) > size and not _is_topped(request):
        cookie = write_cookie(number + 1, [found[size - 1][part.column.name] for part in order])
        body["@odata.nextLink"] = link(request, table, "$skiptoken", cookie)
    return body


def context(request: Request, table: Table, select: str | None, suffix: str = "") -> str:
    return f"{request.base_url}$metadata#{table.set_name}{f'({select})' if select else ''}{suffix}"


def count(connection: sqlite3.Connection, table: Table, where: Condition) -> int:
    """Counted up to 5,000 and no further ("Count number of rows")."""
    inner = f"SELECT 1 FROM {table.name} WHERE {where.sql} LIMIT {LARGEST_PAGE}"  # noqa: S608 - names of the catalogue
    return int(connection.execute(f"SELECT count(*) FROM ({inner})", where.parameters).fetchone()[0])  # noqa: S608 - as above


def _is_topped(request: Request) -> bool:
    return "$top" in request.options and "odata.maxpagesize" not in request.preferences


def page_size(request: Request) -> int:
    """The preference wins over `$top`, as documented."""
    text = request.preferences.get("odata.maxpagesize") or request.options.get("$top") or str(LARGEST_PAGE)
    if not text.isdigit() or int(text) < 1:
        raise errors.bad_query(f"'{text[:20]}' is not a number of rows.")
    return min(int(text), LARGEST_PAGE)


def _fetch(
    connection: sqlite3.Connection,
    shape: Shape,
    where: Condition,
    order: tuple[Order, ...],
    after: list[object] | None,
    *,
    limit: int,
) -> list[sqlite3.Row]:
    beyond = _beyond(order, after) if after is not None else Condition("1")
    wanted = dict.fromkeys([shape.sql_columns, *(part.column.name for part in order)])
    statement = (
        f"SELECT {', '.join(wanted)} FROM {shape.table.name} WHERE {where.sql} AND {beyond.sql} "  # noqa: S608 - catalogue
        f"ORDER BY {', '.join(_sorted(part) for part in order)} LIMIT {limit}"
    )
    return connection.execute(statement, where.parameters + beyond.parameters).fetchall()


def _sorted(part: Order) -> str:
    return f"{part.column.name} {'DESC' if part.descending else 'ASC'}"


def _beyond(order: tuple[Order, ...], after: list[object]) -> Condition:
    """Rows that sort after the given values: equal in the first n columns and beyond in the next."""
    if len(after) != len(order):
        raise errors.bad_query("Malformed paging cookie.")
    arms: list[str] = []
    parameters: list[object] = []
    for index, part in enumerate(order):
        equal = [f"{earlier.column.name} IS ?" for earlier in order[:index]]
        arms.append(" AND ".join([*equal, _follows(part, after[index])]))
        parameters += after[:index] if after[index] is None else after[: index + 1]
    return Condition("(" + " OR ".join(arms) + ")", tuple(parameters))


def _follows(part: Order, value: object) -> str:
    """NULL sorts first going up and last going down, in SQLite as in SQL Server."""
    name = part.column.name
    if value is None:
        return "0" if part.descending else f"{name} IS NOT NULL"
    return f"({name} < ? OR {name} IS NULL)" if part.descending else f"{name} > ?"


def write_cookie(number: int, values: list[object], *, tracking: bool = False) -> str:
    inner = base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode()
    cookie = f'<cookie pagenumber="{number}" pagingcookie="{inner}" istracking="{tracking}" />'
    return quote(cookie, safe="")


def read_cookie(text: str) -> tuple[int, list[object]]:
    match = _COOKIE.search(unquote(text))
    if match is None:
        raise errors.bad_query("Malformed paging cookie.")
    try:
        found = json.loads(base64.urlsafe_b64decode(match[2]))
    except (ValueError, binascii.Error):
        raise errors.bad_query("Malformed paging cookie.") from None
    if not isinstance(found, list):
        raise errors.bad_query("Malformed paging cookie.")
    return int(match[1]), found


def link(request: Request, table: Table, name: str, value: str) -> str:
    """A link on this request's own host and scheme that keeps its options."""
    dropped = ("$skiptoken", "$deltatoken", "tag")
    kept: Mapping[str, str] = {key: text for key, text in request.options.items() if key not in dropped}
    query = urlencode({**kept, name: value}, quote_via=quote, safe="$,()/'")
    return f"{request.base_url}{table.set_name}?{query}"
