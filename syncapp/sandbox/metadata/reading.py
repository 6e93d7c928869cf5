"""Table and column definitions as `EntityDefinitions` shows them, made from the catalogue.

Shapes follow "Query schema definitions" and the EntityMetadata / AttributeMetadata reference; a property that is not
listed here is refused when it is selected.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from syncapp.sandbox import errors, expansion, odata
from syncapp.sandbox.catalogue import (
    BUILT_IN,
    TABLES,
    Column,
    Kind,
    ManyToMany,
    OneToMany,
    Option,
    Table,
    current,
)
from syncapp.sandbox.messages import Request

Item = dict[str, object]
_NAMESPACE = uuid.UUID("6f1d2a34-9d0c-4b43-9b2f-0d1e2f3a4b5c")
_EXPAND = re.compile(r"(\w+)(?:\(\$select=([\w,\s]+)\))?")
_REST = re.compile(
    r"^Attributes(?:\(((?:LogicalName='\w+')|[0-9a-fA-F-]{36})\))?(?:/Microsoft\.Dynamics\.CRM\.(\w+))?$"
)

# Kind to AttributeType, the stem of AttributeTypeName and the stem of the metadata type.
_TYPES: dict[Kind, tuple[str, str, str]] = {
    Kind.KEY: ("Uniqueidentifier", "Uniqueidentifier", "UniqueIdentifier"),
    Kind.GUID: ("Uniqueidentifier", "Uniqueidentifier", "UniqueIdentifier"),
    Kind.TEXT: ("String", "String", "String"),
    Kind.MEMO: ("Memo", "Memo", "Memo"),
    Kind.CHOICE: ("Picklist", "Picklist", "Picklist"),
    Kind.CHOICES: ("Virtual", "MultiSelectPicklist", "MultiSelectPicklist"),
    Kind.YES_NO: ("Boolean", "Boolean", "Boolean"),
    Kind.INTEGER: ("Integer", "Integer", "Integer"),
    Kind.VERSION: ("BigInt", "BigInt", "BigInt"),
    Kind.DECIMAL: ("Decimal", "Decimal", "Decimal"),
    Kind.DOUBLE: ("Double", "Double", "Double"),
    Kind.MONEY: ("Money", "Money", "Money"),
    Kind.DATE: ("DateTime", "DateTime", "DateTime"),
    Kind.DATE_TIME: ("DateTime", "DateTime", "DateTime"),
    Kind.LOOKUP: ("Lookup", "Lookup", "Lookup"),
    Kind.STATE: ("State", "State", "State"),
    Kind.STATUS: ("Status", "Status", "Status"),
}


def answer(request: Request, root: str, key: str | None, rest: str) -> Item:
    """The body for a path below `EntityDefinitions` or `RelationshipDefinitions`."""
    if root == "RelationshipDefinitions":
        return _relationship_answer(request, key, rest)
    context = f"{request.base_url}$metadata#EntityDefinitions"
    if key is None and not rest:
        found = [_shaped(item, request) for item in map(_lazy, TABLES) if _passes(item, request)]
        return {"@odata.context": context, "value": found}
    table = table_of_key(key or "")
    if not rest:
        return {"@odata.context": f"{context}/$entity", **_shaped(_lazy(table), request)}
    if rest in _LISTS:
        found = [_shaped(item, request) for item in _LISTS[rest](table) if _passes(item, request)]
        return {"@odata.context": f"{context}('{table.name}')/{rest}", "value": found}
    name, _, tail = rest.partition("/")
    if tail == "$value" and name in table_item(table):
        raise TextAnswer(str(table_item(table)[name]))
    return {"@odata.context": f"{context}('{table.name}')/Attributes", **_columns(table, request, rest)}


class TextAnswer(Exception):
    """A single value is asked for as text, `.../ObjectTypeCode/$value`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def _relationship_answer(request: Request, key: str | None, rest: str) -> Item:
    if rest:
        raise errors.unknown(f"the path '{request.path[:150]}'")
    everything = [item for table in TABLES for item in (*_one_to_many(table), *_many_to_many(table))]
    unique = list({str(item["MetadataId"]): item for item in everything}.values())
    context = f"{request.base_url}$metadata#RelationshipDefinitions"
    if key is None:
        found = [_shaped(item, request) for item in unique if _passes(item, request)]
        return {"@odata.context": context, "value": found}
    name = key.removeprefix("SchemaName=").strip("'")
    item = next((item for item in unique if name in (item["SchemaName"], item["MetadataId"])), None)
    if item is None:
        raise errors.ApiError(404, "0x80060888", f"Could not find a relationship with the name: {name[:100]}")
    return {"@odata.context": f"{context}/$entity", **_shaped(item, request)}


