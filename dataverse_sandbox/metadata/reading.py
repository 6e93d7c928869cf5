"""The paths below `EntityDefinitions`, `RelationshipDefinitions` and `GlobalOptionSetDefinitions`.

A path is followed segment by segment: a key picks one item of a collection, a type name casts, anything else is a
property ("Query table definitions using the Web API").
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dataverse_sandbox import errors, expansion_syntax
from dataverse_sandbox.catalog import TABLES, Column, Table, current
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.messages import Request
from dataverse_sandbox.metadata import option_sets, relationships, tables
from dataverse_sandbox.metadata.names import NAMESPACE, Item, metadata_id
from dataverse_sandbox.metadata.shaping import Declared, LazyProperty, check_options, passes, selected, shaped, type_of

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAMED = re.compile(r"(\w+)='([^']*)'")
_SEGMENT = re.compile(r"([\w.$]+)(?:\((.*)\))?", re.DOTALL)
NOT_FOUND = "0x80060888"


class TextAnswer(Exception):
    """The answer to a request for a raw value, `.../ObjectTypeCode/$value`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class Listed:
    """A collection at the end of a path; `names` are the possible key properties."""

    items: list[Declared]
    context: str
    names: tuple[str, ...]
    what: str


@dataclass(frozen=True)
class One:
    """A definition at the end of a path; `address` is the beginning of the addresses below it."""

    found: Declared
    context: str
    address: str


@dataclass(frozen=True)
class Single:
    """A property's value at the end of a path."""

    value: object
    context: str


Place = Listed | One | Single


def answer(connection: sqlite3.Connection, request: Request, root: str, key: str | None, rest: str) -> Item:
    """Answer a path below one of the roots. Raises ApiError, or TextAnswer for a raw value."""
    check_options(request)
    place: Place = _ROOTS[root](connection, f"{request.base_url}$metadata#{root}")
    if key is not None:
        place = _picked(place, request, key)
    for segment in expansion_syntax.split(rest, "/"):
        place = _followed(place, request, segment)
    if isinstance(place, Single):
        return _single(place)
    if isinstance(place, One):
        context = f"{place.context}{selected(request.options)}/$entity"
        return {"@odata.context": context, **shaped(place.found, request.options)}
    return _list(place, request)


def _list(place: Listed, request: Request) -> Item:
    if place.what == "option set" and "$filter" in request.options:
        raise errors.bad_query("The query parameter $filter is not supported")
    found = [shaped(one, request.options) for one in place.items if passes(one, request.options)]
    return {"@odata.context": place.context + selected(request.options), "value": found}


def _single(place: Single) -> Item:
    if isinstance(place.value, dict):
        return {"@odata.context": place.context, **place.value}
    return {"@odata.context": place.context, "value": place.value}


def _picked(place: Place, request: Request, key: str) -> Place:
    if not isinstance(place, Listed):
        raise errors.bad_query(f"'({key[:60]})' cannot follow what is not a collection.")
    name, value = _key(place, request, key)
    for one in place.items:
        if str(one.item[name]).lower() == value.lower():
            key_text = value if name == "MetadataId" else f"'{value}'"
            return One(one, place.context, f"{place.context}({key_text})")
    raise not_found(place.what, value)


def _key(place: Listed, request: Request, key: str) -> tuple[str, str]:
    """Return property and value of `LogicalName='x'`, `LogicalName=@p` or a MetadataId."""
    if _GUID.fullmatch(key):
        return "MetadataId", key
    name, _, alias = key.partition("=")
    text = f"{name}={request.options.get(alias, '')}" if alias.startswith("@") else key
    match = _NAMED.fullmatch(text)
    if match is None or match[1] not in place.names:
        raise errors.bad_query(f"The key '{key[:60]}' is neither a MetadataId nor {' or '.join(place.names)}='...'.")
    return match[1], match[2]


_MISSING = {
    "entity": "an entity with specified entity name",
    "attribute": "an attribute with specified name",
    "relationship": "a relationship with the name",
    "key": "a key with specified name",
    "option set": "an option set with the name",
}


def not_found(what: str, name: str) -> ApiError:
    return ApiError(404, NOT_FOUND, f"Could not find {_MISSING[what]}: {name[:100]}")


def _followed(place: Place, request: Request, segment: str) -> Place:
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise errors.unknown(f"the path '{request.path[:150]}'")
    name, key = match[1], match[2]
    if name.startswith(f"{NAMESPACE}."):
        return _cast(place, name.removeprefix(f"{NAMESPACE}."), request)
    if name == "$value" and isinstance(place, Single):
        raise TextAnswer(str(place.value).lower() if isinstance(place.value, bool) else str(place.value))
    if not isinstance(place, One):
        raise errors.unknown(f"the path '{request.path[:150]}'")
    reached = _property(place, name)
    return reached if key is None else _picked(reached, request, key)


