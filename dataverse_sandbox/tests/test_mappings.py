"""The directions of synchronized fields: the stored rows, and those in force for a user."""

from __future__ import annotations

from typing import Any

import pytest

from dataverse_sandbox import config
from dataverse_sandbox.attribute_mappings import ADDRESSES, COLUMNS, FIXED, mapping_id
from dataverse_sandbox.catalog import CONTACT
from dataverse_sandbox.tests.caller import Sandbox

FUNCTION = "Microsoft.Dynamics.CRM.RetrievePrincipalSyncAttributeMappings()"


def in_force(sandbox: Sandbox, principal: str) -> dict[str, Any]:
    answer = sandbox.get(f"{principal}/{FUNCTION}")
    assert answer.status_code == 200, answer.text
    return {mapping["AttributeCrmName"]: mapping for mapping in answer.json()["AttributeMappings"]}


def test_every_synchronized_column_has_a_mapping(sandbox: Sandbox) -> None:
    rows = {row["attributecrmname"]: row for row in sandbox.rows("syncattributemappings")}

    assert set(rows) == {*FIXED, *COLUMNS, *ADDRESSES}
    assert {*FIXED, *COLUMNS} <= set(CONTACT.by_name)
    assert {row["syncdirection"] for row in rows.values()} == {3}
    [profile] = sandbox.rows("syncattributemappingprofiles")
    keys = {row["_syncattributemappingprofileid_value"] for row in rows.values()}
    assert keys == {profile["syncattributemappingprofileid"]}


def test_user_and_team_have_same_directions(sandbox: Sandbox) -> None:
    team = sandbox.rows("teams")[0]["teamid"]
    found = in_force(sandbox, f"systemusers({config.EDITOR.user_id})")

    assert found == in_force(sandbox, f"teams({team})")
    assert found["jobtitle"]["AttributeMappingId"] == mapping_id("jobtitle")
    assert (found["jobtitle"]["SyncDirection"], found["jobtitle"]["EntityTypeCode"]) == (3, 2)
    assert (found["jobtitle"]["IsComputed"], found["jobtitle"]["ComputedProperties"]) == (False, [])
    assert found["address1"]["IsComputed"] is True
    assert "address1_city" in found["address1"]["ComputedProperties"]


def test_stored_direction_is_returned(sandbox: Sandbox) -> None:
    statement = "UPDATE syncattributemapping SET syncdirection = 1 WHERE attributecrmname = 'jobtitle'"
    sandbox.server.application.store.execute(statement)
    try:
        assert in_force(sandbox, f"systemusers({config.EDITOR.user_id})")["jobtitle"]["SyncDirection"] == 1
    finally:
        sandbox.server.application.store.execute(statement.replace("= 1", "= 3"))


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_direction_cannot_be_written(sandbox: Sandbox, method: str) -> None:
    path = f"syncattributemappings({mapping_id('jobtitle')})"

    answer = sandbox.session.request(method.upper(), sandbox.api + path, json={"syncdirection": 3})

    assert answer.status_code == 501
    assert "syncattributemappings" in answer.json()["error"]["message"]
