"""GET below a table: lists, single rows, properties, and related rows."""

from __future__ import annotations

import sqlite3

from dataverse_sandbox import (
    aggregation,
    bound,
    errors,
    expansion,
    expansion_syntax,
    operands,
    paging,
    payload,
    reading,
    skiptoken,
    tracking,
    visibility,
)
from dataverse_sandbox.catalog import BY_NAME, Table, current
from dataverse_sandbox.fetchxml import answers as fetchxml
from dataverse_sandbox.messages import Answer, Request, json_answer
from dataverse_sandbox.paging import Place
from dataverse_sandbox.payload import Address
from dataverse_sandbox.reading import Shape
from dataverse_sandbox.store import Row

_ROW_OPTIONS = frozenset({"$select", "$expand", "tag"})
_EMPTY = {"OData-Version": "4.0"}
# Options with a whole query in another language.
_OTHER_QUERIES = {
    "fetchXml": fetchxml.answer,
    "savedQuery": fetchxml.answer_saved,
    "userQuery": fetchxml.answer_saved,
    "sql": fetchxml.answer_sql,
}


def below_set(connection: sqlite3.Connection, table: Table, request: Request, rest: str) -> Answer:
    _may_read(table, request)
    return _list(connection, Place.whole(table), request, rest)


def below_row(connection: sqlite3.Connection, address: Address, request: Request, rest: str) -> Answer:
    table = address.table
    _may_read(table, request)
    if table.is_part:
        raise errors.not_supported("Retrieve", table.name)
    if not rest and address.row_id is not None and not visibility.depends_on_row(table):
        # Visibility does not depend on the row here, so it is read once.
        return _one(connection, table, address.row_id, request)
    function = bound.function(table, rest)
    row = address.existing(connection)
    visibility.check_row(connection, table, row, request.rights)
    if function:
        return json_answer(200, function(connection, row, request, rest), applied(request))
    if rest:
        return _below(connection, table, row, request, rest)
    return _one(connection, table, str(row[table.key.name]), request)


def _may_read(table: Table, request: Request) -> None:
    request.rights.require(visibility.privilege("Read", table), table.name)


def _list(connection: sqlite3.Connection, place: Place, request: Request, rest: str = "") -> Answer:
    if rest == "$count":
        return _count(connection, place, request)
    if rest == "$ref":
        return _references(connection, place, request)
    if rest:
        raise errors.unknown(f"the path '{request.path[:100]}'")
    for option, answer in _OTHER_QUERIES.items():
        if option in request.options:
            return json_answer(200, answer(connection, place, request), applied(request))
    if "$apply" in request.options:
        return json_answer(200, aggregation.answer(connection, place, request), applied(request))
    if tracking.is_tracking(request):
        body = tracking.read(connection, place.table, request)
        is_tracking = "odata.track-changes" in request.preferences
        return json_answer(200, body, applied(request, *(["odata.track-changes"] if is_tracking else [])))
    return json_answer(200, paging.list_rows(connection, place, request), applied(request))


def _count(connection: sqlite3.Connection, place: Place, request: Request) -> Answer:
    if "$deltatoken" in request.options:
        number = tracking.count(connection, place.table, request)
    else:
        paging.check_options(request, frozenset({"$filter", "tag"}))
        number, _is_more = paging.count(connection, place.table, paging.wanted(place, request))
    return Answer(200, str(number).encode(), {"Content-Type": "text/plain", "OData-Version": "4.0"})


def _references(connection: sqlite3.Connection, place: Place, request: Request) -> Answer:
    """Return only the addresses of the rows, at most one page of them."""
    paging.check_options(request, frozenset({"$filter", "tag"}))
    where, table = paging.wanted(place, request), place.table
    statement = (
        f"SELECT {table.name}.{table.key.name} FROM {table.name} WHERE {where.sql} "  # noqa: S608 - catalog
        f"ORDER BY 1 LIMIT {skiptoken.MAX_PAGE_SIZE}"
    )
    found = [
        {"@odata.id": f"{request.base_url}{table.set_name}({row[0]})"}
        for row in connection.execute(statement, where.parameters)
    ]
    context = f"{request.base_url}$metadata#Collection($ref)"
    return json_answer(200, {"@odata.context": context, "value": found})