def _property(place: One, name: str) -> Place:
    value = place.found.value(name)
    context = f"{place.address}/{name}"
    if isinstance(value, LazyProperty) and value.declared:
        what, names = _COLLECTIONS[name]
        return Listed([Declared(item, value.declared) for item in value.make()], context, names, what)
    if isinstance(value, LazyProperty):
        return Single(value.make(), context)
    if name in ("OptionSet", "GlobalOptionSet") and isinstance(value, dict):
        return One(Declared(value, type_of(value)), context, context)
    return Single(value, context)


def _cast(place: Place, name: str, request: Request) -> Place:
    context = f"{place.context}/{NAMESPACE}.{name}"
    if name not in _CASTS:
        raise errors.unknown(f"the metadata type '{name[:60]}'")
    if isinstance(place, Listed):
        found = [Declared(one.item, name) for one in place.items if type_of(one.item) == name]
        return replace(place, items=found, context=context)
    if isinstance(place, One) and type_of(place.found.item) == name:
        return One(Declared(place.found.item, name), context, f"{place.address}/{NAMESPACE}.{name}")
    if isinstance(place, One):
        raise not_found("attribute", str(place.found.item.get("LogicalName") or place.found.item.get("SchemaName")))
    raise errors.unknown(f"the path '{request.path[:150]}'")


# Column types without columns in the sandbox have an empty collection.
_CASTS = frozenset(
    {f"{stem}AttributeMetadata" for _, _, stem in tables.TYPES.values()}
    | {f"{stem}AttributeMetadata" for stem in ("EntityName", "File", "Image", "ManagedProperty")}
    | {"OneToManyRelationshipMetadata", "ManyToManyRelationshipMetadata"}
    | {"OptionSetMetadata", "BooleanOptionSetMetadata"}
)
_COLUMNS = ("attribute", ("LogicalName",))
_RELATIONSHIPS = ("relationship", ("SchemaName",))
_COLLECTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Attributes": _COLUMNS,
    "Keys": ("key", ("LogicalName",)),
    "ManyToManyRelationships": _RELATIONSHIPS,
    "ManyToOneRelationships": _RELATIONSHIPS,
    "OneToManyRelationships": _RELATIONSHIPS,
}


def _tables(connection: sqlite3.Connection, context: str) -> Listed:
    found = [Declared(_require_integer(connection, table), "EntityMetadata") for table in TABLES]
    return Listed(found, context, ("LogicalName",), "entity")


def _require_integer(connection: sqlite3.Connection, table: Table) -> Item:
    """Return a table's definition; its parts are built on request."""
    one_to_many, many_to_many = "OneToManyRelationshipMetadata", "ManyToManyRelationshipMetadata"

    def columns() -> list[Item]:
        return [tables.column_item(table, column) for column in table.columns]

    return {
        **tables.table_item(table),
        "Privileges": LazyProperty(lambda: tables.privileges(connection, table)),
        "Attributes": LazyProperty(columns, "AttributeMetadata"),
        "Keys": LazyProperty(lambda: relationships.keys(table), "EntityKeyMetadata"),
        "ManyToManyRelationships": LazyProperty(lambda: relationships.many_to_many(table), many_to_many),
        "ManyToOneRelationships": LazyProperty(lambda: relationships.many_to_one(table), one_to_many),
        "OneToManyRelationships": LazyProperty(lambda: relationships.one_to_many(table), one_to_many),
    }


def _relationships(_connection: sqlite3.Connection, context: str) -> Listed:
    found = [Declared(item, "RelationshipMetadataBase") for item in relationships.everything()]
    return Listed(found, context, ("SchemaName",), "relationship")


def _choices(_connection: sqlite3.Connection, context: str) -> Listed:
    items = (option_sets.global_item(choice) for choice in current().choices.values())
    found = [Declared(item, "OptionSetMetadataBase") for item in items]
    return Listed(found, context, ("Name",), "option set")


_ROOTS: Mapping[str, Callable[[sqlite3.Connection, str], Listed]] = {
    "EntityDefinitions": _tables,
    "RelationshipDefinitions": _relationships,
    "GlobalOptionSetDefinitions": _choices,
}


def table_of_key(key: str) -> Table:
    """Return the table by `LogicalName='x'` or MetadataId. Raises ApiError 404."""
    name = key.removeprefix("LogicalName=").strip("'").lower()
    for table in TABLES:
        if name in (table.name, metadata_id(table.name)):
            return table
    raise not_found("entity", name)


def column_of_key(table: Table, key: str) -> Column:
    name = key.removeprefix("LogicalName=").strip("'").lower()
    for column in table.columns:
        if name in (column.name, metadata_id(table.name, column.name)):
            return column
    raise not_found("attribute", name)
