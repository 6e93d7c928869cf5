"""The body of an answer to `?fetchXml=`, to `?sql=`, and to a view by its id.

With FetchXML, unlike with OData, properties without a value are left out ("Use FetchXML with Web API"). SQL's rows are
like those of OData, with ETag and key, and continue by `@odata.nextLink` ("Use SQL to query data").
"""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from urllib.parse import quote, urlencode

from dataverse_sandbox import errors, paging, payload, skiptoken, values, visibility
from dataverse_sandbox.catalog import AUDIT, SAVED_QUERY, USER_QUERY, Kind, Table
from dataverse_sandbox.conditions import EVERYTHING, Condition, both
from dataverse_sandbox.fetchxml import cookies, parsing, selects
from dataverse_sandbox.fetchxml.execution import MAX_WITHOUT_COOKIE, Page, Position, Runner
from dataverse_sandbox.fetchxml.operators import Requester
from dataverse_sandbox.fetchxml.outputs import Output
from dataverse_sandbox.fetchxml.parsing import MAX_PAGE_SIZE, bad
from dataverse_sandbox.fetchxml.query import Fetch
from dataverse_sandbox.fetchxml.translation import Statement, translate
from dataverse_sandbox.messages import Request
from dataverse_sandbox.operations import etag
from dataverse_sandbox.paging import Place
from dataverse_sandbox.reading import FORMATTED, LOOKUP_TABLE, NAVIGATION

_OPTIONS = frozenset({"fetchXml", "$count", "tag"})
_CRM = "Microsoft.Dynamics.CRM."
_ATTRIBUTE_NAME = "OData.Community.Display.V1.AttributeName"

Item = dict[str, object]


def answer(connection: sqlite3.Connection, place: Place, request: Request) -> Item:
    """Answer one page of `GET <set>?fetchXml=...`. Raises ApiError 400 and 501."""
    paging.check_options(request, _OPTIONS)
    return _answer(connection, place, request, parsing.parse(request.options["fetchXml"]))


def answer_saved(connection: sqlite3.Connection, place: Place, request: Request) -> Item:
    """Answer a view by its id, over a collection ("Retrieve and execute predefined queries")."""
    paging.check_options(request, frozenset({"savedQuery", "userQuery", "$count", "tag"}))
    views, name = (SAVED_QUERY, "savedQuery") if "savedQuery" in request.options else (USER_QUERY, "userQuery")
    request.rights.require(visibility.privilege("Read", views), views.name)
    view = payload.address(views, request.options[name]).existing(connection)
    visibility.check_row(connection, views, view, request.rights)
    return _answer(connection, place, request, parsing.parse(str(view["fetchxml"])))


def _answer(connection: sqlite3.Connection, place: Place, request: Request, fetch: Fetch) -> Item:
    table = place.table
    if fetch.root.table != table.name:
        raise bad(f"The entity name '{fetch.root.table}' of the FetchXML is not that of the set '{table.set_name}'.")
    statement = _within(place, translate(fetch, requester(request), request.rights))
    renderer = Renderer(statement, request.annotations, aggregate=fetch.aggregate)
    runner = Runner(connection, fetch, statement, labels=renderer.formatted)
    size = min(fetch.size or MAX_PAGE_SIZE, fetch.limit or MAX_PAGE_SIZE)
    page = runner.page(_position(fetch, runner, size), size)
    more = page.more and fetch.limit is None
    return {
        "@odata.context": _context(table, request),
        **_counts(runner, fetch, request, renderer),
        **_notes(runner, fetch, renderer, page, more=more),
        "value": [renderer.render(row) for row in page.rows],
    }


def _within(place: Place, statement: Statement) -> Statement:
    """Limit the query to rows of the requested collection, such as those below one row."""
    table, root = place.table, statement.root
    rows = f"SELECT {table.name}.{table.key.name} FROM {table.name} WHERE {place.within.sql}"  # noqa: S608 - catalog
    own = Condition(f"{root.expression(table.key)} IN ({rows})", place.within.parameters)
    return statement if place.within is EVERYTHING else replace(statement, where=both(statement.where, own))


def answer_sql(connection: sqlite3.Connection, place: Place, request: Request) -> Item:
    """Answer one page of `GET <set>?sql=SELECT ...`. Raises ApiError 400."""
    table = place.table
    if place.within is not EVERYTHING:
        raise errors.unknown("SQL below a row")
    paging.check_options(request, frozenset({"sql", "$skiptoken", "tag"}))
    if place.table.name == AUDIT.name:
        raise errors.unknown("audit entries by SQL, where Dataverse has none either")
    fetch = selects.parse(request.options["sql"])
    if fetch.root.table != table.name:
        raise bad(f"The table '{fetch.root.table}' of the SQL is not that of the set '{table.set_name}'.")
    statement = translate(fetch, requester(request), request.rights)
    renderer = Renderer(statement, request.annotations, keeps_nulls=True)
    runner = Runner(connection, fetch, statement, labels=renderer.formatted)
    number, held = skiptoken.read_cookie(request.options["$skiptoken"]) if "$skiptoken" in request.options else (1, [])
    position = _position_of_sql(fetch, runner, held)
    size = skiptoken.page_size(request) if fetch.limit is None else fetch.limit
    page = runner.page(position, size)
    body: Item = {"@odata.context": _context(table, request), **_counts(runner, fetch, request, renderer)}
    body["value"] = [renderer.render(row) for row in page.rows]
    if page.more and fetch.limit is None:
        end: list[object] = runner.place(page.rows[-1]) if runner.keeps_place else [position.skip + size]
        query = {"sql": request.options["sql"], "$skiptoken": skiptoken.write_cookie(number + 1, end)}
        body["@odata.nextLink"] = f"{request.base_url}{table.set_name}?{urlencode(query, quote_via=quote)}"
    return body


