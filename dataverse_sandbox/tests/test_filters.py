"""Synchronization filters: visibility, switching, templates."""

from __future__ import annotations

from typing import Any

import pytest

from dataverse_sandbox import config
from dataverse_sandbox.tests.caller import Sandbox

JONAS, RITA = config.EDITOR, config.PEOPLE[0]
EXACT = f"userqueries?$filter=querytype eq 256 and _ownerid_value eq {JONAS.user_id}"
OFF, ON = {"statecode": 1, "statuscode": 2}, {"statecode": 0, "statuscode": 1}


def owners(rows: list[dict[str, Any]]) -> set[str]:
    return {row["_ownerid_value"] for row in rows}


def filter_of(sandbox: Sandbox, table: str = "appointment") -> Any:
    [found] = [row for row in sandbox.rows(EXACT) if row["returnedtypecode"] == table]
    return found


def test_plain_query_returns_own_rows(sandbox: Sandbox) -> None:
    jonas = sandbox.as_user(JONAS.name)

    assert len(jonas.rows("userqueries")) == 6
    assert owners(jonas.rows("userqueries")) == {JONAS.user_id}
    assert sandbox.rows("userqueries") == []
    assert sandbox.get("userqueries/$count").text == "0"


def test_exactly_two_conditions_show_other_users_filters(sandbox: Sandbox) -> None:
    assert len(sandbox.rows(EXACT)) == 6
    assert len(sandbox.rows(f"{EXACT}&$select=name&$orderby=name desc&$count=true")) == 6
    assert len(sandbox.rows(f"userqueries?$filter=_ownerid_value eq {JONAS.user_id} and querytype eq 256")) == 6


@pytest.mark.parametrize(
    "query",
    [
        f"{EXACT} and statecode eq 0",
        f"{EXACT} and returnedtypecode eq 'appointment'",
        f"userqueries?$filter=_ownerid_value eq {JONAS.user_id}",
        "userqueries?$filter=querytype eq 256",
        f"userqueries?$filter=querytype eq 0 and _ownerid_value eq {JONAS.user_id}",
        f"userqueries?$filter=querytype eq 256 or _ownerid_value eq {JONAS.user_id}",
        f"userqueries?$filter=querytype eq 256 and _ownerid_value ne {RITA.user_id}",
        f"userqueries?$filter=(querytype ge 256 and querytype le 256) and _ownerid_value eq {JONAS.user_id}",
        f"systemusers({JONAS.user_id})/user_userquery",
        "userqueries?$apply=groupby((querytype),aggregate($count as n))",
    ],
)
def test_any_other_query_shows_own_rows_only(sandbox: Sandbox, query: str) -> None:
    assert sandbox.rows(query) == []


def test_query_with_two_conditions_needs_privilege(sandbox: Sandbox) -> None:
    rita = sandbox.as_user(RITA.name)
    assert rita.rows(EXACT) == []

    sandbox.give_roles(RITA.name, "Basic User", "Synchronization Filter Manager")
    assert len(rita.rows(EXACT)) == 6


def test_impersonated_read_needs_no_privilege(sandbox: Sandbox) -> None:
    found = sandbox.get("userqueries?$filter=querytype eq 256", MSCRMCallerID=JONAS.user_id).json()["value"]

    assert owners(found) == {JONAS.user_id}
    assert len(found) == 6


def test_reading_filters_without_privilege_is_refused(sandbox: Sandbox) -> None:
    sandbox.give_roles(JONAS.name, "Delegate")

    refused = sandbox.get("userqueries", MSCRMCallerID=JONAS.user_id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "0x80040220")
    assert "prvReadUserQuery" in refused.json()["error"]["message"]


def test_filter_is_switched_off_and_on(sandbox: Sandbox) -> None:
    path = f"userqueries({filter_of(sandbox)['userqueryid']})"

    assert sandbox.patch(path, OFF, If_Match="*").status_code == 204
    assert filter_of(sandbox)["statecode"] == 1
    assert sandbox.patch(path, ON, MSCRMCallerID=JONAS.user_id).status_code == 204
    row = filter_of(sandbox)
    assert (row["statecode"], row["_modifiedby_value"]) == (0, JONAS.user_id)


def test_other_users_filter_needs_privilege(sandbox: Sandbox) -> None:
    path = f"userqueries({filter_of(sandbox)['userqueryid']})"
    rita = sandbox.as_user(RITA.name)

    for answer in (rita.get(path), rita.patch(path, OFF), rita.delete(path), rita.put(f"{path}/name", {"value": "X"})):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "0x80048306")
    sandbox.give_roles(RITA.name, "Basic User", "Synchronization Filter Manager")
    assert rita.patch(path, OFF).status_code == 204


def test_ordinary_views_of_other_users_are_hidden(sandbox: Sandbox) -> None:
    jonas = sandbox.as_user(JONAS.name)
    view = {"name": "Mine", "querytype": 0, "returnedtypecode": "contact", "fetchxml": "<fetch/>"}
    made = jonas.post("userqueries", view).headers["OData-EntityId"]

    assert sandbox.get(made).status_code == 403
    assert jonas.get(made).status_code == 200