def _many_to_one(table: Table) -> list[Item]:
    """One relationship for each table that a lookup leads to; an owner's leads to the abstract "owner"."""
    found = [_relationship(one) for one in current().one_to_many if one.referencing.name == table.name]
    return list({str(item["MetadataId"]): item for item in found}.values())


def _one_to_many(table: Table) -> list[Item]:
    return [_relationship(one) for one in current().one_to_many if one.referenced.name == table.name]


def _relationship(one: OneToMany) -> Item:
    is_owner = one.column.name == "ownerid"
    target = "owner" if is_owner else one.referenced.name
    name = f"owner_{one.referencing.name}s" if is_owner else one.name
    return {
        "@odata.type": "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
        "MetadataId": metadata_id(one.referencing.name, one.column.name, target, "relationship"),
        "SchemaName": name,
        "RelationshipType": "OneToManyRelationship",
        "IsCustomRelationship": one.referencing.is_custom or is_custom(one.referencing, one.column),
        "ReferencingEntity": one.referencing.name,
        "ReferencingAttribute": one.column.name,
        "ReferencingEntityNavigationPropertyName": one.column.navigation(one.referenced.name),
        "ReferencedEntity": target,
        "ReferencedAttribute": "ownerid" if is_owner else one.referenced.key.name,
        "ReferencedEntityNavigationPropertyName": one.name,
    }


def _many_to_many(table: Table) -> list[Item]:
    found = (pair for pair in current().collections(table).values() if isinstance(pair, ManyToMany))
    return [_pair(table, pair) for pair in found]


def _pair(table: Table, pair: ManyToMany) -> Item:
    first, second = (pair.intersect.by_name[name] for name in (pair.near, pair.far))
    return {
        "@odata.type": "#Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata",
        "MetadataId": metadata_id(pair.intersect.name, "relationship"),
        "SchemaName": pair.name,
        "RelationshipType": "ManyToManyRelationship",
        "IsCustomRelationship": pair.intersect.is_custom,
        "IntersectEntityName": pair.intersect.name,
        "Entity1LogicalName": table.name,
        "Entity1IntersectAttribute": first.name,
        "Entity1NavigationPropertyName": pair.name,
        "Entity2LogicalName": pair.other.name,
        "Entity2IntersectAttribute": second.name,
        "Entity2NavigationPropertyName": pair.name,
    }


def _keys(table: Table) -> list[Item]:
    return [
        {
            "@odata.type": "#Microsoft.Dynamics.CRM.EntityKeyMetadata",
            "MetadataId": metadata_id(table.name, key.name, "key"),
            "LogicalName": key.name,
            "SchemaName": key.schema_name or key.name,
            "EntityLogicalName": table.name,
            "DisplayName": label(key.label or key.name),
            "KeyAttributes": list(key.columns),
            "EntityKeyIndexStatus": "Active",
        }
        for key in table.alternate_keys
    ]


_LISTS: Mapping[str, Callable[[Table], list[Item]]] = {
    "ManyToOneRelationships": _many_to_one,
    "OneToManyRelationships": _one_to_many,
    "ManyToManyRelationships": _many_to_many,
    "Keys": _keys,
}


def table_of_key(key: str) -> Table:
    """The table that `LogicalName='x'` or a MetadataId names; ApiError 404."""
    name = key.removeprefix("LogicalName=").strip("'").lower()
    for table in TABLES:
        if name in (table.name, metadata_id(table.name)):
            return table
    message = f"Could not find an entity with specified entity name: {name[:100]}"
    raise errors.ApiError(404, "0x80060888", message)


def column_of_key(table: Table, key: str) -> Column:
    name = key.removeprefix("LogicalName=").strip("'").lower()
    for column in table.columns:
        if name in (column.name, metadata_id(table.name, column.name)):
            return column
    raise errors.ApiError(404, "0x80060888", f"Could not find an attribute with specified name: {name[:100]}")


def is_custom(table: Table, column: Column) -> bool:
    """Whether somebody has added the column: the company, or a request."""
    built_in = BUILT_IN.by_name.get(table.name)
    return column.name.startswith("osync_") or built_in is None or column.name not in built_in.by_name


