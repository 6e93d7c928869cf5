"""Tables and columns as JSON, built from the catalog.

Shapes follow the EntityMetadata and AttributeMetadata reference of the Web API. Properties unknown to the sandbox
(mail merge, icons) have the value of a new table.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache

from dataverse_sandbox.catalog import AUDIT, BUILT_IN, Column, Kind, Table
from dataverse_sandbox.metadata import option_sets
from dataverse_sandbox.metadata.names import INTRODUCED, TYPE, Item, label, managed, metadata_id
from dataverse_sandbox.metadata.schema_names import published

_VERBS = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")
# Kind to AttributeType, the stem of AttributeTypeName and the stem of the metadata type.
TYPES: dict[Kind, tuple[str, str, str]] = {
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


def is_custom(table: Table, column: Column) -> bool:
    """Return whether the company or a request has added the column."""
    built_in = BUILT_IN.by_name.get(table.name)
    return column.name.startswith("osync_") or built_in is None or column.name not in built_in.by_name


def is_custom_table(table: Table) -> bool:
    return table.is_custom or table.name.startswith("osync_")


@lru_cache(maxsize=512)
def table_item(table: Table) -> Item:
    return {
        TYPE: "#Microsoft.Dynamics.CRM.EntityMetadata",
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "CollectionSchemaName": table.set_name,
        "DisplayName": label(table.label),
        "DisplayCollectionName": label(table.plural_label),
        "Description": label(""),
        "ObjectTypeCode": table.object_type_code,
        "PrimaryIdAttribute": table.key.name,
        "PrimaryNameAttribute": table.primary_name,
        "PrimaryImageAttribute": None,
        "ChangeTrackingEnabled": table.change_tracking,
        "IsOptimisticConcurrencyEnabled": True,
        "IsCustomEntity": is_custom_table(table),
        "IsActivity": table.is_activity,
        "IsActivityParty": table.name in ("account", "contact", "systemuser", "team"),
        "IsPrivate": False,
        "IsIntersect": table.link is not None,
        "HasActivities": table.name in ("account", "contact"),
        "OwnershipType": "UserOwned" if "ownerid" in table.by_name else "OrganizationOwned",
        **_table_properties(table),
    }


def _table_properties(table: Table) -> Item:
    """Return the properties that nearly all tables share."""
    is_visible = table.link is None and table.writable
    names = ("IsBPFEntity", "IsChildEntity", "IsLogicalEntity", "IsAIRUpdated", "IsAvailableOffline")
    features = ("HasNotes", "HasFeedback", "IsDocumentManagementEnabled", "IsKnowledgeManagementEnabled")
    more = ("IsQuickCreateEnabled", "IsBusinessProcessEnabled", "IsSLAEnabled", "AutoCreateAccessTeams")
    return {
        **dict.fromkeys((*names, *features, *more), False),
        **{name: managed(name.lower()) for name in ("IsCustomizable", "IsRenameable", "IsMappable")},
        **{name: managed(name.lower()) for name in ("CanCreateAttributes", "CanCreateForms", "CanCreateViews")},
        "IsAuditEnabled": managed("canmodifyauditsettings", table.audited, can_be_changed=table.name != AUDIT.name),
        "IsValidForQueue": managed("isvalidforqueue", value=False),
        **{
            name: managed(name.lower(), value=False)
            for name in ("IsConnectionsEnabled", "IsDuplicateDetectionEnabled", "IsMailMergeEnabled")
        },
        **dict.fromkeys(("IconLargeName", "IconMediumName", "IconSmallName", "IconVectorName", "EntityColor")),
        **dict.fromkeys(("DataProviderId", "DataSourceId", "ExternalName", "ExternalCollectionName", "HasChanged")),
        "IsManaged": not is_custom_table(table),
        "IsImportable": is_visible,
        "IsValidForAdvancedFind": is_visible,
        "IsStateModelAware": "statecode" in table.by_name,
        "IntroducedVersion": INTRODUCED,
        "ReportViewName": f"Filtered{table.schema}",
        "ActivityTypeMask": int(table.is_activity),
        "TableType": "Standard",
    }


def privileges(connection: sqlite3.Connection, table: Table) -> list[Item]:
    """Return the table's privileges by the ids that roles use; none if anyone may read it."""
    if not table.privilege:
        return []
    wanted = {f"prv{verb}{table.privilege}": verb for verb in _VERBS}
    marks = ",".join("?" * len(wanted))
    statement = f"SELECT name, privilegeid FROM privilege WHERE name IN ({marks}) ORDER BY name"  # noqa: S608 - marks only
    levels = dict.fromkeys(("CanBeBasic", "CanBeLocal", "CanBeDeep", "CanBeGlobal"), True)
    return [
        {**levels, "Name": name, "PrivilegeId": identity, "PrivilegeType": wanted[name]}
        for name, identity in connection.execute(statement, tuple(wanted))
    ]