def _context(table: Table, request: Request) -> str:
    return f"{request.base_url}$metadata#{table.set_name}"


def _position_of_sql(fetch: Fetch, runner: Runner, held: list[object]) -> Position:
    if not held:
        return Position(skip=fetch.skip)
    if runner.keeps_place and len(held) == len(runner.sorts):
        return Position(after=tuple(held))
    if len(held) == 1 and isinstance(held[0], int):
        return Position(skip=held[0])
    raise bad("Malformed paging cookie.")


def requester(request: Request) -> Requester:
    return Requester(request.caller, datetime.datetime.now(datetime.UTC))


def _position(fetch: Fetch, runner: Runner, size: int) -> Position:
    """Return the start of the page: the cookie's row or, without a cookie or when going back, an offset."""
    if fetch.cookie and runner.keeps_place:
        cookie = cookies.read(fetch.cookie, runner.marks)
        if cookie.page < fetch.page:
            return Position(cookie.last, (fetch.page - cookie.page - 1) * size)
    skip = (fetch.page - 1) * size
    if skip + size > MAX_WITHOUT_COOKIE:
        raise bad(f"Without a paging cookie no more than {MAX_WITHOUT_COOKIE} rows can be reached.")
    return Position(skip=skip)


def _counts(runner: Runner, fetch: Fetch, request: Request, renderer: Renderer) -> Item:
    wanted = fetch.counted or request.options.get("$count") == "true"
    total = runner.count() if wanted else -1
    capped = min(total, MAX_PAGE_SIZE)
    found: Item = {"@odata.count": capped} if wanted else {}
    notes = {"totalrecordcount": capped, "totalrecordcountlimitexceeded": total > MAX_PAGE_SIZE}
    return found | {f"@{_CRM}{name}": value for name, value in notes.items() if renderer.wants(_CRM + name)}


def _notes(runner: Runner, fetch: Fetch, renderer: Renderer, page: Page, *, more: bool) -> Item:
    """Return the paging annotations, if requested; the last page has no cookie."""
    found: Item = {}
    if more and runner.keeps_place and renderer.wants(f"{_CRM}fetchxmlpagingcookie"):
        first, last = runner.place(page.rows[0]), runner.place(page.rows[-1])
        found[f"@{_CRM}fetchxmlpagingcookie"] = cookies.write(fetch.page, runner.marks, first, last)
    if renderer.wants(f"{_CRM}morerecords"):
        found[f"@{_CRM}morerecords"] = more
    return found


@dataclass(frozen=True)
class Renderer:
    """Rows to JSON; `keeps_nulls` for SQL, whose rows all have the same columns."""

    statement: Statement
    annotations: tuple[str, ...] = ()
    aggregate: bool = False
    keeps_nulls: bool = False

    def wants(self, annotation: str) -> bool:
        return any(fnmatchcase(annotation, pattern) for pattern in self.annotations)

    @property
    def formatted(self) -> bool:
        return self.wants(FORMATTED)

    def render(self, row: sqlite3.Row) -> Item:
        has_version = "versionnumber" in row.keys()  # noqa: SIM118 - a Row iterates its values
        item: Item = {"@odata.etag": etag(row)} if has_version else {}  # type: ignore[arg-type]  # a Row is no Mapping
        for index, output in enumerate(self.statement.outputs):
            if not output.is_returned:
                continue
            value = row[f"c{index}"]
            if value is None:
                item |= {output.name: None} if self.keeps_nulls else {}
                continue
            item |= {f"{output.name}@{note}": text for note, text in self._notes(index, output, value, row)}
            item[output.name] = value if output.counts else values.wire(output.column, value)
        return item

    def _notes(self, index: int, output: Output, value: object, row: sqlite3.Row) -> Iterator[tuple[str, object]]:
        if not self.annotations:
            return
        if not output.is_plain and self.wants(_ATTRIBUTE_NAME):
            yield _ATTRIBUTE_NAME, output.column.name
        text = self._formatted(index, output, value, row) if self.formatted else None
        if text is not None:
            yield FORMATTED, text
        if output.column.kind is Kind.LOOKUP and not output.counts:
            target = str(row[f"y{index}"])
            if self.wants(LOOKUP_TABLE):
                yield LOOKUP_TABLE, target
            if output.is_plain and self.wants(NAVIGATION):
                yield NAVIGATION, output.column.navigation(target)

    def _formatted(self, index: int, output: Output, value: object, row: sqlite3.Row) -> str | None:
        if output.counts:
            return f"{value:,}"
        if not values.has_formatted_value(output.column):
            return None
        name = row[f"n{index}"] if output.column.kind is Kind.LOOKUP else None
        return values.formatted(output.column, value, name=name)
