"""Tables, columns, keys and relationships that clients create, and the definitions they read."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dataverse_sandbox import bound, unbound
from dataverse_sandbox.config import EMPTY_WORLD
from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import Sandbox, request_text

CRM = "Microsoft.Dynamics.CRM"
PROJECT = "EntityDefinitions(LogicalName='new_project')"
WHEN = f"{PROJECT}/Attributes(LogicalName='new_when')/{CRM}.DateTimeAttributeMetadata"


def label(text: str) -> dict[str, Any]:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}


def column(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"@odata.type": f"{CRM}.{kind}AttributeMetadata", "SchemaName": name, "DisplayName": label(name), **more}


def project(prefix: str = "") -> dict[str, Any]:
    return {
        "@odata.type": f"{CRM}.{prefix}EntityMetadata",
        "SchemaName": "new_Project",
        "DisplayName": label("Project"),
        "DisplayCollectionName": label("Projects"),
        "OwnershipType": "UserOwned",
        "Attributes": [column(f"{prefix}String", "new_Name", IsPrimaryName=True, MaxLength=50)],
    }


@pytest.fixture
def made(sandbox: Sandbox) -> Sandbox:
    assert sandbox.post("EntityDefinitions", project()).status_code == 204
    return sandbox


def test_new_table_is_usable_immediately(made: Sandbox) -> None:
    row = made.post("new_projects", {"new_name": "First"}, Prefer="return=representation").json()

    assert made.get(f"new_projects({row['new_projectid']})").json()["new_name"] == "First"
    assert made.patch(f"new_projects({row['new_projectid']})", {"statecode": 1}).status_code == 204
    assert made.ledger()[-1]["table"] == "new_project"
    definition = made.get(PROJECT).json()
    assert (definition["EntitySetName"], definition["ChangeTrackingEnabled"]) == ("new_projects", False)


def test_create_entities_accepts_complex_types(sandbox: Sandbox) -> None:
    answer = sandbox.post("CreateEntities", {"Entities": [project("Complex")]})

    assert answer.status_code == 200, answer.text
    assert len(answer.json()["EntityIds"]) == 1
    assert sandbox.rows("new_projects") == []


def test_columns_of_every_type_store_values(made: Sandbox) -> None:
    options = {"Options": [{"Value": 1, "Label": label("One")}, {"Value": 2, "Label": label("Two")}]}
    wanted: list[tuple[dict[str, Any], object]] = [
        (column("Memo", "new_Memo", MaxLength=10), "text"),
        (column("Integer", "new_Whole", MinValue=0, MaxValue=9), 3),
        (column("Decimal", "new_Decimal"), 1.5),
        (column("Double", "new_Double"), 2.25),
        (column("Money", "new_Money"), 12.5),
        (column("Boolean", "new_Yes"), True),
        (column("Picklist", "new_Choice", OptionSet=options), 2),
        (column("MultiSelectPicklist", "new_Choices", OptionSet=options), "1,2"),
        (column("DateTime", "new_Day", Format="DateOnly", DateTimeBehavior={"Value": "DateOnly"}), "2026-01-02"),
        (column("DateTime", "new_Moment", Format="DateAndTime"), "2026-01-02T03:04:05Z"),
    ]
    for body, _value in wanted:
        assert made.post(f"{PROJECT}/Attributes", body).status_code == 204, body
    values = {str(body["SchemaName"]).lower(): value for body, value in wanted}
    row = made.post("new_projects", values, Prefer="return=representation").json()

    assert {name: row[name] for name in values} == values
    assert made.post("new_projects", {"new_whole": 10}).status_code == 400
    assert made.post("new_projects", {"new_memo": "x" * 11}).status_code == 400


BEHAVIORS = {
    "UserLocal": "2029-05-31T22:00:00Z",
    "DateOnly": "2029-06-01",
    "TimeZoneIndependent": "2029-06-01T10:30:00Z",
}


@pytest.mark.parametrize("date_format", ["DateOnly", "DateAndTime"])
@pytest.mark.parametrize("behavior", BEHAVIORS)
def test_date_column_keeps_behavior_and_format(made: Sandbox, behavior: str, date_format: str) -> None:
    body = column("DateTime", "new_When", Format=date_format, DateTimeBehavior={"Value": behavior})
    answer = made.post(f"{PROJECT}/Attributes", body)
    if (behavior, date_format) == ("DateOnly", "DateAndTime"):
        assert answer.status_code == 400
        return

    kept = made.get(f"{WHEN}?$select=Format,DateTimeBehavior").json()
    row = made.post("new_projects", {"new_when": BEHAVIORS[behavior]}, Prefer="return=representation").json()

    assert (kept["DateTimeBehavior"]["Value"], kept["Format"]) == (behavior, date_format)
    assert row["new_when"] == BEHAVIORS[behavior]


def test_date_behavior_is_user_local_by_default(made: Sandbox) -> None:
    made.post(f"{PROJECT}/Attributes", column("DateTime", "new_When", Format="DateOnly"))

    assert made.get(f"{WHEN}?$select=DateTimeBehavior").json()["DateTimeBehavior"]["Value"] == "UserLocal"
    row = made.post("new_projects", {"new_when": "2029-06-01"}, Prefer="return=representation").json()
    assert row["new_when"] == "2029-06-01T00:00:00Z"


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ("UserLocal", "UserLocal", 204),
        ("UserLocal", "TimeZoneIndependent", 204),
        ("UserLocal", "DateOnly", 501),
        ("TimeZoneIndependent", "UserLocal", 400),
        ("DateOnly", "UserLocal", 400),
        ("UserLocal", "Lunar", 400),
    ],
)
def test_only_user_local_behavior_can_change(made: Sandbox, before: str, after: str, status: int) -> None:
    made.post(
        f"{PROJECT}/Attributes", column("DateTime", "new_When", Format="DateOnly", DateTimeBehavior={"Value": before})
    )

    assert made.put(WHEN, {"DateTimeBehavior": {"Value": after}}).status_code == status

    kept = made.get(f"{WHEN}?$select=DateTimeBehavior").json()["DateTimeBehavior"]["Value"]
    assert kept == (after if status == 204 else before)


def test_offset_in_time_zone_independent_value_is_refused(made: Sandbox) -> None:
    body = column("DateTime", "new_When", DateTimeBehavior={"Value": "TimeZoneIndependent"})
    made.post(f"{PROJECT}/Attributes", body)

    assert made.post("new_projects", {"new_when": "2029-06-01T10:30:00+02:00"}).status_code == 501


def test_new_column_of_standard_table_is_usable(sandbox: Sandbox) -> None:
    path = "EntityDefinitions(LogicalName='contact')/Attributes"
    assert sandbox.post(path, column("String", "new_Extra")).status_code == 204
    contact = sandbox.contact()["contactid"]

    sandbox.patch(f"contacts({contact})", {"new_extra": "more"})
    assert sandbox.read(contact)["new_extra"] == "more"
    assert sandbox.delete(f"{path}(LogicalName='new_extra')").status_code == 204
    assert "new_extra" not in sandbox.read(contact)
    assert sandbox.delete(f"{path}(LogicalName='lastname')").status_code == 400


def test_relationship_creates_lookup_and_collection(made: Sandbox) -> None:
    body = {
        "@odata.type": f"{CRM}.OneToManyRelationshipMetadata",
        "SchemaName": "new_contact_new_project",
        "ReferencedEntity": "contact",
        "ReferencingEntity": "new_project",
        "Lookup": column("Lookup", "new_Lead"),
    }
    assert made.post("RelationshipDefinitions", body).status_code == 204
    contact = made.contact()["contactid"]
    made.post("new_projects", {"new_name": "Led", "new_Lead@odata.bind": f"/contacts({contact})"})

    [row] = made.rows("new_projects?$expand=new_Lead($select=lastname)")
    assert row["_new_lead_value"] == row["new_Lead"]["contactid"] == contact
    assert len(made.rows(f"contacts({contact})/new_contact_new_project")) == 1
    [relationship] = made.rows("RelationshipDefinitions?$filter=SchemaName eq 'new_contact_new_project'")
    assert made.delete(f"RelationshipDefinitions({relationship['MetadataId']})").status_code == 204


def test_many_to_many_relationship_associates_rows(made: Sandbox) -> None:
    body = {
        "@odata.type": f"{CRM}.ManyToManyRelationshipMetadata",
        "SchemaName": "new_project_contacts",
        "Entity1LogicalName": "new_project",
        "Entity2LogicalName": "contact",
        "IntersectEntityName": "new_project_contact",
    }
    assert made.post("RelationshipDefinitions", body).status_code == 204
    link = made.post("new_projects", {"new_name": "P"}).headers["OData-EntityId"]
    contact = f"{made.api}contacts({made.contact()['contactid']})"

    answer = made.session.post(f"{link}/new_project_contacts/$ref", json={"@odata.id": contact})
    assert answer.status_code == 204
    assert len(made.rows(f"{link}/new_project_contacts")) == 1


def test_key_can_be_listed_used_and_deleted(made: Sandbox) -> None:
    body = {"SchemaName": "new_byname", "DisplayName": label("By name"), "KeyAttributes": ["new_name"]}
    assert made.post(f"{PROJECT}/Keys", body).status_code == 204

    [key] = made.rows(f"{PROJECT}/Keys")
    assert (key["KeyAttributes"], key["EntityKeyIndexStatus"]) == (["new_name"], "Active")
    assert made.patch("new_projects(new_name='K')", {}).status_code == 204
    assert made.delete(f"{PROJECT}/Keys({key['MetadataId']})").status_code == 204
    assert made.get("new_projects(new_name='K')").status_code == 501


def test_global_choice_change_applies_to_columns(made: Sandbox) -> None:
    options = [{"Value": value, "Label": label(text)} for value, text in ((1, "Red"), (2, "Green"))]
    choice = "GlobalOptionSetDefinitions(Name='new_colors')"
    made.post("GlobalOptionSetDefinitions", {"Name": "new_Colors", "Options": options})
    bind = {"GlobalOptionSet@odata.bind": f"/{choice}"}
    made.post(f"{PROJECT}/Attributes", column("Picklist", "new_Color", **bind))

    assert made.post("new_projects", {"new_color": 3}).status_code == 400
    inserted = made.post("InsertOptionValue", {"OptionSetName": "new_colors", "Value": 3, "Label": label("Blue")})
    assert inserted.json()["NewOptionValue"] == 3
    assert made.post("new_projects", {"new_color": 3}).status_code == 204
    assert made.post("OrderOption", {"OptionSetName": "new_colors", "Values": [3, 1, 2]}).status_code == 204
    path = f"{PROJECT}/Attributes(LogicalName='new_color')/{CRM}.PicklistAttributeMetadata/GlobalOptionSet"
    assert [option["Value"] for option in made.get(path).json()["Options"]] == [3, 1, 2]
    assert made.delete(choice).status_code == 400
    assert made.delete(f"{PROJECT}/Attributes(LogicalName='new_color')").status_code == 204
    assert [made.delete(choice).status_code, made.get(choice).status_code] == [204, 404]


def test_change_tracking_can_be_enabled(made: Sandbox) -> None:
    track = {"Prefer": "odata.track-changes"}
    assert made.get("new_projects", **track).status_code == 400

    assert made.put(PROJECT, {"ChangeTrackingEnabled": True}).status_code == 204
    assert "@odata.deltaLink" in made.get("new_projects", **track).json()


def test_deleted_table_is_gone(made: Sandbox) -> None:
    assert made.delete(PROJECT).status_code == 204

    assert made.get("new_projects").status_code == 404
    assert made.get(PROJECT).status_code == 404
    assert made.delete("EntityDefinitions(LogicalName='contact')").status_code == 400


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"SchemaName": "Project"}, 400),
        ({"Attributes": []}, 400),
        ({"Attributes": [column("File", "new_File")]}, 501),
        ({"EntitySetName": "contacts"}, 400),
    ],
)
def test_invalid_definitions_are_refused(sandbox: Sandbox, change: dict[str, Any], status: int) -> None:
    assert sandbox.post("EntityDefinitions", project() | change).status_code == status
    assert sandbox.get(PROJECT).status_code == 404


def test_failed_change_set_creates_no_table(sandbox: Sandbox) -> None:
    sandbox.batch(
        [request_text("POST", "EntityDefinitions", project()), request_text("POST", "contacts", {"nosuch": 1})],
        Prefer="odata.continue-on-error",
    )
    assert sandbox.get("new_projects").status_code == 404
    assert sandbox.post("EntityDefinitions", project()).status_code == 204


def test_only_customizers_change_definitions(sandbox: Sandbox) -> None:
    assert sandbox.as_user("Rob Marchetti").post("EntityDefinitions", project()).status_code == 403


def test_tables_survive_restart_but_not_reset(tmp_path: Path) -> None:
    for round_ in ("first", "second"):
        with SandboxServer(tmp_path / "data.sqlite3", world=EMPTY_WORLD) as server:
            sandbox = Sandbox(server).sign_in()
            if round_ == "first":
                sandbox.post("GlobalOptionSetDefinitions", {"Name": "new_kept", "Options": [{"Value": 1}]})
                sandbox.post("EntityDefinitions", project())
                sandbox.post("new_projects", {"new_name": "Kept"})
            assert [row["new_name"] for row in sandbox.rows("new_projects")] == ["Kept"]
            if round_ == "second":
                assert [choice["Name"] for choice in sandbox.rows("GlobalOptionSetDefinitions")] == ["new_kept"]
                sandbox.reset()
                assert sandbox.rows("GlobalOptionSetDefinitions") == []
                assert sandbox.get("new_projects").status_code == 404


def test_metadata_document_lists_tables_and_messages(made: Sandbox) -> None:
    answer = made.get("$metadata")
    tree = ElementTree.fromstring(answer.text)  # noqa: S314 - our own document

    assert answer.headers["Content-Type"] == "application/xml"
    types = {node.get("Name") for node in tree.iter("{http://docs.oasis-open.org/odata/ns/edm}EntityType")}
    assert {"contact", "userquery", "new_project"} <= types
    named = {node.get("Name") for node in tree.iter() if node.tag.endswith(("}Action", "}Function"))}
    assert named == {*unbound.FUNCTIONS, *unbound.ACTIONS, *bound.NAMES}


def test_metadata_changes_are_limited_by_query_and_stamp(made: Sandbox) -> None:
    condition = '{"PropertyName":"LogicalName","ConditionOperator":"Equals","Value":{"Value":"contact"}}'
    query = f'{{"Criteria":{{"Conditions":[{condition}]}},"Properties":{{"PropertyNames":["ObjectTypeCode"]}}}}'
    answer = made.get(f"RetrieveMetadataChanges(Query=@q)?@q={query}").json()

    assert [(item["LogicalName"], item["ObjectTypeCode"]) for item in answer["EntityMetadata"]] == [("contact", 2)]
    stamp = answer["ServerVersionStamp"]
    again = made.get(f"RetrieveMetadataChanges(Query=@q,ClientVersionStamp='{stamp}')?@q={query}").json()
    assert again["EntityMetadata"] == []


def test_publishing_and_version_requests_are_answered(sandbox: Sandbox) -> None:
    assert sandbox.post("PublishAllXml", {}).status_code == 204
    assert sandbox.post("PublishXml", {"ParameterXml": "<importexportxml/>"}).status_code == 204
    assert sandbox.get("EntityDefinitions(LogicalName='contact')/ObjectTypeCode/$value").text == "2"
    assert sandbox.get("RetrieveVersion()").json()["Version"].startswith("9.2")
