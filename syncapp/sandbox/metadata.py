"""Table and column definitions as `EntityDefinitions` shows them, made from the catalogue.

Shapes follow "Query schema definitions" and the EntityMetadata / AttributeMetadata reference; a property that is not
listed here is refused when it is selected.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from odata_query import ast

from syncapp.sandbox import errors, filters
from syncapp.sandbox.catalogue import TABLES, Column, Kind, Option, Table
from syncapp.sandbox.messages import Request

Item = dict[str, object]
_NAMESPACE = uuid.UUID("6f1d2a34-9d0c-4b43-9b2f-0d1e2f3a4b5c")
_EXPAND = re.compile(r"(\w+)(?:\(\$select=([\w,\s]+)\))?(?:,|$)")
_REST = re.compile(r"^Attributes(?:\(LogicalName='(\w+)'\))?(?:/Microsoft\.Dynamics\.CRM\.(\w+))?$")

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


def answer(request: Request, key: str | None, rest: str) -> Item:
    """The body for a path below `EntityDefinitions`."""
    context = f"{request.base_url}$metadata#EntityDefinitions"
    if key is None and not rest:
        found = [_shaped(item, request) for item in map(_table_item, TABLES) if _passes(item, request)]
        return {"@odata.context": context, "value": found}
    table = _table(key or "")
    if not rest:
        return {"@odata.context": f"{context}/$entity", **_shaped(_table_item(table), request)}
    if rest == "ManyToOneRelationships":
        found = [_shaped(item, request) for item in _relationships(table) if _passes(item, request)]
        return {"@odata.context": f"{context}('{table.name}')/{rest}", "value": found}
    return {"@odata.context": f"{context}('{table.name}')/Attributes", **_columns(table, request, rest)}


def _relationships(table: Table) -> list[Item]:
    """One relationship for each table that a lookup leads to; an owner's leads to the abstract "owner"."""
    return [
        {
            "@odata.type": "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
            "MetadataId": _metadata_id(table.name, column.name, target, "relationship"),
            "SchemaName": f"{table.name}_{column.name}_{target}",
            "ReferencingEntity": table.name,
            "ReferencingAttribute": column.name,
            "ReferencingEntityNavigationPropertyName": column.navigation(target),
            "ReferencedEntity": "owner" if column.name == "ownerid" else target,
        }
        for column in table.columns
        for target in column.targets
    ]


def _table(key: str) -> Table:
    name = key.removeprefix("LogicalName=").strip("'")
    for table in TABLES:
        if name in (table.name, _metadata_id(table.name)):
            return table
    message = f"Could not find an entity with specified entity name: {name[:100]}"
    raise errors.ApiError(404, "0x80060888", message)


def _columns(table: Table, request: Request, rest: str) -> Item:
    match = _REST.match(rest)
    if match is None:
        raise errors.unknown(f"the path '{request.path[:150]}'")
    name, cast = match[1], match[2]
    items = [_column_item(table, column) for column in table.columns if _is_a(table, column, cast)]
    if name is None:
        return {"value": [_shaped(item, request) for item in items if _passes(item, request)]}
    found = next((item for item in items if item["LogicalName"] == name), None)
    if found is None:
        raise errors.ApiError(404, "0x80060888", f"Could not find an attribute with specified name: {name}")
    return _shaped(found, request)


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
    expanded = dict(_EXPAND.findall(request.options.get("$expand", "")))
    select = [name.strip() for name in request.options.get("$select", "").split(",") if name.strip()]
    for name in (*select, *expanded):
        if name not in item and name not in _SOMETIMES:
            raise errors.no_such_property(name, str(item["@odata.type"]).rpartition(".")[2])
    kept = select or [name for name in item if name not in _EXPANDABLE]
    wanted = dict.fromkeys(["@odata.type", "MetadataId", *kept])
    shaped = {name: item[name] for name in wanted if name in item}
    return shaped | {name: _inner(item.get(name), inner) for name, inner in expanded.items()}


def _inner(value: object, select: str) -> object:
    if not isinstance(value, dict) or not select:
        return value
    names = [name.strip() for name in select.split(",")]
    return {"MetadataId": value.get("MetadataId"), **{name: value[name] for name in names if name in value}}


