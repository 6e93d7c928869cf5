"""JSON for definitions: tables, columns, lookups, keys. No I/O.

Shapes: "Create and update table definitions using the Web API", "Create and update column definitions using the Web
API", "Create and update table relationships using the Web API", "Define alternate keys for a table". Two properties are
from the SDK's documentation, not from these pages: `EntitySetName` of a new table, `DefaultFormValue` of a choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from syncapp.crm.staging.records import ColumnType

_TYPE = "@odata.type"
_CRM = "Microsoft.Dynamics.CRM."
_MAX_INTEGER = 2_147_483_647
Body = dict[str, Any]


class NewColumn(Protocol):
    """A column to create; `options` are the values and labels of a choice, `target` the table of a lookup."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def type(self) -> ColumnType: ...
    @property
    def max_length(self) -> int | None: ...
    @property
    def options(self) -> tuple[tuple[int, str], ...]: ...
    @property
    def target(self) -> str: ...
    @property
    def is_owned(self) -> bool: ...


class NewTable(Protocol):
    """A table to create, owned by users, with change tracking and one text column for the names of its rows."""

    @property
    def name(self) -> str: ...
    @property
    def set_name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def plural_label(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def primary_name(self) -> NewColumn: ...


class NewKey(Protocol):
    """An alternate key to create."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...]: ...


def label(text: str, language: int) -> Body:
    """Return a label in one language, which must be the environment's base language."""
    localized = {_TYPE: f"{_CRM}LocalizedLabel", "Label": text, "LanguageCode": language}
    return {_TYPE: f"{_CRM}Label", "LocalizedLabels": [localized]}


def table(wanted: NewTable, language: int) -> Body:
    """Return the definition of a table with its name column."""
    return {
        _TYPE: f"{_CRM}EntityMetadata",
        "SchemaName": wanted.name,
        "EntitySetName": wanted.set_name,
        "DisplayName": label(wanted.label, language),
        "DisplayCollectionName": label(wanted.plural_label, language),
        "Description": label(wanted.description, language),
        "OwnershipType": "UserOwned",
        "IsActivity": False,
        "HasActivities": False,
        "HasNotes": False,
        "ChangeTrackingEnabled": True,
        "Attributes": [{**column(wanted.primary_name, language), "IsPrimaryName": True}],
    }


def column(wanted: NewColumn, language: int) -> Body:
    """Return the definition of a column. Raises ValueError for a lookup, which a relationship creates."""
    details: Body
    match wanted.type:
        case ColumnType.TEXT:
            kind, details = "String", {"MaxLength": wanted.max_length, "FormatName": {"Value": "Text"}}
        case ColumnType.MEMO:
            kind, details = "Memo", {"MaxLength": wanted.max_length, "Format": "TextArea"}
        case ColumnType.CHOICE:
            picks = [{"Value": value, "Label": label(text, language)} for value, text in wanted.options]
            choices = {_TYPE: f"{_CRM}OptionSetMetadata", "IsGlobal": False, "OptionSetType": "Picklist"}
            first = wanted.options[0][0]
            kind, details = "Picklist", {"OptionSet": {**choices, "Options": picks}, "DefaultFormValue": first}
        case ColumnType.YES_NO:
            options = {
                f"{name}Option": {"Value": value, "Label": label(text, language)}
                for name, value, text in (("True", 1, "Yes"), ("False", 0, "No"))
            }
            choices = {_TYPE: f"{_CRM}BooleanOptionSetMetadata", **options}
            kind, details = "Boolean", {"OptionSet": choices, "DefaultValue": True}
        case ColumnType.INTEGER:
            kind, details = "Integer", {"MinValue": 0, "MaxValue": _MAX_INTEGER, "Format": "None"}
        case ColumnType.DATE_TIME:
            kind, details = "DateTime", {"Format": "DateAndTime", "DateTimeBehavior": {"Value": "UserLocal"}}
        case _:
            raise ValueError(f"{wanted.name}: columns of the type {wanted.type} are not created on their own.")
    return {_TYPE: f"{_CRM}{kind}AttributeMetadata", **_common(wanted, language), **details}


def lookup(table_name: str, wanted: NewColumn, language: int) -> Body:
    """Return the relationship that creates a lookup column."""
    cascades = dict.fromkeys(("Assign", "Merge", "Reparent", "Share", "Unshare"), "NoCascade")
    return {
        _TYPE: f"{_CRM}OneToManyRelationshipMetadata",
        "SchemaName": relationship_name(table_name, wanted.name),
        "ReferencedEntity": wanted.target,
        "ReferencingEntity": table_name,
        "CascadeConfiguration": {**cascades, "Delete": "Cascade" if wanted.is_owned else "RemoveLink"},
        "Lookup": {_TYPE: f"{_CRM}LookupAttributeMetadata", **_common(wanted, language)},
    }


def relationship_name(table_name: str, column_name: str) -> str:
    """Return the name of the relationship behind one of our lookups."""
    return f"{column_name}_{table_name}"


def key(wanted: NewKey, language: int) -> Body:
    """Return the definition of an alternate key."""
    return {
        "SchemaName": wanted.name,
        "DisplayName": label(wanted.label, language),
        "KeyAttributes": list(wanted.columns),
    }


def publication(tables: Sequence[str], web_resources: Sequence[str] = ()) -> str:
    """Return the document for PublishXml ("PublishXml action"). The caller has checked the table names and ids."""
    entities = "".join(f"<entity>{name}</entity>" for name in tables)
    resources = "".join(f"<webresource>{{{identity}}}</webresource>" for identity in web_resources)
    return f"<importexportxml><entities>{entities}</entities><webresources>{resources}</webresources></importexportxml>"


def _common(wanted: NewColumn, language: int) -> Body:
    required = {
        "Value": "None",
        "CanBeChanged": True,
        "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
    }
    return {
        "SchemaName": wanted.name,
        "DisplayName": label(wanted.label, language),
        "Description": label(wanted.description, language),
        "RequiredLevel": required,
    }