def applied(request: Request, *names: str) -> dict[str, str]:
    """Return `Preference-Applied`, which lists the preferences in use."""
    listed = list(names)
    if request.annotations:
        listed.append(f'odata.include-annotations="{",".join(request.annotations)}"')
    if "odata.maxpagesize" in request.preferences:
        listed.append(f"odata.maxpagesize={request.preferences['odata.maxpagesize']}")
    return {"Preference-Applied": ",".join(listed)} if listed else {}


def _one(connection: sqlite3.Connection, table: Table, row_id: str, request: Request) -> Answer:
    paging.check_options(request, _ROW_OPTIONS)
    body = representation(connection, table, row_id, request)
    version = str(body["@odata.etag"])
    if request.conditions.if_none_match == version and _depends_on_row_alone(request):
        return Answer(304, b"", {"ETag": version, "OData-Version": "4.0"})
    return json_answer(200, body, {"ETag": version, **applied(request)})


def _depends_on_row_alone(request: Request) -> bool:
    """Return whether the answer depends on this row only; others are never 304 ("Perform conditional operations")."""
    return "$expand" not in request.options and not request.annotations


def representation(connection: sqlite3.Connection, table: Table, row_id: str, request: Request) -> dict[str, object]:
    """Return one row in the form that `$select`, `$expand` and the preferences request."""
    select = request.options.get("$select")
    expanded = expansion_syntax.parse(table, request.options.get("$expand", ""))
    shape = expansion.shape(table, select, request, expanded)
    row = reading.fetch(connection, shape, row_id)
    item = shape.render(row)
    expansion.attach(connection, request, table, [row], [item], expanded)
    context = paging.context(request, table.set_name, expansion_syntax.context_columns(select, expanded), "/$entity")
    return {"@odata.context": context, **paging.version(request), **item}


def _below(connection: sqlite3.Connection, table: Table, row: Row, request: Request, rest: str) -> Answer:
    """Answer a request for a property of a row, or for rows related to it."""
    name, _, tail = rest.partition("/")
    if name in table.navigations:
        return _single_valued(connection, table, row, request, name, tail)
    if name in current().collections(table):
        row_id = str(row[table.key.name])
        target, within = expansion.below(current().collections(table)[name], row_id)
        _may_read(target, request)
        return _list(connection, Place(target, f"{table.set_name}({row_id})/{name}", within), request, tail)
    return _property(table, row, request, name, tail)


def _single_valued(
    connection: sqlite3.Connection, table: Table, row: Row, request: Request, name: str, tail: str
) -> Answer:
    """Return a lookup's row; 204 when it is empty or refers to a table other than the one in the property's name."""
    column, targets = table.navigations[name]
    leads_to = str(row[column.type_column]) if column.is_polymorphic else column.targets[0]
    if row[column.name] is None or leads_to not in targets:
        return Answer(204, b"", _EMPTY)
    target = BY_NAME[leads_to]
    _may_read(target, request)
    link = f"{target.set_name}({row[column.name]})"
    if tail == "$ref":
        context = f"{request.base_url}$metadata#$ref"
        return json_answer(200, {"@odata.context": context, "@odata.id": f"{request.base_url}{link}"})
    return below_row(connection, payload.address(target, str(row[column.name])), request, tail)


def _property(table: Table, row: Row, request: Request, name: str, tail: str) -> Answer:
    column = operands.column_of(table, name)
    if tail not in ("", "$value"):
        raise errors.unknown(f"the path '{request.path[:100]}'")
    value = Shape(table, (column,)).render(row)[column.wire_name]
    if value is None:
        return Answer(204, b"", _EMPTY)
    if tail == "$value":
        return Answer(200, str(value).encode(), {"Content-Type": "text/plain", "OData-Version": "4.0"})
    context = f"{request.base_url}$metadata#{table.set_name}({row[table.key.name]})/{name}"
    return json_answer(200, {"@odata.context": context, "value": value})
