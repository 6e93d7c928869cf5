"""The components of a solution, privileges of roles, and indexes of keys."""

from __future__ import annotations

import time

import pytest

from dataverse_sandbox.tests.caller import Sandbox

KIND = "Microsoft.Dynamics.CRM."
SOLUTION = {"MSCRM.SolutionUniqueName": "OutlookSync"}
TABLE = {
    "SchemaName": "new_Thing",
    "Attributes": [{"@odata.type": f"{KIND}StringAttributeMetadata", "SchemaName": "new_Name", "IsPrimaryName": True}],
}
TEXT = {"@odata.type": f"{KIND}StringAttributeMetadata", "SchemaName": "new_Text"}


def components(sandbox: Sandbox) -> list[tuple[int, int]]:
    found = sandbox.rows("solutioncomponents?$select=componenttype,rootcomponentbehavior")
    return sorted((row["componenttype"], row["rootcomponentbehavior"]) for row in found)


def test_table_component_includes_its_columns(sandbox: Sandbox) -> None:
    sandbox.post("EntityDefinitions", TABLE, **SOLUTION)
    sandbox.post("EntityDefinitions(LogicalName='new_thing')/Attributes", TEXT, **SOLUTION)

    assert components(sandbox) == [(1, 0)]


def test_adding_column_adds_its_table_to_solution(sandbox: Sandbox) -> None:
    sandbox.post("EntityDefinitions(LogicalName='contact')/Attributes", TEXT, **SOLUTION)
    sandbox.post("EntityDefinitions(LogicalName='contact')/Attributes", TEXT | {"SchemaName": "new_B"}, **SOLUTION)

    assert components(sandbox) == [(1, 1), (2, 1), (2, 1)]


def test_adding_lookup_adds_relationship_to_solution(sandbox: Sandbox) -> None:
    body = {
        "@odata.type": f"{KIND}OneToManyRelationshipMetadata",
        "SchemaName": "new_rel",
        "ReferencedEntity": "account",
        "ReferencingEntity": "contact",
        "Lookup": {"SchemaName": "new_Account"},
    }
    sandbox.post("RelationshipDefinitions", body, **SOLUTION)

    assert components(sandbox) == [(1, 1), (2, 1), (10, 1)]


def test_deleted_components_leave_solution(sandbox: Sandbox) -> None:
    sandbox.post("EntityDefinitions", TABLE, **SOLUTION)
    sandbox.post("roles", {"name": "Guest"}, **SOLUTION)
    assert components(sandbox) == [(1, 0), (20, 0)]

    sandbox.delete("EntityDefinitions(LogicalName='new_thing')")

    assert components(sandbox) == [(20, 0)]
    [role] = sandbox.rows("roles?$filter=name eq 'Guest'")
    sandbox.delete(f"roles({role['roleid']})")
    assert components(sandbox) == []


def test_deleting_solution_keeps_its_table(sandbox: Sandbox) -> None:
    sandbox.post("EntityDefinitions", TABLE, **SOLUTION)
    [solution] = sandbox.rows("solutions?$filter=uniquename eq 'OutlookSync'")

    sandbox.delete(f"solutions({solution['solutionid']})")

    assert components(sandbox) == []
    assert sandbox.get("new_things").status_code == 200


def test_components_cannot_be_written(sandbox: Sandbox) -> None:
    assert sandbox.post("solutioncomponents", {"componenttype": 1}).status_code == 501


def test_role_privileges_are_added_and_replaced(sandbox: Sandbox) -> None:
    sandbox.post("roles", {"name": "Guest"})
    [role] = sandbox.rows("roles?$filter=name eq 'Guest'")
    path = f"roles({role['roleid']})/{KIND}"
    read, write = (
        sandbox.rows(f"privileges?$filter=name eq '{name}'")[0] for name in ("prvReadContact", "prvWriteContact")
    )

    for action, privilege in (("AddPrivilegesRole", read), ("ReplacePrivilegesRole", write)):
        body = {"Privileges": [{"PrivilegeId": privilege["privilegeid"], "Depth": "Global"}]}
        assert sandbox.post(path + action, body).status_code == 204

    held = sandbox.get(f"RetrieveRolePrivilegesRole(RoleId={role['roleid']})").json()["RolePrivileges"]
    assert [one["PrivilegeName"] for one in held] == ["prvWriteContact"]
    sandbox.give_roles("Rita Lindqvist", "Guest", "Basic User")
    assert sandbox.as_user("Rita Lindqvist").post(path + "AddPrivilegesRole", {"Privileges": []}).status_code == 403


@pytest.mark.parametrize(
    ("privilege", "status"),
    [({"PrivilegeId": "deadbeef-0000-4000-8000-000000000000", "Depth": "Global"}, 404), ({"Depth": "Basic"}, 501)],
)
def test_unknown_privileges_are_refused(sandbox: Sandbox, privilege: dict[str, str], status: int) -> None:
    sandbox.post("roles", {"name": "Guest"})
    [role] = sandbox.rows("roles?$filter=name eq 'Guest'")

    answer = sandbox.post(f"roles({role['roleid']})/{KIND}AddPrivilegesRole", {"Privileges": [privilege]})

    assert answer.status_code == status


def key_status(sandbox: Sandbox) -> str:
    [key] = sandbox.rows("EntityDefinitions(LogicalName='account')/Keys")
    return str(key["EntityKeyIndexStatus"])


@pytest.mark.parametrize(
    ("setting", "first", "later"),
    [({"seconds": 0.5}, "InProgress", "Active"), ({"fails": True}, "Failed", "Failed")],
    ids=["slow", "failing"],
)
def test_key_index_status_follows_configured_delay_or_failure(
    sandbox: Sandbox, setting: dict[str, object], first: str, later: str
) -> None:
    sandbox.control("PUT", "keys", setting)
    sandbox.post("EntityDefinitions(LogicalName='account')/Keys", {"SchemaName": "new_Key", "KeyAttributes": ["name"]})

    assert key_status(sandbox) == first
    assert sandbox.get("accounts(name='none')").status_code == 400
    time.sleep(0.6)
    assert key_status(sandbox) == later


def test_reset_clears_key_index_failure(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "keys", {"fails": True})
    sandbox.reset()

    sandbox.post("EntityDefinitions(LogicalName='account')/Keys", {"SchemaName": "new_Key", "KeyAttributes": ["name"]})

    assert key_status(sandbox) == "Active"