_EXPANDABLE = frozenset({"OptionSet", "GlobalOptionSet", "Attributes"})
# Properties that some column types have and others lack.
_SOMETIMES = frozenset(
    {"MaxLength", "Targets", "Format", "FormatName", "Precision", "MinValue", "MaxValue", "DefaultFormValue"}
) | frozenset({"OptionSet", "GlobalOptionSet", "DateTimeBehavior", "DefaultValue"})


def _passes(item: Item, request: Request) -> bool:
    """`$filter` over definitions: comparisons with eq, ne, and, or."""
    text = request.options.get("$filter")
    return text is None or _holds(filters.parse(text), item)


def _holds(node: ast._Node, item: Item) -> bool:
    if isinstance(node, ast.BoolOp):
        both: Callable[[list[bool]], bool] = all if isinstance(node.op, ast.And) else any
        return both([_holds(node.left, item), _holds(node.right, item)])
    if isinstance(node, ast.Compare) and isinstance(node.comparator, ast.Eq | ast.NotEq):
        equal = _property(node.left, item) == _literal(node.right)
        return equal is isinstance(node.comparator, ast.Eq)
    raise errors.unknown(f"'{type(node).__name__}' in a $filter on definitions")


def _property(node: ast._Node, item: Item) -> object:
    name = filters.identifier(node) if isinstance(node, ast.Identifier) else ""
    if name not in item:
        raise errors.bad_query(f"Could not find a property named '{name}' in the definitions.")
    return item[name]


def _literal(node: ast._Node) -> object:
    """A plain literal, or an enumeration member such as Microsoft.Dynamics.CRM.AttributeTypeCode'Picklist'."""
    if isinstance(node, ast._Literal):
        return node.py_val
    raise errors.unknown(f"'{type(node).__name__}' on the right of a comparison on definitions")


def _metadata_id(*names: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, ".".join(names)))


def _label(text: str) -> Item:
    own = {"Label": text, "LanguageCode": 1033, "IsManaged": True, "MetadataId": _metadata_id("label", text)}
    return {"LocalizedLabels": [own], "UserLocalizedLabel": own}


def _table_item(table: Table) -> Item:
    return {
        "@odata.type": "#Microsoft.Dynamics.CRM.EntityMetadata",
        "MetadataId": _metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.name,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "DisplayName": _label(table.label),
        "DisplayCollectionName": _label(table.plural_label),
        "ObjectTypeCode": table.object_type_code,
        "PrimaryIdAttribute": table.key.name,
        "PrimaryNameAttribute": table.primary_name,
        "ChangeTrackingEnabled": table.change_tracking,
        "IsOptimisticConcurrencyEnabled": True,
        "IsCustomEntity": table.name.startswith("osync_"),
        "IsActivity": False,
        "OwnershipType": "UserOwned" if "ownerid" in table.by_name else "OrganizationOwned",
    }


def _column_item(table: Table, column: Column) -> Item:
    attribute_type, type_name, stem = _types(column)
    return {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{stem}AttributeMetadata",
        "MetadataId": _metadata_id(table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.name,
        "EntityLogicalName": table.name,
        "AttributeType": attribute_type,
        "AttributeTypeName": {"Value": f"{type_name}Type"},
        "DisplayName": _label(column.label),
        "RequiredLevel": {
            "Value": column.required,
            "CanBeChanged": True,
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
        },
        "IsPrimaryId": column is table.key,
        "IsPrimaryName": column.name == table.primary_name,
        "IsCustomAttribute": column.name.startswith("osync_"),
        "IsValidForCreate": column.creatable and table.writable,
        "IsValidForUpdate": column.updatable and table.writable,
        "IsValidForRead": True,
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
        "MetadataId": _metadata_id(table.name, column.name, "options"),
        "Name": f"{table.name}_{column.name}",
        "IsGlobal": False,
        "OptionSetType": _TYPES[column.kind][0] if column.kind is not Kind.CHOICES else "Picklist",
    }
    options = [_option(option) for option in column.options]
    if column.kind is Kind.YES_NO:
        return {**shared, "FalseOption": options[0], "TrueOption": options[1]}
    return {**shared, "Options": options}


def _option(option: Option) -> Item:
    item: Item = {"Value": option.value, "Label": _label(option.label), "Description": _label("")}
    return item if option.state is None else {**item, "State": option.state}