def test_rows_of_callers_team_are_visible(sandbox: Sandbox) -> None:
    [team] = sandbox.rows("teams?$filter=name eq 'Sales South'&$expand=teammembership_association($select=fullname)")
    member = team["teammembership_association"][0]["fullname"]

    rows = sandbox.as_user(member).rows("userqueries")
    assert team["teamid"] in owners(rows)
    assert {row["_owningteam_value"] for row in rows} == {None, team["teamid"]}


def test_filters_name_their_table_as_text(sandbox: Sandbox) -> None:
    assert {row["returnedtypecode"] for row in sandbox.rows(EXACT)} == {
        *("contact", "appointment", "serviceappointment", "recurringappointmentmaster", "task", "phonecall")
    }


def test_templates_are_instantiated_for_user(sandbox: Sandbox) -> None:
    old = filter_of(sandbox)
    [template] = sandbox.rows("savedqueries?$filter=querytype eq 131072 and returnedtypecode eq 'appointment'")
    sandbox.delete(f"userqueries({old['userqueryid']})")
    item = {"@odata.type": "Microsoft.Dynamics.CRM.savedquery", "savedqueryid": template["savedqueryid"]}
    path = f"systemusers({JONAS.user_id})/Microsoft.Dynamics.CRM.InstantiateFilters"

    assert sandbox.post(path, {"TemplateCollection": [item]}).status_code == 204
    made = filter_of(sandbox)
    assert (made["_parentqueryid_value"], made["querytype"]) == (template["savedqueryid"], 256)
    assert sandbox.post(path, {"TemplateCollection": [item]}).status_code == 204
    assert filter_of(sandbox)["userqueryid"] == made["userqueryid"]


def test_shared_filter_is_visible_to_recipient(sandbox: Sandbox) -> None:
    jonas, rita, found = sandbox.as_user(JONAS.name), sandbox.as_user(RITA.name), filter_of(sandbox)
    row = {"@odata.type": "Microsoft.Dynamics.CRM.userquery", "userqueryid": found["userqueryid"]}
    principal = {"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": RITA.user_id}
    access = {"Principal": principal, "AccessMask": "ReadAccess"}

    assert rita.post("GrantAccess", {"Target": row, "PrincipalAccess": access}).status_code == 403
    assert jonas.post("GrantAccess", {"Target": row, "PrincipalAccess": access}).status_code == 204
    assert found["userqueryid"] in {one["userqueryid"] for one in rita.rows("userqueries")}
    assert rita.patch(f"userqueries({found['userqueryid']})", OFF).status_code == 403
    assert jonas.post("RevokeAccess", {"Target": row, "Revokee": principal}).status_code == 204
    assert JONAS.user_id not in owners(rita.rows("userqueries"))


def test_reset_action_instantiates_default_templates(sandbox: Sandbox) -> None:
    for row in sandbox.rows(EXACT):
        sandbox.delete(f"userqueries({row['userqueryid']})")
    body = {"QueryType": 256}

    assert sandbox.post("ResetUserFilters", body, MSCRMCallerID=JONAS.user_id).status_code == 204
    assert len(sandbox.rows(EXACT)) == 6
    assert sandbox.post("ResetUserFilters", {"QueryType": 3}).status_code == 400


def test_default_template_cannot_be_deactivated(sandbox: Sandbox) -> None:
    [template] = sandbox.rows("savedqueries?$filter=querytype eq 131072 and returnedtypecode eq 'task'")
    refused = sandbox.patch(f"savedqueries({template['savedqueryid']})", {"statecode": 1, "statuscode": 2})

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "0x8004027B")
    view = {"name": "X", "querytype": 256, "returnedtypecode": "task", "isdefault": True}
    assert sandbox.post("savedqueries", view).status_code == 400


def test_new_default_template_replaces_previous_one(sandbox: Sandbox) -> None:
    template = {"name": "X", "querytype": 131_072, "returnedtypecode": "task", "isdefault": True}
    assert sandbox.post("savedqueries", template).status_code == 204

    found = sandbox.rows(
        "savedqueries?$filter=querytype eq 131072 and returnedtypecode eq 'task' and isdefault eq true"
    )
    assert [row["name"] for row in found] == ["X"]


def test_mailbox_and_user_refer_to_each_other(sandbox: Sandbox) -> None:
    [mailbox] = sandbox.rows(f"mailboxes?$filter=_regardingobjectid_value eq {JONAS.user_id}")
    user = sandbox.get(f"systemusers({JONAS.user_id})?$select=fullname&$expand=defaultmailbox($select=name)").json()

    assert user["defaultmailbox"]["mailboxid"] == mailbox["mailboxid"]
    change = {"actdeliverymethod": 2, "enabledforact": False}
    assert sandbox.patch(f"mailboxes({mailbox['mailboxid']})", change).status_code == 204


def test_organization_settings_can_be_changed(sandbox: Sandbox) -> None:
    [organization] = sandbox.rows("organizations?$select=orgdborgsettings")
    name = "DistinctPhysicalAndLogicalDeletesForExchangeSync"
    text = f"<OrgSettings><{name}>true</{name}></OrgSettings>"
    path = f"organizations({organization['organizationid']})"

    assert sandbox.patch(path, {"orgdborgsettings": text}).status_code == 204
    assert sandbox.get(f"{path}/orgdborgsettings").json()["value"] == text
