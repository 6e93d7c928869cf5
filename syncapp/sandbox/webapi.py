"""The Web API: which request means what.

A single request opens its own snapshot or transaction; the requests of a change set share one.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from syncapp.sandbox import errors, filters, metadata, operations, paging, payload, reading, tracking
from syncapp.sandbox.catalogue import BUSINESS_UNIT, ORGANIZATION, TABLES, Table
from syncapp.sandbox.errors import ApiError
from syncapp.sandbox.fetchxml import answers as fetchxml
from syncapp.sandbox.messages import ROOT, Answer, Request, json_answer
from syncapp.sandbox.operations import NO_CONDITIONS, Written, etag
from syncapp.sandbox.payload import Address
from syncapp.sandbox.reading import Shape
from syncapp.sandbox.store import Author, Store, Transaction

_RESOURCE = re.compile(r"^(\$?\w+)(?:\(((?:'(?:[^']|'')*'|[^')])*)\))?(?:/(.*))?$")
_ROW_OPTIONS = frozenset({"$select", "tag"})
# Headers that change who acts or which logic runs; honouring them by half would be a guess.
_UNKNOWN_HEADERS = (
    "callerobjectid",
    "mscrmcallerid",
    "mscrm.bypasscustompluginexecution",
    "mscrm.bypassbusinesslogicexecution",
    "mscrm.bypassbusinesslogicexecutionstepids",
    "mscrm.suppresscallbackregistrationexpanderjob",
    "mscrm.solutionuniquename",
    "mscrm.mergelabels",
)


@dataclass(frozen=True)
class Resource:
    """A path below the root: `contacts(key)/rest`."""

    name: str
    key: str | None
    rest: str


def resource(path: str) -> Resource:
    match = _RESOURCE.match(path)
    if match is None:
        raise errors.unknown(f"the path '{path[:100]}'")
    return Resource(match[1], match[2], match[3] or "")


def table_name(path: str) -> str:
    """The logical name of the table that a path is about; '' for anything else. Used by fault rules."""
    match = _RESOURCE.match(path)
    found = next((table for table in TABLES if match and table.set_name == match[1]), None)
    return found.name if found else ""


def check_headers(request: Request) -> None:
    for name in _UNKNOWN_HEADERS:
        if name in request.headers:
            raise errors.unknown(f"the header '{name}'")
    if request.headers.get("mscrm.suppressduplicatedetection", "true").lower() != "true":
        raise errors.unknown("duplicate detection")


class WebApi:
    """Answers single requests over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def single(self, request: Request) -> Answer:
        """One request outside a change set; raises ApiError."""
        check_headers(request)
        if request.method == "GET":
            with self._store.read() as connection:
                return self._read(connection, request)
        with self._store.write(Author(request.caller)) as transaction:
            return self.write(transaction, request)

    def _read(self, connection: sqlite3.Connection, request: Request) -> Answer:
        if request.path == "":
            return json_answer(200, _service_document(request))
        if request.path in ("WhoAmI", "WhoAmI()"):
            return json_answer(200, _who_am_i(connection, request))
        found = resource(request.path)
        if found.name == "EntityDefinitions":
            return json_answer(200, metadata.answer(request, found.key, found.rest))
        table = payload.table_of(found.name)
        if found.key is None:
            return _list(connection, table, request, found.rest)
        return _one(connection, payload.address(table, found.key), request, found.rest)

    def write(self, transaction: Transaction, request: Request) -> Answer:
        """One POST, PATCH or DELETE inside an open transaction; raises ApiError."""
        check_headers(request)
        paging.check_options(request, _ROW_OPTIONS)
        transaction.tag(request.options.get("tag", ""))
        found = resource(request.path)
        table = payload.table_of(found.name)
        if found.key is None:
            return _write_to_set(transaction, table, request, found.rest)
        address = payload.address(table, found.key)
        if found.rest:
            return _write_below_row(transaction, address, request, found.rest)
        return _write_row(transaction, address, request)


def _service_document(request: Request) -> dict[str, object]:
    sets = [{"name": table.set_name, "kind": "EntitySet", "url": table.set_name} for table in TABLES]
    return {"@odata.context": f"{request.base_url}$metadata", "value": sets}


def _who_am_i(connection: sqlite3.Connection, request: Request) -> dict[str, object]:
    unit = connection.execute(f"SELECT {BUSINESS_UNIT.key.name} FROM {BUSINESS_UNIT.name}").fetchone()  # noqa: S608 - catalogue
    organization = connection.execute(f"SELECT {ORGANIZATION.key.name} FROM {ORGANIZATION.name}").fetchone()  # noqa: S608 - catalogue
    return {
        "@odata.context": f"{request.base_url}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
        "BusinessUnitId": unit[0],
        "UserId": request.caller,
        "OrganizationId": organization[0],
    }