def _lazy(table: Table) -> Item:
    """A table's definition, whose columns are made when they are asked for."""
    item = table_item(table)
    item["Attributes"] = _Later(lambda: [column_item(table, column) for column in table.columns])
    for name, made in _LISTS.items():
        item[name] = _Later(lambda made=made: made(table))  # type: ignore[misc]  # the default binds the loop's value
    return item


@dataclass(frozen=True)
class _Later:
    make: Callable[[], list[Item]]


def _columns(table: Table, request: Request, rest: str) -> Item:
    match = _REST.match(rest)
    if match is None:
        raise errors.unknown(f"the path '{request.path[:150]}'")
    key, cast = match[1], match[2]
    if key is not None:
        column = column_of_key(table, key)
        if not _is_a(table, column, cast):
            raise errors.ApiError(404, "0x80060888", f"Could not find an attribute with specified name: {column.name}")
        return _shaped(column_item(table, column), request)
    items = [column_item(table, column) for column in table.columns if _is_a(table, column, cast)]
    return {"value": [_shaped(item, request) for item in items if _passes(item, request)]}


def _is_a(table: Table, column: Column, cast: str | None) -> bool:
    if cast is None:
        return True
    known = {f"{stem}AttributeMetadata" for _, _, stem in _TYPES.values()} | {"EnumAttributeMetadata"}
    if cast not in known:
        raise errors.unknown(f"the metadata type '{cast}'")
    if cast == "EnumAttributeMetadata":
        return bool(column.options)
    return cast == f"{_TYPES[column.kind][2]}AttributeMetadata"


def _shaped(item: Item, request: Request) -> Item:
    """The item with only what `$select` and `$expand` ask for; expandable properties come only when asked."""
    expanded = _expanded(request.options.get("$expand", ""))
    select = [name.strip() for name in request.options.get("$select", "").split(",") if name.strip()]
    for name in (*select, *expanded):
        if name not in item and name not in _SOMETIMES:
            raise errors.no_such_property(name, str(item["@odata.type"]).rpartition(".")[2])
    kept = select or [name for name in item if name not in _EXPANDABLE]
    wanted = dict.fromkeys(["@odata.type", "MetadataId", *kept])
    shaped = {name: item[name] for name in wanted if name in item}
    return shaped | {name: _inner(item.get(name), inner) for name, inner in expanded.items()}


def _expanded(text: str) -> dict[str, str]:
    """`OptionSet($select=Options),Attributes` to names and what is selected inside."""
    found = {}
    for part in expansion.split(text, ","):
        match = _EXPAND.fullmatch(part)
        if match is None:
            raise errors.unknown(f"'{part[:80]}' in an $expand on definitions")
        found[match[1]] = match[2] or ""
    return found


def _inner(value: object, select: str) -> object:
    if isinstance(value, _Later):
        return [_inner({k: v for k, v in item.items() if k not in _EXPANDABLE}, select) for item in value.make()]
    if not isinstance(value, dict) or not select:
        return value
    names = [name.strip() for name in select.split(",")]
    return {"MetadataId": value.get("MetadataId"), **{name: value[name] for name in names if name in value}}


_EXPANDABLE = frozenset({"OptionSet", "GlobalOptionSet", "Attributes", *_LISTS})
# Properties that some column types have and others lack.
_SOMETIMES = frozenset(
    {"MaxLength", "Targets", "Format", "FormatName", "Precision", "MinValue", "MaxValue", "DefaultFormValue"}
) | frozenset({"OptionSet", "GlobalOptionSet", "DateTimeBehavior", "DefaultValue"})


def _passes(item: Item, request: Request) -> bool:
    """`$filter` over definitions: comparisons with eq, ne, and, or."""
    text = request.options.get("$filter")
    return text is None or _holds(odata.parse(text), item)


def _holds(node: odata.Node, item: Item) -> bool:
    if isinstance(node, odata.Logic):
        both: Callable[[list[bool]], bool] = all if node.word == "and" else any
        return both([_holds(part, item) for part in node.parts])
    if isinstance(node, odata.Not):
        return not _holds(node.inner, item)
    if isinstance(node, odata.Compare) and node.word in ("eq", "ne"):
        equal = _property(node.left, item) == _literal(node.right)
        return equal is (node.word == "eq")
    raise errors.unknown(f"'{type(node).__name__}' in a $filter on definitions")


def _property(node: odata.Node, item: Item) -> object:
    names = node.names if isinstance(node, odata.Path) else ("",)
    found: object = item
    for name in names:
        if not isinstance(found, dict) or name not in found:
            raise errors.bad_query(f"Could not find a property named '{name[:80]}' in the definitions.")
        found = found[name]
    return found


