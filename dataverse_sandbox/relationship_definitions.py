"""Creation and changes of relationships at run time ("Create and update table relationships using the Web API")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dataverse_sandbox import column_definitions, customization, errors, schema
from dataverse_sandbox.catalog import Column, Kind, Link, Table, current
from dataverse_sandbox.catalog.columns import lookup, system_columns
from dataverse_sandbox.column_definitions import Body, label_of, schema_name_of
from dataverse_sandbox.store import Transaction


def create(transaction: Transaction, body: Body) -> tuple[str, ...]:
    """Create a lookup with its relationship, or an intersect table; return the identifying names."""
    kind = str(body.get("@odata.type", "")).rpartition(".")[2].removeprefix("Complex")
    if kind == "OneToManyRelationshipMetadata":
        return _one_to_many(transaction, body)
    if kind == "ManyToManyRelationshipMetadata":
        return _many_to_many(transaction, body)
    raise errors.unknown(f"the relationship type '{kind[:80]}'")


def _named_table(body: Body, name: str) -> Table:
    table = current().by_name.get(str(body.get(name) or "").lower())
    if table is None:
        raise errors.bad_payload(f"'{name}' is not the name of a table.")
    return table


def _one_to_many(transaction: Transaction, body: Body) -> tuple[str, ...]:
    referenced, referencing = _named_table(body, "ReferencedEntity"), _named_table(body, "ReferencingEntity")
    given = body.get("Lookup")
    if not isinstance(given, dict):
        raise errors.bad_payload("The definition has no 'Lookup'.")
    schema_name, relationship = schema_name_of(given), schema_name_of(body)
    back = str(body.get("ReferencedEntityNavigationPropertyName") or relationship)
    _must_be_free(referenced, back)
    column = Column(
        schema_name.lower(),
        Kind.LOOKUP,
        label_of(given, "DisplayName", schema_name),
        targets=(referenced.name,),
        schema_name=schema_name,
        navigation_name=str(body.get("ReferencingEntityNavigationPropertyName") or schema_name),
        collections={referenced.name: back},
        required=column_definitions.required(given),
        on_delete="cascade" if _cascades(body) else "clear",
    )
    customization.add(transaction, referencing, column)
    return referencing.name, column.name, referenced.name


def _must_be_free(table: Table, navigation: str) -> None:
    if navigation in current().collections(table) or navigation in table.navigations:
        raise errors.bad_payload(f"'{navigation[:80]}' exists already on '{table.name}'.")


def _cascades(body: Body) -> bool:
    configuration = body.get("CascadeConfiguration")
    return isinstance(configuration, Mapping) and configuration.get("Delete") == "Cascade"


def change(transaction: Transaction, table: Table, column: Column, body: Body) -> None:
    """Change the effect of deleting a row on the rows below it."""
    if isinstance(body.get("CascadeConfiguration"), Mapping):
        on_delete = "cascade" if _cascades(body) else "clear"
        customization.replace_column(transaction, table, replace(column, on_delete=on_delete))


def _many_to_many(transaction: Transaction, body: Body) -> tuple[str, ...]:
    first, second = _named_table(body, "Entity1LogicalName"), _named_table(body, "Entity2LogicalName")
    schema_name = schema_name_of(body)
    name = str(body.get("IntersectEntityName") or schema_name).lower()
    if first.name == second.name:
        raise errors.unknown("a many-to-many relationship of a table with itself")
    if name in current().by_name or not name.replace("_", "").isalnum():
        raise errors.bad_payload(f"A table with the name '{name[:60]}' exists already.")
    for table in (first, second):
        _must_be_free(table, schema_name)
    pair = tuple(lookup(f"{table.name}id", table.label, table.name, on_delete="cascade") for table in (first, second))
    intersect = Table(
        name=name,
        set_name=f"{name}set",
        schema_name=schema_name,
        label=schema_name,
        plural_label=schema_name,
        object_type_code=customization.next_code(),
        primary_name=f"{name}id",
        columns=(*system_columns(f"{name}id", schema_name), *pair),
        link=Link(schema_name, (pair[0].name, pair[1].name)),
        writable=False,
        is_custom=True,
    )
    customization.put(transaction, intersect, schema.table_statements(intersect))
    return (name,)
