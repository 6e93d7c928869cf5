"""The Web API: routing of requests to handlers.

A single request opens its own snapshot or transaction; the requests of a change set share one.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from dataverse_sandbox import (
    access,
    bound,
    duplicates,
    errors,
    messages,
    metadata,
    paging,
    payload,
    reads,
    solution_components,
    unbound,
    writes,
)
from dataverse_sandbox.catalog import BY_SET, TABLES
from dataverse_sandbox.messages import Answer, Request, json_answer
from dataverse_sandbox.metadata import csdl, definition_writes
from dataverse_sandbox.store import Store, Transaction

_RESOURCE = re.compile(r"^(\$?\w+)(?:\(((?:'(?:[^']|'')*'|[^')])*)\))?(?:/(.*))?$", re.DOTALL)
_WRITE_OPTIONS = frozenset({"$select", "$expand", "$id", "tag", "SolutionUniqueName"})
_TOO_COMPLEX = re.compile("stack overflow|too large|too many|tables in a join", re.IGNORECASE)
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


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
    """Return the logical name of the table in a path, for fault rules; '' for anything else."""
    match = _RESOURCE.match(path)
    found = BY_SET.get(match[1]) if match else None
    return found.name if found else ""


@contextmanager
def _refusing_complex_queries() -> Iterator[None]:
    """Refuse queries that exceed SQLite's limits with 400 instead of failing."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if not _TOO_COMPLEX.search(str(error)):
            raise
        raise errors.bad_query("The query is too complex.") from None


class WebApi:
    """The handler of single requests over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def single(self, request: Request) -> Answer:
        """Answer one request outside a change set. Raises ApiError."""
        if request.method not in _METHODS:
            raise errors.unknown(f"the method {request.method}")
        messages.parse_preferences(request.headers.get("prefer", ""))  # refuses unknown ones, even if nothing uses them
        if request.method == "GET":
            with self._store.read() as connection, _refusing_complex_queries():
                return self._read(connection, request)
        with self._store.write(request.identity.author) as transaction:
            return self.write(transaction, request)

    def _read(self, connection: sqlite3.Connection, request: Request) -> Answer:
        if request.path == "":
            return json_answer(200, _service_document(request))
        if request.path == "$metadata":
            return csdl.answer(request)
        found = resource(request.path)
        if found.name in unbound.FUNCTIONS:
            return json_answer(200, unbound.FUNCTIONS[found.name](connection, request, found.key or ""))
        if found.name in metadata.ROOTS:
            return _definitions(connection, request, found)
        if found.name in unbound.ACTIONS:
            raise errors.wrong_method(request.base_url + found.name)
        table = payload.table_of(found.name)
        if found.key is None:
            return reads.below_set(connection, table, request, found.rest)
        return reads.below_row(connection, payload.address(table, found.key), request, found.rest)

    def write(self, transaction: Transaction, request: Request) -> Answer:
        """Run one POST, PATCH, PUT or DELETE inside an open transaction. Raises ApiError."""
        paging.check_options(request, _WRITE_OPTIONS)
        transaction.tag(request.options.get("tag", ""))
        skips = access.bypasses_plugin(request.headers, request.rights)
        looks = duplicates.is_requested(request.headers)
        transaction = replace(transaction, bypasses_plugin=skips, detects_duplicates=looks)
        solution = solution_components.named(transaction.connection, request)
        answer = _written(transaction, request)
        solution_components.keep(transaction, request, solution, answer)
        return answer


def _written(transaction: Transaction, request: Request) -> Answer:
    found = resource(request.path)
    if found.name in unbound.ACTIONS and request.method == "POST":
        return unbound.ACTIONS[found.name](transaction, request)
    if found.name in unbound.FUNCTIONS or found.name in unbound.ACTIONS:
        raise errors.wrong_method(request.base_url + found.name)
    if found.name in metadata.ROOTS:
        return definition_writes.answer(transaction, request, found.name, found.key, found.rest)
    table = payload.table_of(found.name)
    if found.key is None:
        action = bound.on_set(found.rest) if request.method == "POST" else None
        return (
            action(transaction, table, request) if action else writes.below_set(transaction, table, request, found.rest)
        )
    address = payload.address(table, found.key)
    on_row = bound.on_row(table, found.rest) if request.method == "POST" else None
    if on_row:
        return on_row(transaction, address, request)
    return writes.below_row(transaction, address, request, found.rest)


def _definitions(connection: sqlite3.Connection, request: Request, found: Resource) -> Answer:
    try:
        return json_answer(200, metadata.answer(connection, request, found.name, found.key, found.rest))
    except metadata.TextAnswer as single:
        return Answer(200, single.text.encode(), {"Content-Type": "text/plain", "OData-Version": "4.0"})


def _service_document(request: Request) -> dict[str, object]:
    sets = [{"name": table.set_name, "kind": "EntitySet", "url": table.set_name} for table in TABLES]
    return {"@odata.context": f"{request.base_url}$metadata", "value": sets}


def entity_path(answer: Answer) -> str:
    """Return `contacts(id)` from an answer's OData-EntityId, for Content-ID references."""
    return answer.headers.get("OData-EntityId", "").partition("/api/data/")[2].partition("/")[2]
