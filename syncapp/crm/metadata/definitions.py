"""Definitions of the CRM's tables and columns, for showing, checking and writing values.

Source: "Query table definitions using the Web API". The properties that only some types of columns have (options,
length, targets) are in subtypes, which are requested by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain

from syncapp.crm import odata
from syncapp.crm.batch import Read
from syncapp.crm.errors import ProtocolError
from syncapp.crm.filters.records import TableFacts
from syncapp.crm.staging.records import Column, ColumnType, Navigation
from syncapp.crm.values.cells import Cells, bad_value, flag, integer, optional_text, text
from syncapp.crm.values.column_types import BY_CRM_TYPE

_USER_LOCAL, _DATE_ONLY, _ZONELESS = "UserLocal", "DateOnly", "TimeZoneIndependent"
_OWN_PRECISION = 0
_SUBTYPE = "Microsoft.Dynamics.CRM."
_RELATIONSHIP = ("ReferencingAttribute", "ReferencedEntity", "ReferencingEntityNavigationPropertyName")
_OPTIONS = "OptionSet($select=Options),GlobalOptionSet($select=Options)"


@dataclass(slots=True)
class _Details:
    max_length: dict[str, int] = field(default_factory=dict)
    behaviors: dict[str, str] = field(default_factory=dict)
    date_formats: set[str] = field(default_factory=set)
    precision: dict[str, int] = field(default_factory=dict)
    minimum: dict[str, Decimal] = field(default_factory=dict)
    maximum: dict[str, Decimal] = field(default_factory=dict)
    options: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    targets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    properties: dict[tuple[str, str], str] = field(default_factory=dict)
    set_names: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def reads(table: str) -> tuple[Read, ...]:
    """Return the requests whose answers `columns` expects, in this order."""
    definition = f"EntityDefinitions(LogicalName={odata.literal(odata.identifier(table))})"
    attributes = f"{definition}/Attributes"
    base = ("LogicalName", "AttributeType", "AttributeTypeName", "DisplayName", "IsValidForUpdate")

    def subtype_path(subtype: str, *select: str, expand: str = "") -> str:
        return odata.query(f"{attributes}/{_SUBTYPE}{subtype}", select=("LogicalName", *select), expand=expand)

    paths = (
        odata.query(attributes, select=base),
        subtype_path("StringAttributeMetadata", "MaxLength"),
        subtype_path("MemoAttributeMetadata", "MaxLength"),
        subtype_path("DateTimeAttributeMetadata", "Format", "DateTimeBehavior"),
        subtype_path("LookupAttributeMetadata", "Targets"),
        subtype_path("PicklistAttributeMetadata", expand=_OPTIONS),
        subtype_path("MultiSelectPicklistAttributeMetadata", expand=_OPTIONS),
        subtype_path("BooleanAttributeMetadata", expand="OptionSet($select=TrueOption,FalseOption)"),
        subtype_path("StateAttributeMetadata", expand="OptionSet($select=Options)"),
        subtype_path("StatusAttributeMetadata", expand="OptionSet($select=Options)"),
        subtype_path("IntegerAttributeMetadata", "MinValue", "MaxValue"),
        subtype_path("DecimalAttributeMetadata", "MinValue", "MaxValue", "Precision"),
        subtype_path("DoubleAttributeMetadata", "MinValue", "MaxValue", "Precision"),
        subtype_path("MoneyAttributeMetadata", "MinValue", "MaxValue", "Precision", "PrecisionSource"),
        odata.query(f"{definition}/ManyToOneRelationships", select=_RELATIONSHIP),
        odata.query("EntityDefinitions", select=("LogicalName", "EntitySetName")),
    )
    # Without this header a definition that has just changed may come from a cache ("Compose HTTP requests").
    return tuple(Read(path, {"Consistency": "Strong"}) for path in paths)


_FACTS = ("LogicalName", "EntitySetName", "ObjectTypeCode", "IsOptimisticConcurrencyEnabled", "ChangeTrackingEnabled")


def facts_path(table: str) -> str:
    """Return the path of the request whose answer `facts` expects."""
    return odata.query(f"EntityDefinitions(LogicalName={odata.literal(odata.identifier(table))})", select=_FACTS)


def facts(row: odata.Row) -> TableFacts:
    """Return the properties of a table that matter for writing to it."""
    return TableFacts(
        table=text(row, "LogicalName"),
        set_name=text(row, "EntitySetName"),
        object_type_code=integer(row, "ObjectTypeCode"),
        keeps_versions=flag(row, "IsOptimisticConcurrencyEnabled"),
        tracks_changes=flag(row, "ChangeTrackingEnabled"),
    )


def columns(table: str, responses: Sequence[odata.Row]) -> tuple[Column, ...]:
    """Return the table's columns ordered by name; unreadable ones have a `problem`.

    Raises ProtocolError if an answer is not a list.
    """
    attributes, *subtypes, relationships, tables = [odata.collection(response) for response in responses]
    details = _Details()
    for row in chain.from_iterable(subtypes):
        try:
            _collect(row, details)
        except ProtocolError as error:
            details.problems.setdefault(Cells(row).text("LogicalName"), error.message)
    for row in relationships:
        column, target, navigation = (Cells(row).text(name) for name in _RELATIONSHIP)
        details.properties[column, target] = navigation
    details.set_names = {Cells(row).text("LogicalName"): Cells(row).text("EntitySetName") for row in tables}
    found = [_column(table, row, details) for row in attributes]
    return tuple(sorted(found, key=lambda column: column.name))


def _collect(row: odata.Row, details: _Details) -> None:
    name = text(row, "LogicalName")
    if row.get("MaxLength") is not None:
        details.max_length[name] = integer(row, "MaxLength")
    for limits, key in ((details.minimum, "MinValue"), (details.maximum, "MaxValue")):
        value = row.get(key)
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            limits[name] = Decimal(str(value))
    # The precision of an amount may come from its currency or the organization, which the definitions do not contain.
    if row.get("Precision") is not None and row.get("PrecisionSource", _OWN_PRECISION) == _OWN_PRECISION:
        details.precision[name] = integer(row, "Precision")
    if row.get("Format") == "DateOnly":
        details.date_formats.add(name)
    if isinstance(row.get("DateTimeBehavior"), dict):
        details.behaviors[name] = text(row["DateTimeBehavior"], "Value")
    if isinstance(row.get("Targets"), list):
        details.targets[name] = tuple(str(target) for target in row["Targets"])
    option_set = row.get("OptionSet") or row.get("GlobalOptionSet")
    if isinstance(option_set, dict):
        # Yes-no columns have their two options under other names.
        yes_no_options = [option_set[key] for key in ("FalseOption", "TrueOption") if key in option_set]
        options = yes_no_options or option_set.get("Options")
        if not isinstance(options, list) or not all(isinstance(option, dict) for option in options):
            raise ProtocolError("The CRM's list of options is not a list.", code="metadata")
        details.options[name] = tuple((integer(option, "Value"), _label(option.get("Label"))) for option in options)


def _column(table: str, row: odata.Row, details: _Details) -> Column:
    cells = Cells(row)
    name = cells.text("LogicalName")
    problem = cells.problem or (details.problems.get(name, "") if name else bad_value("LogicalName").message)
    try:
        label = _label(row.get("DisplayName"))
        # AttributeType is "Virtual" for several types; only AttributeTypeName distinguishes them.
        named = row.get("AttributeTypeName")
        type_name = text(named, "Value") if isinstance(named, dict) else f"{text(row, 'AttributeType')}Type"
    except ProtocolError as error:
        label, type_name, problem = "", "", problem or error.message
    # The behavior determines the meaning of a value, the format only how much of it is shown ("Behavior and format of
    # the date and time column").
    behavior = details.behaviors.get(name, _USER_LOCAL)
    is_date = type_name == "DateTimeType" and behavior == _DATE_ONLY
    known_type = ColumnType.DATE if is_date else BY_CRM_TYPE.get(type_name, ColumnType.OTHER)
    column_type = ColumnType.OTHER if problem else known_type
    return Column(
        table=table,
        name=name,
        label=label or name,
        type=column_type,
        max_length=details.max_length.get(name),
        precision=details.precision.get(name),
        minimum=details.minimum.get(name),
        maximum=details.maximum.get(name),
        options=details.options.get(name, ()),
        targets=details.targets.get(name, ()),
        writable=row.get("IsValidForUpdate") is True and column_type is not ColumnType.OTHER,
        # A navigation property is spelled like the schema name, which cannot be derived from the column's name. Targets
        # without a relationship of their own, such as an owner's user, follow the usual naming.
        navigation=tuple(
            Navigation(target, details.properties[name, target], details.set_names[target])
            for target in details.targets.get(name, ())
            if (name, target) in details.properties and details.set_names.get(target)
        ),
        problem=problem,
        is_zoneless=behavior == _ZONELESS,
        is_shown_as_date=behavior != _DATE_ONLY and name in details.date_formats,
    )


def _label(label: object) -> str:
    localized = label.get("UserLocalizedLabel") if isinstance(label, dict) else None
    return (optional_text(localized, "Label") or "") if isinstance(localized, dict) else ""