def column_item(table: Table, column: Column) -> Item:
    return {**_column_properties(table, column), **_specifics(table, column)}


@lru_cache(maxsize=2_048)
def _column_properties(table: Table, column: Column) -> Item:
    attribute_type, type_name, stem = _types(column)
    return {
        TYPE: f"#Microsoft.Dynamics.CRM.{stem}AttributeMetadata",
        "MetadataId": metadata_id(table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.schema_name or published(table.name, column.name),
        "EntityLogicalName": table.name,
        "AttributeType": attribute_type,
        "AttributeTypeName": {"Value": f"{type_name}Type"},
        "DisplayName": label(column.label),
        "Description": label(""),
        "RequiredLevel": managed("canmodifyrequirementlevelsettings", column.required),
        "IsPrimaryId": column is table.key,
        "IsPrimaryName": column.name == table.primary_name,
        "IsCustomAttribute": is_custom(table, column),
        "IsValidForCreate": column.creatable and table.writable,
        "IsValidForUpdate": column.updatable and table.writable,
        "IsValidForRead": column.readable,
        "ColumnNumber": table.columns.index(column) + 1,
        **_abilities_of_a_column(table, column),
    }


def _abilities_of_a_column(table: Table, column: Column) -> Item:
    no = ("IsLogical", "IsSecured", "CanBeSecuredForCreate", "CanBeSecuredForRead", "CanBeSecuredForUpdate")
    nothing = ("AttributeOf", "LinkedAttributeId", "InheritsFrom", "DeprecatedVersion", "ExternalName", "HasChanged")
    return {
        **dict.fromkeys((*no, "IsDataSourceSecret", "IsFilterable", "IsSearchable", "IsRetrievable"), False),
        **dict.fromkeys((*nothing, "SourceType", "AutoNumberFormat")),
        **{name: managed(name.lower()) for name in ("IsCustomizable", "IsRenameable")},
        "IsAuditEnabled": managed("canmodifyauditsettings", column.audited, can_be_changed=column.ledgered),
        "IsValidForAdvancedFind": managed("canmodifysearchsettings", column.readable),
        "IsGlobalFilterEnabled": managed("canmodifyglobalfiltersettings", value=False),
        "IsSortableEnabled": managed("canmodifyissortablesettings", value=False),
        "IsManaged": not is_custom(table, column),
        "IsValidForForm": column.kind is not Kind.VERSION,
        "IsValidForGrid": column.kind is not Kind.VERSION,
        "IsRequiredForForm": False,
        "IsValidODataAttribute": column.readable,
        "IntroducedVersion": INTRODUCED,
    }


def _types(column: Column) -> tuple[str, str, str]:
    if column.name == "parentcustomerid":
        return "Customer", "Customer", "Lookup"
    if column.name == "ownerid":
        return "Owner", "Owner", "Lookup"
    return TYPES[column.kind]


def _specifics(table: Table, column: Column) -> Item:
    if column.kind in (Kind.TEXT, Kind.MEMO):
        return {
            "MaxLength": column.max_length,
            "Format": column.text_format,
            "FormatName": {"Value": column.text_format},
            "ImeMode": "Auto",
            "IsLocalizable": False,
        }
    if column.kind is Kind.LOOKUP:
        return {"Targets": list(column.targets), "Format": "None"}
    if column.kind in (Kind.DATE, Kind.DATE_TIME):
        is_date = column.kind is Kind.DATE
        behavior = {"Value": "DateOnly" if is_date else column.behavior}
        date_format = "DateOnly" if is_date else column.date_format
        return {"Format": date_format, "DateTimeBehavior": behavior, "ImeMode": "Auto"}
    if column.options:
        return option_sets.of_column(table, column)
    if column.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE, Kind.MONEY):
        return _number_properties(column)
    return {}


def _number_properties(column: Column) -> Item:
    """Return the properties of a numeric column."""
    if column.kind is Kind.INTEGER:
        return {"MinValue": int(column.minimum), "MaxValue": int(column.maximum), "Format": "None"}
    limits: Item = {"MinValue": column.minimum, "MaxValue": column.maximum, "Precision": column.precision}
    return {**limits, "PrecisionSource": 2, "IsBaseCurrency": False} if column.kind is Kind.MONEY else limits
