"""Definitions of tables and columns."""

from __future__ import annotations

from typing import Any

import pytest

from dataverse_sandbox.tests.caller import Sandbox

CONTACT = "EntityDefinitions(LogicalName='contact')"


def column(sandbox: Sandbox, name: str) -> Any:
    return sandbox.get(f"{CONTACT}/Attributes(LogicalName='{name}')").json()


def label(item: dict[str, Any]) -> Any:
    return item["UserLocalizedLabel"]["Label"]


def test_table_definition_has_set_and_key(sandbox: Sandbox) -> None:
    table = sandbox.get(CONTACT).json()

    assert (table["EntitySetName"], table["PrimaryIdAttribute"], table["ObjectTypeCode"]) == (
        "contacts",
        "contactid",
        2,
    )
    assert table["ChangeTrackingEnabled"] is True
    assert label(table["DisplayName"]) == "Contact"


def test_tables_are_filtered_by_name(sandbox: Sandbox) -> None:
    path = "EntityDefinitions?$select=LogicalName,EntitySetName&$filter=LogicalName eq"

    [found] = sandbox.rows(f"{path} 'contact'")
    assert (found["LogicalName"], found["EntitySetName"]) == ("contact", "contacts")
    assert "DisplayName" not in found
    assert sandbox.rows(f"{path} 'planet'") == []
    assert sandbox.get("EntityDefinitions(LogicalName='planet')").status_code == 404


def test_contact_definition_matches_its_rows(sandbox: Sandbox) -> None:
    columns = {row["LogicalName"] for row in sandbox.rows(f"{CONTACT}/Attributes?$select=LogicalName")}

    wire = {name.removeprefix("_").removesuffix("_value") for name in sandbox.contact() if "@" not in name}
    assert columns == wire
    assert len(columns) >= 35


@pytest.mark.parametrize(
    ("name", "attribute_type", "metadata_type"),
    [
        ("jobtitle", "String", "String"),
        ("description", "Memo", "Memo"),
        ("gendercode", "Picklist", "Picklist"),
        ("osync_topics", "Virtual", "MultiSelectPicklist"),
        ("donotemail", "Boolean", "Boolean"),
        ("numberofchildren", "Integer", "Integer"),
        ("creditlimit", "Money", "Money"),
        ("osync_discount", "Decimal", "Decimal"),
        ("address1_latitude", "Double", "Double"),
        ("birthdate", "DateTime", "DateTime"),
        ("lastonholdtime", "DateTime", "DateTime"),
        ("parentcustomerid", "Customer", "Lookup"),
        ("ownerid", "Owner", "Lookup"),
        ("statecode", "State", "State"),
        ("statuscode", "Status", "Status"),
        ("contactid", "Uniqueidentifier", "UniqueIdentifier"),
        ("versionnumber", "BigInt", "BigInt"),
    ],
)
def test_every_type_has_its_name_and_cast(sandbox: Sandbox, name: str, attribute_type: str, metadata_type: str) -> None:
    found = column(sandbox, name)
    cast = sandbox.rows(f"{CONTACT}/Attributes/Microsoft.Dynamics.CRM.{metadata_type}AttributeMetadata")

    assert found["AttributeType"] == attribute_type
    assert found["@odata.type"] == f"#Microsoft.Dynamics.CRM.{metadata_type}AttributeMetadata"
    assert name in {row["LogicalName"] for row in cast}


def test_column_details_depend_on_type(sandbox: Sandbox) -> None:
    assert column(sandbox, "firstname")["MaxLength"] == 50
    assert column(sandbox, "parentcustomerid")["Targets"] == ["account", "contact"]
    assert column(sandbox, "birthdate")["Format"] == "DateOnly"
    assert column(sandbox, "lastonholdtime")["Format"] == "DateAndTime"
    assert column(sandbox, "lastname")["RequiredLevel"]["Value"] == "ApplicationRequired"
    assert label(column(sandbox, "telephone1")["DisplayName"]) == "Business Phone"


def test_read_only_columns_are_marked(sandbox: Sandbox) -> None:
    writable = {name: column(sandbox, name)["IsValidForUpdate"] for name in ("jobtitle", "fullname", "createdon")}

    assert writable == {"jobtitle": True, "fullname": False, "createdon": False}


def test_options_are_expanded_with_labels(sandbox: Sandbox) -> None:
    cast = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    query = "$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)"

    columns = {row["LogicalName"]: row for row in sandbox.rows(f"{CONTACT}/Attributes/{cast}?{query}")}

    options = columns["preferredcontactmethodcode"]["OptionSet"]["Options"]
    assert [(option["Value"], label(option["Label"])) for option in options] == [
        *((1, "Any"), (2, "Email"), (3, "Phone"), (4, "Fax"), (5, "Mail"))
    ]
    assert columns["gendercode"]["GlobalOptionSet"] is None
    assert "DisplayName" not in columns["gendercode"]


def test_options_are_omitted_by_default(sandbox: Sandbox) -> None:
    cast = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"

    assert "OptionSet" not in sandbox.rows(f"{CONTACT}/Attributes/{cast}")[0]


def test_yes_no_and_status_options_are_returned(sandbox: Sandbox) -> None:
    expand = "$expand=OptionSet"
    booleans = sandbox.rows(f"{CONTACT}/Attributes/Microsoft.Dynamics.CRM.BooleanAttributeMetadata?{expand}")
    [status] = sandbox.rows(f"{CONTACT}/Attributes/Microsoft.Dynamics.CRM.StatusAttributeMetadata?{expand}")

    [no_mail] = [row for row in booleans if row["LogicalName"] == "donotemail"]
    assert label(no_mail["OptionSet"]["TrueOption"]["Label"]) == "Do Not Allow"
    assert [(option["Value"], option["State"]) for option in status["OptionSet"]["Options"]] == [(1, 0), (2, 1)]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{CONTACT}/Attributes?$select=Color", 400),
        (f"{CONTACT}/Attributes?$filter=contains(LogicalName,'x')", 501),
        (f"{CONTACT}/Attributes/Microsoft.Dynamics.CRM.FileAttributeMetadata/$count", 501),
        (f"{CONTACT}/Attributes?$expand=OptionSet", 400),
        ("EntityDefinitions(contact)", 400),
        (f"{CONTACT}/Attributes(LogicalName='planet')", 404),
    ],
)
def test_unknown_definitions_are_refused(sandbox: Sandbox, path: str, status: int) -> None:
    assert sandbox.get(path).status_code == status


def test_schema_names_match_published_spelling(sandbox: Sandbox) -> None:
    columns = sandbox.rows(f"{CONTACT}/Attributes?$select=LogicalName,SchemaName")
    found = {column["LogicalName"]: column["SchemaName"] for column in columns}

    assert (found["firstname"], found["emailaddress1"], found["address1_line1"]) == (
        *("FirstName", "EMailAddress1", "Address1_Line1"),
    )
    assert {name for name, schema in found.items() if schema.lower() != name} == set()
    assert {name for name, schema in found.items() if schema == name} == {n for n in found if n.startswith("osync_")}
