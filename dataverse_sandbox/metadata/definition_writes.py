"""POST, PUT and DELETE of definitions ("Create and update table definitions using the Web API" and its neighbors).

A PUT replaces a whole definition; labels, lengths, limits, options, requirement level, change tracking and auditing
follow, the rest is ignored. Everything is usable at once: publishing changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dataverse_sandbox import customization, errors, option_values, relationship_definitions
from dataverse_sandbox.catalog import Column, Table, current
from dataverse_sandbox.column_definitions import choice_of_key
from dataverse_sandbox.messages import Answer, Request
from dataverse_sandbox.metadata.names import metadata_id
from dataverse_sandbox.metadata.reading import column_of_key, not_found, table_of_key
from dataverse_sandbox.rights import CUSTOMIZE
from dataverse_sandbox.store import Transaction

_DONE = Answer(204, b"", {"OData-Version": "4.0"})
_BELOW = re.compile(r"^(Attributes|Keys)(?:\(([^)]*)\))?(?:/Microsoft\.Dynamics\.CRM\.\w+)?$")

Body = Mapping[str, object]


def answer(transaction: Transaction, request: Request, root: str, key: str | None, rest: str) -> Answer:
    """Write a definition. Raises ApiError 403 without the right to customize, 501 for unknown requests."""
    transaction.author.rights.require(CUSTOMIZE)
    if root == "RelationshipDefinitions":
        return _relationship(transaction, request, key, rest)
    if root == "GlobalOptionSetDefinitions":
        return _global_choice(transaction, request, key, rest)
    if key is None and request.method == "POST" and not rest:
        made = customization.create_table(transaction, request.json())
        return _made(request, f"EntityDefinitions({metadata_id(made.name)})")
    if key is None:
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    table = table_of_key(key)
    if rest:
        return _below(transaction, request, table, rest)
    if request.method == "PUT":
        customization.change_table(transaction, table, request.json())
        return _DONE
    if request.method == "DELETE":
        customization.drop_table(transaction, table)
        return _DONE
    raise errors.unknown(f"{request.method} on '{request.path[:100]}'")


def _made(request: Request, path: str) -> Answer:
    headers = {"OData-EntityId": f"{request.base_url}{path}", "Location": f"{request.base_url}{path}"}
    return Answer(204, b"", {"OData-Version": "4.0", **headers})


def _below(transaction: Transaction, request: Request, table: Table, rest: str) -> Answer:
    match = _BELOW.match(rest)
    if match is None:
        raise errors.unknown(f"the path '{request.path[:150]}'")
    kind, key = match[1], match[2]
    change = _CHANGES.get((kind, request.method, key is not None))
    if change is None:
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    made = change(transaction, table, request, key or "")
    return _made(request, f"EntityDefinitions({metadata_id(table.name)})/{kind}({made})") if made else _DONE


def _add_column(transaction: Transaction, table: Table, request: Request, _key: str) -> str:
    column = customization.add_column(transaction, table, request.json())
    return metadata_id(table.name, column.name)


def _change_column(transaction: Transaction, table: Table, request: Request, key: str) -> str:
    customization.change_column(transaction, table, column_of_key(table, key), request.json())
    return ""


def _drop_column(transaction: Transaction, table: Table, _request: Request, key: str) -> str:
    customization.drop_column(transaction, table, column_of_key(table, key))
    return ""


def _add_key(transaction: Transaction, table: Table, request: Request, _key: str) -> str:
    made = customization.add_key(transaction, table, request.json())
    return metadata_id(table.name, made.name, "key")


def _drop_key(transaction: Transaction, table: Table, _request: Request, key: str) -> str:
    name = key.removeprefix("LogicalName=").strip("'").lower()
    for known in table.alternate_keys:
        if name in (known.name, metadata_id(table.name, known.name, "key")):
            customization.drop_key(transaction, table, known)
            return ""
    raise not_found("key", name)


Change = Callable[[Transaction, Table, Request, str], str]
_CHANGES: dict[tuple[str, str, bool], Change] = {
    ("Attributes", "POST", False): _add_column,
    ("Attributes", "PUT", True): _change_column,
    ("Attributes", "DELETE", True): _drop_column,
    ("Keys", "POST", False): _add_key,
    ("Keys", "DELETE", True): _drop_key,
}


def _relationship(transaction: Transaction, request: Request, key: str | None, rest: str) -> Answer:
    if key is None and request.method == "POST":
        names = relationship_definitions.create(transaction, request.json())
        return _made(request, f"RelationshipDefinitions({metadata_id(*names, 'relationship')})")
    if key is None or request.method not in ("PUT", "DELETE") or (rest and not rest.endswith("RelationshipMetadata")):
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    table, column = _named_relationship(key.removeprefix("SchemaName=").strip("'"))
    if request.method == "PUT" and column:
        relationship_definitions.change(transaction, table, column, request.json())
    elif request.method == "DELETE":
        _drop_relationship(transaction, table, column)
    return _DONE


def _drop_relationship(transaction: Transaction, table: Table, column: Column | None) -> None:
    if column:
        customization.drop_column(transaction, table, column)
    else:
        customization.drop_table(transaction, table)


def _named_relationship(name: str) -> tuple[Table, Column | None]:
    """Return a relationship's table and lookup, which an intersect table lacks. Raises ApiError 404."""
    for table in current().tables:
        for column in table.columns:
            ids = {metadata_id(table.name, column.name, target, "relationship") for target in column.targets}
            if name in column.collections.values() or name in ids:
                return table, column
        if table.link is not None and name in (table.link.collection, metadata_id(table.name, "relationship")):
            return table, None
    raise not_found("relationship", name)


def _global_choice(transaction: Transaction, request: Request, key: str | None, rest: str) -> Answer:
    if key is None and request.method == "POST":
        made = option_values.create(transaction, request.json())
        return _made(request, f"GlobalOptionSetDefinitions({metadata_id(made.name, 'global choice')})")
    if key is None or request.method not in ("PUT", "DELETE") or (rest and not rest.endswith("OptionSetMetadata")):
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    choice = choice_of_key(key)
    if choice is None:
        raise not_found("option set", key)
    if request.method == "PUT":
        option_values.change(transaction, choice, request.json())
    else:
        option_values.drop(transaction, choice)
    return _DONE