def _literal(node: odata.Node) -> object:
    """A plain literal, or an enumeration member such as Microsoft.Dynamics.CRM.AttributeTypeCode'Picklist'."""
    if isinstance(node, odata.Literal):
        return node.value
    raise errors.unknown(f"'{type(node).__name__}' on the right of a comparison on definitions")


def metadata_id(*names: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, ".".join(names)))


def label(text: str) -> Item:
    own = {"Label": text, "LanguageCode": 1033, "IsManaged": True, "MetadataId": metadata_id("label", text)}
    return {"LocalizedLabels": [own], "UserLocalizedLabel": own}


def table_item(table: Table) -> Item:
    return {
        "@odata.type": "#Microsoft.Dynamics.CRM.EntityMetadata",
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "DisplayName": label(table.label),
        "DisplayCollectionName": label(table.plural_label),
        "ObjectTypeCode": table.object_type_code,
        "PrimaryIdAttribute": table.key.name,
        "PrimaryNameAttribute": table.primary_name,
        "PrimaryImageAttribute": None,
        "ChangeTrackingEnabled": table.change_tracking,
        "IsOptimisticConcurrencyEnabled": True,
        "Description": label(""),
        "IsCustomEntity": table.is_custom,
        "IsActivity": table.is_activity,
        "IsPrivate": False,
        "IsIntersect": table.link is not None,
        "HasActivities": table.name in ("account", "contact"),
        "HasNotes": False,
        "OwnershipType": "UserOwned" if "ownerid" in table.by_name else "OrganizationOwned",
    }


def column_item(table: Table, column: Column) -> Item:
    attribute_type, type_name, stem = _types(column)
    return {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{stem}AttributeMetadata",
        "MetadataId": metadata_id(table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.schema_name or column.name,
        "EntityLogicalName": table.name,
        "AttributeType": attribute_type,
        "AttributeTypeName": {"Value": f"{type_name}Type"},
        "DisplayName": label(column.label),
        "RequiredLevel": {
            "Value": column.required,
            "CanBeChanged": True,
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
        },
        "IsPrimaryId": column is table.key,
        "IsPrimaryName": column.name == table.primary_name,
        "IsCustomAttribute": is_custom(table, column),
        "IsValidForCreate": column.creatable and table.writable,
        "IsValidForUpdate": column.updatable and table.writable,
        "IsValidForRead": column.readable,
        "IsLogical": False,
        "AttributeOf": None,
        **_specifics(table, column),
    }


def _types(column: Column) -> tuple[str, str, str]:
    if column.name == "parentcustomerid":
        return "Customer", "Customer", "Lookup"
    if column.name == "ownerid":
        return "Owner", "Owner", "Lookup"
    return _TYPES[column.kind]


def _specifics(table: Table, column: Column) -> Item:
    if column.kind in (Kind.TEXT, Kind.MEMO):
        return {
            "MaxLength": column.max_length,
            "Format": column.text_format,
            "FormatName": {"Value": column.text_format},
        }
    if column.kind is Kind.LOOKUP:
        return {"Targets": list(column.targets)}
    if column.kind in (Kind.DATE, Kind.DATE_TIME):
        is_date = column.kind is Kind.DATE
        behavior = {"Value": "DateOnly" if is_date else "UserLocal"}
        return {"Format": "DateOnly" if is_date else "DateAndTime", "DateTimeBehavior": behavior}
    if column.options:
        return {"OptionSet": _option_set(table, column), "GlobalOptionSet": None}
    if column.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE, Kind.MONEY):
        limits: Item = {"MinValue": column.minimum, "MaxValue": column.maximum}
        return limits if column.kind is Kind.INTEGER else {**limits, "Precision": column.precision}
    return {}


def _option_set(table: Table, column: Column) -> Item:
    shared: Item = {
        "MetadataId": metadata_id(table.name, column.name, "options"),
        "Name": f"{table.name}_{column.name}",
        "IsGlobal": False,
        "OptionSetType": _TYPES[column.kind][0] if column.kind is not Kind.CHOICES else "Picklist",
    }
    options = [_option(option) for option in column.options]
    if column.kind is Kind.YES_NO:
        return {**shared, "FalseOption": options[0], "TrueOption": options[1]}
    return {**shared, "Options": options}


def _option(option: Option) -> Item:
    item: Item = {"Value": option.value, "Label": label(option.label), "Description": label("")}
    return item if option.state is None else {**item, "State": option.state}
