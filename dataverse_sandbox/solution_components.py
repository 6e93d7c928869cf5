"""The list of a solution's components ("Work with solutions programmatically"), kept for requests that name a solution.

A table that a request creates belongs to the solution with everything below it. A column or key of another table adds
that table too, as a root without its parts (`rootcomponentbehavior` 1): the page has the values but not this case.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

from dataverse_sandbox import rows
from dataverse_sandbox.catalog import BY_NAME, SOLUTION_COMPONENT, current
from dataverse_sandbox.catalog.components import (
    COMPONENT_ATTRIBUTE,
    COMPONENT_KEY,
    COMPONENT_RELATIONSHIP,
    COMPONENT_ROLE,
    COMPONENT_TABLE,
    COMPONENT_WEB_RESOURCE,
)
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.messages import Answer, Request
from dataverse_sandbox.metadata.names import metadata_id
from dataverse_sandbox.store import Transaction

WITH_PARTS, WITHOUT_PARTS = 0, 1
_DEFINITION = re.compile(r"/EntityDefinitions\(([\w-]+)\)(?:/(Attributes|Keys)\(([\w-]+)\))?$")
_RELATIONSHIP = re.compile(r"/RelationshipDefinitions\(([\w-]+)\)$")
_ROW = re.compile(r"/(roles|webresourceset)\(([\w-]+)\)$")
_PARTS = (COMPONENT_ATTRIBUTE, COMPONENT_KEY, COMPONENT_RELATIONSHIP)
_BELOW = {"Attributes": COMPONENT_ATTRIBUTE, "Keys": COMPONENT_KEY}
_ROWS = {"roles": COMPONENT_ROLE, "webresourceset": COMPONENT_WEB_RESOURCE}
_TABLES = {COMPONENT_ROLE: "role", COMPONENT_WEB_RESOURCE: "webresource"}
_FOUND = "SELECT 1 FROM solutioncomponent WHERE solutionid = ? AND objectid = ?"
_HAS_PARTS = f"{_FOUND} AND rootcomponentbehavior = {WITH_PARTS}"

Component = tuple[int, str, int]


def named(connection: sqlite3.Connection, request: Request) -> str | None:
    """Return the id of the solution that a request names. Raises ApiError 400 unless it exists and is unmanaged."""
    name = request.headers.get("mscrm.solutionuniquename") or request.options.get("SolutionUniqueName")
    if name is None:
        return None
    statement = "SELECT solutionid FROM solution WHERE uniquename = ? COLLATE NOCASE AND NOT ismanaged"
    found = connection.execute(statement, (name,)).fetchone()
    if found is None:
        raise ApiError(400, "", f"There is no unmanaged solution with the unique name '{name[:100]}'.")
    return str(found[0])


def keep(transaction: Transaction, request: Request, solution: str | None, answer: Answer) -> None:
    """Add what the request created to the solution, or remove what it deleted from every solution."""
    if request.method == "DELETE":
        _forget_absent(transaction)
    if solution is None or request.method != "POST":
        return
    for kind, identity, behavior in _made(answer.headers.get("OData-EntityId", "")):
        _add(transaction, solution, (kind, identity, behavior))


def _made(address: str) -> Iterator[Component]:
    if match := _DEFINITION.search(address):
        table, below, identity = match[1], match[2], match[3]
        yield COMPONENT_TABLE, table, WITHOUT_PARTS if below else WITH_PARTS
        if below:
            yield _BELOW[below], identity, WITHOUT_PARTS
    elif match := _RELATIONSHIP.search(address):
        yield from _of_relationship(match[1])
    elif match := _ROW.search(address):
        yield _ROWS[match[1]], match[2], WITH_PARTS


def _of_relationship(identity: str) -> Iterator[Component]:
    """Yield the table with the lookup, the lookup and the relationship."""
    for one in current().one_to_many:
        if identity == metadata_id(one.referencing.name, one.column.name, one.referenced.name, "relationship"):
            table = one.referencing.name
            yield COMPONENT_TABLE, metadata_id(table), WITHOUT_PARTS
            yield COMPONENT_ATTRIBUTE, metadata_id(table, one.column.name), WITHOUT_PARTS
            yield COMPONENT_RELATIONSHIP, identity, WITHOUT_PARTS


def _add(transaction: Transaction, solution: str, component: Component) -> None:
    """Add a component once; parts of a table that is in the solution as a whole are not listed."""
    kind, identity, behavior = component
    connection = transaction.connection
    if connection.execute(_FOUND, (solution, identity)).fetchone():
        return
    table = _table_of(identity) if kind in _PARTS else None
    if table and connection.execute(_HAS_PARTS, (solution, metadata_id(table))).fetchone():
        return
    values = {"componenttype": kind, "objectid": identity, "rootcomponentbehavior": behavior, "solutionid": solution}
    rows.create(transaction, SOLUTION_COMPONENT, values)


def _table_of(identity: str) -> str | None:
    for table in current().tables:
        if identity in {metadata_id(table.name, column.name) for column in table.columns}:
            return table.name
        if identity in {metadata_id(table.name, key.name, "key") for key in table.alternate_keys}:
            return table.name
    for one in current().one_to_many:
        if identity == metadata_id(one.referencing.name, one.column.name, one.referenced.name, "relationship"):
            return one.referencing.name
    return None


def _forget_absent(transaction: Transaction) -> None:
    statement = "SELECT solutioncomponentid, componenttype, objectid FROM solutioncomponent"
    found = transaction.connection.execute(statement).fetchall()
    present = set(_definitions()) if found else set()
    for key, kind, identity in found:
        table = BY_NAME.get(_TABLES.get(kind, ""))
        if identity in present or (table and rows.find(transaction.connection, table, identity)):
            continue
        rows.delete(transaction, SOLUTION_COMPONENT, str(key))


def _definitions() -> Iterator[str]:
    for table in current().tables:
        yield metadata_id(table.name)
        yield from (metadata_id(table.name, column.name) for column in table.columns)
        yield from (metadata_id(table.name, key.name, "key") for key in table.alternate_keys)
    for one in current().one_to_many:
        yield metadata_id(one.referencing.name, one.column.name, one.referenced.name, "relationship")
