"""Invalid and rare table definitions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from syncapp.crm.metadata import definitions
from syncapp.crm.odata import Unstorable
from syncapp.crm.staging.records import ColumnType, Navigation

NOTHING: list[dict[str, object]] = [{"value": []} for _ in definitions.reads("contact")]


def _columns(attribute, *details):
    answers = [{"value": [{"LogicalName": "x", "IsValidForUpdate": True, **attribute}]}, *NOTHING[1:]]
    for position, detail in details:
        answers[position] = {"value": [{"LogicalName": "x", **detail}]}
    return definitions.columns("contact", answers)


def test_column_without_label_uses_name():
    (column,) = _columns({"AttributeType": "String", "DisplayName": {"UserLocalizedLabel": None}})

    assert (column.label, column.type) == ("x", ColumnType.TEXT)


def test_column_of_unknown_type_is_read_only():
    (column,) = _columns({"AttributeTypeName": {"Value": "ImageType"}})

    assert (column.type, column.writable) == (ColumnType.OTHER, False)


def test_choice_uses_global_options():
    shared = {"Options": [{"Value": 7, "Label": {"UserLocalizedLabel": {"Label": "Seven"}}}]}

    (column,) = _columns(
        {"AttributeTypeName": {"Value": "PicklistType"}}, (5, {"OptionSet": None, "GlobalOptionSet": shared})
    )

    assert column.options == ((7, "Seven"),)


def test_lookup_uses_relationship_names():
    relationship = {
        "ReferencingAttribute": "x",
        "ReferencedEntity": "new_region",
        "ReferencingEntityNavigationPropertyName": "new_Region",
    }

    (column,) = _columns(
        {"AttributeTypeName": {"Value": "LookupType"}},
        (4, {"Targets": ["new_region", "new_elsewhere"]}),
        (-2, relationship),
        (-1, {"LogicalName": "new_region", "EntitySetName": "new_regionset"}),
    )

    assert column.navigation == (Navigation("new_region", "new_Region", "new_regionset"),)


def test_relationship_to_unknown_table_is_ignored():
    relationship = {
        "ReferencingAttribute": "x",
        "ReferencedEntity": "new_region",
        "ReferencingEntityNavigationPropertyName": "new_Region",
    }

    (column,) = _columns(
        {"AttributeTypeName": {"Value": "LookupType"}}, (4, {"Targets": ["new_region"]}), (-2, relationship)
    )

    assert column.navigation == ()


def test_definitions_bypass_cache():
    assert {read.headers["Consistency"] for read in definitions.reads("contact")} == {"Strong"}


@pytest.mark.parametrize(
    "detail",
    [
        {"OptionSet": {"Options": "many"}},
        {"OptionSet": {"Options": [5]}},
        {"OptionSet": {"Options": [{"Value": "5"}]}},
        {"OptionSet": {"Value": 5}},
        {"MaxLength": "long"},
        {"MaxLength": True},
    ],
)
def test_malformed_definition_marks_its_column(detail):
    attributes = [{"LogicalName": name, "AttributeType": "Picklist", "IsValidForUpdate": True} for name in ("x", "y")]
    answers = [{"value": attributes}, *NOTHING[1:]]
    answers[5] = {"value": [{"LogicalName": "x", **detail}]}

    bad, good = definitions.columns("contact", answers)

    assert (bool(bad.problem), bad.type, bad.writable) == (True, ColumnType.OTHER, False)
    assert (good.problem, good.type) == ("", ColumnType.CHOICE)


@pytest.mark.parametrize("name", [None, 5, Unstorable("holds a NUL")])
def test_definition_without_name_has_problem(name):
    (column,) = definitions.columns("contact", [{"value": [{"LogicalName": name}]}, *NOTHING[1:]])

    assert (column.name, "LogicalName" in column.problem) == ("", True)


def test_invalid_table_name_is_refused():
    with pytest.raises(ValueError, match="Not a CRM name"):
        definitions.reads("contact')/x('")


@pytest.mark.parametrize(
    ("behavior", "date_format", "expected"),
    [
        ("DateOnly", "DateOnly", (ColumnType.DATE, False, False)),
        ("UserLocal", "DateAndTime", (ColumnType.DATE_TIME, False, False)),
        ("UserLocal", "DateOnly", (ColumnType.DATE_TIME, False, True)),
        ("TimeZoneIndependent", "DateAndTime", (ColumnType.DATE_TIME, True, False)),
        ("TimeZoneIndependent", "DateOnly", (ColumnType.DATE_TIME, True, True)),
    ],
)
def test_date_type_follows_behavior(behavior, date_format, expected):
    details = {"Format": date_format, "DateTimeBehavior": {"Value": behavior}}

    (column,) = _columns({"AttributeTypeName": {"Value": "DateTimeType"}}, (3, details))

    assert (column.type, column.is_zoneless, column.is_shown_as_date) == expected


@pytest.mark.parametrize(
    ("type_name", "source", "precision"),
    [
        ("DecimalType", None, 3),
        ("DoubleType", None, 3),
        ("MoneyType", 0, 3),
        ("MoneyType", 1, None),
        ("MoneyType", 2, None),
    ],
)
def test_number_limits_are_read_from_definition(type_name, source, precision):
    details = {"MinValue": -1.5, "MaxValue": 100, "Precision": 3} | (
        {} if source is None else {"PrecisionSource": source}
    )

    (column,) = _columns({"AttributeTypeName": {"Value": type_name}}, (3, details))

    assert (column.minimum, column.maximum, column.precision) == (Decimal("-1.5"), Decimal(100), precision)