def _list(connection: sqlite3.Connection, table: Table, request: Request, rest: str) -> Answer:
    if rest == "$count":
        return _count(connection, table, request)
    if rest:
        raise errors.unknown(f"the path '{request.path[:100]}'")
    applied = []
    if "fetchXml" in request.options:
        body = fetchxml.answer(connection, table, request)
    elif "sql" in request.options:
        body = fetchxml.answer_sql(connection, table, request)
    elif tracking.is_tracking(request):
        body = tracking.read(connection, table, request)
        applied.append("odata.track-changes")
    else:
        body = paging.list_rows(connection, table, request)
    return json_answer(200, body, _applied(request, *applied))


def _count(connection: sqlite3.Connection, table: Table, request: Request) -> Answer:
    paging.check_options(request, frozenset({"$filter", "tag"}))
    where = filters.condition(table, request.options.get("$filter") or f"{table.key.name} ne null")
    number = str(paging.count(connection, table, where))
    return Answer(200, number.encode(), {"Content-Type": "text/plain", "OData-Version": "4.0"})


def _applied(request: Request, *names: str) -> dict[str, str]:
    """`Preference-Applied`, which echoes what was honoured."""
    listed = list(names)
    if request.annotations:
        listed.append(f'odata.include-annotations="{",".join(request.annotations)}"')
    if "odata.maxpagesize" in request.preferences:
        listed.append(f"odata.maxpagesize={request.preferences['odata.maxpagesize']}")
    return {"Preference-Applied": ",".join(listed)} if listed else {}


def _one(connection: sqlite3.Connection, address: Address, request: Request, rest: str) -> Answer:
    row = address.existing(connection)
    if rest:
        return _property(address.table, row, request, rest)
    if request.conditions.if_none_match and request.conditions.if_none_match == etag(row):
        return Answer(304, b"", {"ETag": etag(row)})
    paging.check_options(request, _ROW_OPTIONS)
    body = _representation(connection, address.table, str(row[address.table.key.name]), request)
    return json_answer(200, body, {"ETag": etag(row), **_applied(request)})


def _representation(connection: sqlite3.Connection, table: Table, row_id: str, request: Request) -> dict[str, object]:
    select = request.options.get("$select")
    shape = Shape(table, reading.selected(table, select), request.annotations)
    context = paging.context(request, table, select, "/$entity")
    return {"@odata.context": context, **reading.one(connection, shape, row_id)}


def _property(table: Table, row: dict[str, object], request: Request, rest: str) -> Answer:
    name, _, tail = rest.partition("/")
    column = filters.column_of(table, name)
    if tail not in ("", "$value"):
        raise errors.unknown(f"the path '{request.path[:100]}'")
    value = reading.Shape(table, (column,)).render(row)[column.wire_name]
    if value is None:
        return Answer(204, b"", {"OData-Version": "4.0"})
    if tail == "$value":
        return Answer(200, str(value).encode(), {"Content-Type": "text/plain", "OData-Version": "4.0"})
    context = f"{request.base_url}$metadata#{table.set_name}({row[table.key.name]})/{name}"
    return json_answer(200, {"@odata.context": context, "value": value})


def _write_to_set(transaction: Transaction, table: Table, request: Request, rest: str) -> Answer:
    if request.method in ("PATCH", "DELETE"):
        raise ApiError(405, "", "This operation is not allowed on a collection.")
    if rest or request.method != "POST":
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    written = operations.create(transaction, table, request.json())
    return _written_answer(transaction, written, request)


def _write_row(transaction: Transaction, address: Address, request: Request) -> Answer:
    if request.method == "PATCH":
        written = operations.update(transaction, address, request.json(), conditions=request.conditions)
        return _written_answer(transaction, written, request)
    if request.method == "DELETE":
        operations.delete(transaction, address, conditions=request.conditions)
        return Answer(204, b"", {"OData-Version": "4.0"})
    raise errors.unknown(f"{request.method} on '{request.path[:100]}'")


def _write_below_row(transaction: Transaction, address: Address, request: Request, rest: str) -> Answer:
    """`DELETE contacts(id)/parentcustomerid_account/$ref` clears a lookup; nothing else is known here."""
    name, _, tail = rest.partition("/")
    is_lookup = name in address.table.navigations
    if request.method != "DELETE" or tail != "$ref" or not is_lookup:
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    address.existing(transaction.connection)
    operations.update(transaction, address, {f"{name}@odata.bind": None}, conditions=NO_CONDITIONS)
    return Answer(204, b"", {"OData-Version": "4.0"})


def _written_answer(transaction: Transaction, written: Written, request: Request) -> Answer:
    address = f"{request.base_url}{written.table.set_name}({written.id})"
    headers = {"OData-EntityId": address}
    if written.created:
        headers["Location"] = address
    if not request.wants_representation:
        return Answer(204, b"", {"OData-Version": "4.0", **headers})
    body = _representation(transaction.connection, written.table, written.id, request)
    headers |= {"ETag": etag(written.row), "Preference-Applied": "return=representation"}
    return json_answer(201 if written.created else 200, body, headers)


def entity_path(answer: Answer) -> str:
    """`contacts(id)` out of an answer's OData-EntityId, for Content-ID references."""
    return answer.headers.get("OData-EntityId", "").partition(ROOT)[2]
