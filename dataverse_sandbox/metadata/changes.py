"""`RetrieveMetadataChanges`: the definitions of one query ("Query schema definitions").

Simplified: the newest version stamp returns nothing, any other returns everything, and deletions are not
listed. Without `Properties` a definition has all properties, but no columns, keys and relationships.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

from dataverse_sandbox import errors
from dataverse_sandbox.catalog import TABLES, Table, current
from dataverse_sandbox.metadata import relationships, tables
from dataverse_sandbox.metadata.names import NAMESPACE, TYPE, Item
from dataverse_sandbox.metadata.shaping import type_of

_ALWAYS = ("MetadataId", "LogicalName", "HasChanged")
# Collections of a table: the query's part that selects from them, and their builder.
_BELOW: dict[str, tuple[str, Callable[[Table], list[Item]]]] = {
    "Attributes": ("AttributeQuery", lambda table: [tables.column_item(table, column) for column in table.columns]),
    "Keys": ("KeyQuery", relationships.keys),
    "ManyToManyRelationships": ("RelationshipQuery", relationships.many_to_many),
    "ManyToOneRelationships": ("RelationshipQuery", relationships.many_to_one),
    "OneToManyRelationships": ("RelationshipQuery", relationships.one_to_many),
}


def changes(query: object, known_stamp: object) -> Item:
    """Return the answer's properties. Raises ApiError 400 or 501 for an invalid query."""
    spec = query if isinstance(query, dict) else {}
    stamp = str(current().version)
    wanted: Iterable[Table] = [] if known_stamp == stamp else TABLES
    found = [_table(table, spec) for table in wanted if _meets(tables.table_item(table), spec)]
    return {"EntityMetadata": found, "ServerVersionStamp": stamp, "DeletedMetadata": None}


def _table(table: Table, spec: Item) -> Item:
    names, everything = _properties(spec)
    item = _picked(tables.table_item(table), spec)
    for name, (part, make) in _BELOW.items():
        if everything or name in names:
            query = spec.get(part)
            query = query if isinstance(query, dict) else {}
            item[name] = [_typed(one, query) for one in make(table) if _meets(one, query)]
    return item


def _properties(spec: Item) -> tuple[list[object], bool]:
    given = spec.get("Properties")
    given = given if isinstance(given, dict) else {}
    names = given.get("PropertyNames")
    return (names if isinstance(names, list) else []), given.get("AllProperties") is True


def _picked(item: Item, spec: Item) -> Item:
    names, everything = _properties(spec)
    kept = {name: value for name, value in item.items() if name != TYPE}
    if everything or not names:
        return kept
    return {name: kept[name] for name in dict.fromkeys((*_ALWAYS, *map(str, names))) if name in kept}


def _typed(item: Item, spec: Item) -> Item:
    """Add the name of the complex type to an item of the answer; its choices need no name."""
    picked = {name: _plain(value) for name, value in _picked(item, spec).items()}
    return {TYPE: f"#{NAMESPACE}.Complex{type_of(item)}", **picked}


def _plain(value: object) -> object:
    return {name: inner for name, inner in value.items() if name != TYPE} if isinstance(value, dict) else value


def _meets(item: Item, spec: Item) -> bool:
    criteria = spec.get("Criteria")
    return criteria is None or _satisfies(item, criteria)


def _satisfies(item: Item, criteria: object) -> bool:
    if not isinstance(criteria, dict):
        raise errors.bad_query("'Criteria' is a filter expression.")
    conditions, inner = criteria.get("Conditions") or [], criteria.get("Filters") or []
    if not isinstance(conditions, list) or not all(isinstance(condition, dict) for condition in conditions):
        raise errors.bad_query("'Conditions' is a list.")
    results = [_holds(item, condition) for condition in conditions]
    results += [_satisfies(item, one) for one in inner] if isinstance(inner, list) else []
    return any(results) if criteria.get("FilterOperator") == "Or" and results else all(results)


def _holds(item: Item, condition: Item) -> bool:
    name, operator = str(condition.get("PropertyName")), condition.get("ConditionOperator")
    if name not in item:
        raise errors.bad_query(f"'{name[:60]}' is not a property of definitions.")
    is_one = _text(item[name]) in _values(condition.get("Value"))
    if operator in ("Equals", "In"):
        return is_one
    if operator in ("NotEquals", "NotIn"):
        return not is_one
    raise errors.unknown(f"the condition operator '{str(operator)[:40]}'")


def _values(given: object) -> set[str]:
    """Parse `{"Type": "System.String", "Value": "contact"}`; several as a list, JSON or separated by commas."""
    value = given.get("Value") if isinstance(given, dict) else given
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise errors.bad_query("'Value' is not JSON.") from None
    return {_text(one) for one in (value if isinstance(value, list) else re.split(r"\s*,\s*", _text(value)))}


def _text(value: object) -> str:
    """Return a comparable text: a managed property's value, booleans in lower case."""
    plain = value.get("Value") if isinstance(value, dict) else value
    return str(plain).lower() if str(plain).lower() in ("true", "false") else str(plain)
