"""Relationships and alternate keys as JSON, built from the catalog.

Shapes follow the RelationshipMetadataBase and EntityKeyMetadata reference of the Web API.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataverse_sandbox import key_indexes
from dataverse_sandbox.catalog import TABLES, Column, ManyToMany, OneToMany, Table, current
from dataverse_sandbox.metadata.names import INTRODUCED, TYPE, Item, label, managed, metadata_id
from dataverse_sandbox.metadata.tables import is_custom, is_custom_table


def keys(table: Table) -> list[Item]:
    return [
        {
            TYPE: "#Microsoft.Dynamics.CRM.EntityKeyMetadata",
            "MetadataId": metadata_id(table.name, key.name, "key"),
            "LogicalName": key.name,
            "SchemaName": key.schema_name or key.name,
            "EntityLogicalName": table.name,
            "DisplayName": label(key.label or key.name),
            "KeyAttributes": list(key.columns),
            "EntityKeyIndexStatus": key_indexes.status(key),
            "IsManaged": False,
            "IsCustomizable": managed("iscustomizable"),
            "IntroducedVersion": INTRODUCED,
            "IsSynchronous": False,
            "IsExportKey": False,
            "IsSecondaryKey": False,
        }
        for key in table.alternate_keys
    ]


def many_to_one(table: Table) -> list[Item]:
    """Return one relationship per target of a lookup; an owner's leads to the abstract "owner"."""
    return _unique(_relationship(one) for one in current().one_to_many if one.referencing.name == table.name)


def one_to_many(table: Table) -> list[Item]:
    return [_relationship(one) for one in current().one_to_many if one.referenced.name == table.name]


def many_to_many(table: Table) -> list[Item]:
    found = (pair for pair in current().collections(table).values() if isinstance(pair, ManyToMany))
    return [_pair(table, pair) for pair in found]


def everything() -> list[Item]:
    """Return every relationship once."""
    return _unique(item for table in TABLES for item in (*one_to_many(table), *many_to_many(table)))


def _unique(found: Iterable[Item]) -> list[Item]:
    return list({str(item["MetadataId"]): item for item in found}.values())


def _relationship_properties(schema_name: str, *, custom: bool) -> Item:
    return {
        "SchemaName": schema_name,
        "IsCustomRelationship": custom,
        "IsManaged": not custom,
        "IsValidForAdvancedFind": True,
        "IsCustomizable": managed("iscustomizable"),
        "SecurityTypes": "Append",
        "IntroducedVersion": INTRODUCED,
        "HasChanged": None,
    }


def _relationship(one: OneToMany) -> Item:
    is_owner = one.column.name == "ownerid"
    target = "owner" if is_owner else one.referenced.name
    custom = is_custom_table(one.referencing) or is_custom(one.referencing, one.column)
    return {
        TYPE: "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
        "MetadataId": metadata_id(one.referencing.name, one.column.name, target, "relationship"),
        **_relationship_properties(f"owner_{one.referencing.name}s" if is_owner else one.name, custom=custom),
        "RelationshipType": "OneToManyRelationship",
        "ReferencingEntity": one.referencing.name,
        "ReferencingAttribute": one.column.name,
        "ReferencingEntityNavigationPropertyName": one.column.navigation(one.referenced.name),
        "ReferencedEntity": target,
        "ReferencedAttribute": "ownerid" if is_owner else one.referenced.key.name,
        "ReferencedEntityNavigationPropertyName": one.name,
        "IsHierarchical": False,
        "CascadeConfiguration": _cascades(one.column),
        "AssociatedMenuConfiguration": _menu(),
    }


def _cascades(column: Column) -> Item:
    on_delete = {"cascade": "Cascade", "clear": "RemoveLink"}.get(column.on_delete, "Restrict")
    others = ("Assign", "Share", "Unshare", "Reparent", "Merge", "RollupView", "Archive")
    return {**dict.fromkeys(others, "NoCascade"), "Delete": on_delete}


def _menu() -> Item:
    menu: Item = {"Behavior": "UseCollectionName", "Group": "Details", "Order": None, "IsCustomizable": True}
    return {**menu, "Icon": None, "ViewId": None, "AvailableOffline": True, "MenuId": None, "Label": label("")}


def _pair(table: Table, pair: ManyToMany) -> Item:
    first, second = (pair.intersect.by_name[name] for name in (pair.near, pair.far))
    return {
        TYPE: "#Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata",
        "MetadataId": metadata_id(pair.intersect.name, "relationship"),
        **_relationship_properties(pair.name, custom=pair.intersect.is_custom),
        "RelationshipType": "ManyToManyRelationship",
        "IntersectEntityName": pair.intersect.name,
        "Entity1LogicalName": table.name,
        "Entity1IntersectAttribute": first.name,
        "Entity1NavigationPropertyName": pair.name,
        "Entity1AssociatedMenuConfiguration": _menu(),
        "Entity2LogicalName": pair.other.name,
        "Entity2IntersectAttribute": second.name,
        "Entity2NavigationPropertyName": pair.name,
        "Entity2AssociatedMenuConfiguration": _menu(),
    }
