"""Impersonation: the user that a call acts as, and their privileges."""

from __future__ import annotations

from typing import Any

import pytest

from dataverse_sandbox import config
from dataverse_sandbox.tests.caller import Sandbox, request_text, statuses

JONAS = config.EDITOR
APPLICATION = "# Outlook Sync Portal"
NO_USER = "deadbeef-0000-4000-8000-000000000000"


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def whoami(sandbox: Sandbox, **headers: str) -> Any:
    return sandbox.get("WhoAmI", **headers).json()["UserId"]


def test_either_header_impersonates_user(sandbox: Sandbox) -> None:
    assert whoami(sandbox, CallerObjectId=JONAS.object_id) == JONAS.user_id
    assert whoami(sandbox, MSCRMCallerID=JONAS.user_id) == JONAS.user_id
    assert whoami(sandbox) == config.APPLICATION_USER_ID


def test_unknown_caller_id_is_ignored(sandbox: Sandbox) -> None:
    assert whoami(sandbox, MSCRMCallerID=NO_USER) == config.APPLICATION_USER_ID
    assert whoami(sandbox, MSCRMCallerID=JONAS.object_id) == config.APPLICATION_USER_ID


def test_unknown_object_id_is_refused(sandbox: Sandbox) -> None:
    assert sandbox.get("WhoAmI", CallerObjectId=NO_USER).status_code == 403
    assert sandbox.get("WhoAmI", CallerObjectId="rubbish").status_code == 400


def test_impersonated_write_records_both_users(sandbox: Sandbox) -> None:
    made = sandbox.post("contacts", {"lastname": "Made"}, MSCRMCallerID=JONAS.user_id, Prefer="return=representation")

    row = made.json()
    assert (row["_createdby_value"], row["_createdonbehalfby_value"]) == (JONAS.user_id, config.APPLICATION_USER_ID)
    sandbox.patch(f"contacts({row['contactid']})", {"osync_revision": 3})
    after = sandbox.read(row["contactid"])
    assert (after["_modifiedby_value"], after["_modifiedonbehalfby_value"]) == (config.APPLICATION_USER_ID, None)


def test_ledger_names_caller_and_impersonated_user(sandbox: Sandbox) -> None:
    sandbox.post("contacts", {"lastname": "For Jonas"}, CallerObjectId=JONAS.object_id)
    sandbox.post("contacts", {"lastname": "For itself"})

    first, second = (entry for entry in sandbox.ledger() if entry["table"] == "contact")
    assert (first["caller"], first["on_behalf_of"]) == (config.APPLICATION_USER_ID, JONAS.user_id)
    assert (second["caller"], second["on_behalf_of"]) == (config.APPLICATION_USER_ID, None)


def test_impersonating_oneself_has_no_effect(sandbox: Sandbox) -> None:
    sandbox.post("contacts", {"lastname": "Self"}, MSCRMCallerID=config.APPLICATION_USER_ID)

    assert [entry["on_behalf_of"] for entry in sandbox.ledger()] == [None]


def test_impersonation_header_of_batch_part_is_ignored(sandbox: Sandbox) -> None:
    inner = request_text("GET", "/api/data/v9.2/WhoAmI", MSCRMCallerID=JONAS.user_id)
    outer = request_text("GET", "/api/data/v9.2/WhoAmI")

    assert config.APPLICATION_USER_ID in sandbox.batch(inner).text
    assert JONAS.user_id in sandbox.batch(outer, MSCRMCallerID=JONAS.user_id).text


def test_impersonation_needs_privilege(sandbox: Sandbox) -> None:
    rob = sandbox.as_user("Rob Marchetti")
    assert error_of(rob.get("contacts", MSCRMCallerID=JONAS.user_id)) == (403, "0x8004A110")

    sandbox.give_roles("Rob Marchetti", "Basic User", "Delegate")
    assert rob.get("contacts", MSCRMCallerID=JONAS.user_id).status_code == 200


def test_impersonation_intersects_privileges(sandbox: Sandbox) -> None:
    mailbox = sandbox.rows("mailboxes?$top=1")[0]["mailboxid"]
    change = {"actdeliverymethod": 2}
    as_jonas = {"MSCRMCallerID": JONAS.user_id}

    assert error_of(sandbox.patch(f"mailboxes({mailbox})", change, **as_jonas)) == (403, "0x80040220")
    assert sandbox.patch(f"mailboxes({mailbox})", change).status_code == 204
    sandbox.give_roles(APPLICATION, "Basic User", "Delegate")
    sandbox.give_roles(JONAS.name, "System Administrator")
    assert error_of(sandbox.patch(f"mailboxes({mailbox})", change, **as_jonas)) == (403, "0x80040220")


def test_disabled_users_are_refused(sandbox: Sandbox) -> None:
    jonas = sandbox.as_user(JONAS.name)
    assert sandbox.patch(f"systemusers({JONAS.user_id})", {"isdisabled": True}).status_code == 204

    assert error_of(jonas.get("contacts")) == (403, "0x80040225")
    assert error_of(sandbox.get("contacts", MSCRMCallerID=JONAS.user_id)) == (403, "0x80040225")
    sandbox.patch(f"systemusers({JONAS.user_id})", {"isdisabled": False})
    assert jonas.get("contacts").status_code == 200


def test_users_without_role_are_refused(sandbox: Sandbox) -> None:
    jonas = sandbox.as_user(JONAS.name)
    sandbox.give_roles(JONAS.name)

    assert error_of(jonas.get("contacts")) == (403, "0x80042F09")
    assert error_of(sandbox.get("contacts", CallerObjectId=JONAS.object_id)) == (403, "0x80042F09")


def test_team_roles_count_for_members(sandbox: Sandbox) -> None:
    sandbox.give_roles(JONAS.name)
    team = sandbox.post("teams", {"name": "Helpers"}, Prefer="return=representation").json()["teamid"]
    role = sandbox.rows("roles?$filter=name eq 'Basic User'")[0]["roleid"]
    api = sandbox.api
    sandbox.post(f"teams({team})/teamroles_association/$ref", {"@odata.id": f"{api}roles({role})"})
    member = {"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": JONAS.user_id}
    assert sandbox.post(f"teams({team})/Microsoft.Dynamics.CRM.AddMembersTeam", {"Members": [member]}).ok

    assert sandbox.get("contacts", MSCRMCallerID=JONAS.user_id).status_code == 200
    sandbox.post(f"teams({team})/Microsoft.Dynamics.CRM.RemoveMembersTeam", {"Members": [member]})
    assert sandbox.get("contacts", MSCRMCallerID=JONAS.user_id).status_code == 403


def test_privileges_of_a_user_are_listed(sandbox: Sandbox) -> None:
    sandbox.give_roles(JONAS.name, "Synchronization Filter Manager")
    path = f"systemusers({JONAS.user_id})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"

    assert [item["PrivilegeName"] for item in sandbox.get(path).json()["RolePrivileges"]] == ["prvAdminFilter"]
    named = path.replace("Privileges()", "PrivilegeByPrivilegeName(PrivilegeName='prvReadContact')")
    assert sandbox.get(named).json()["RolePrivileges"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"MSCRM.BypassCustomPluginExecution": "true"},
        {"MSCRM.BypassBusinessLogicExecution": "CustomSync,CustomAsync"},
        {"MSCRM.BypassBusinessLogicExecutionStepIds": config.fixed_id("step", "plugin")},
    ],
)
def test_bypass_headers_skip_the_plugin(sandbox: Sandbox, headers: dict[str, str]) -> None:
    contact = sandbox.contact()["contactid"]

    assert sandbox.patch(f"contacts({contact})", {"jobtitle": "Bypassed"}, **headers).status_code == 204
    assert sandbox.read(contact)["jobtitle"] == "Bypassed"
    rob = sandbox.as_user("Rob Marchetti")
    assert rob.patch(f"contacts({contact})", {"jobtitle": "Not so"}, **headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"MSCRM.BypassBusinessLogicExecution": "CustomAsync"},
        {"MSCRM.BypassBusinessLogicExecutionStepIds": NO_USER},
        {"MSCRM.BypassCustomPluginExecution": "false"},
        {"MSCRM.SuppressCallbackRegistrationExpanderJob": "true"},
    ],
)
def test_other_bypass_headers_do_not_skip_plugin(sandbox: Sandbox, headers: dict[str, str]) -> None:
    contact = sandbox.contact()
    sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "Staged"}, **headers)

    assert sandbox.read(contact["contactid"])["jobtitle"] == contact["jobtitle"]


def test_more_than_three_steps_cannot_be_bypassed(sandbox: Sandbox) -> None:
    contact = sandbox.contact()["contactid"]
    four = {"MSCRM.BypassBusinessLogicExecutionStepIds": ",".join([NO_USER, JONAS.user_id, *"ab"])}

    assert sandbox.patch(f"contacts({contact})", {"jobtitle": "X"}, **four).status_code == 400


def test_disabling_the_step_switches_the_plugin_off(sandbox: Sandbox) -> None:
    contact = sandbox.contact()["contactid"]
    step = f"sdkmessageprocessingsteps({config.fixed_id('step', 'plugin')})"
    assert sandbox.patch(step, {"statecode": 1, "statuscode": 2}).status_code == 204

    sandbox.patch(f"contacts({contact})", {"jobtitle": "Kept"})
    assert sandbox.read(contact)["jobtitle"] == "Kept"


def test_one_request_of_change_set_can_bypass_plugin(sandbox: Sandbox) -> None:
    first, second = (sandbox.contact(number) for number in (0, 1))
    bypass = {"MSCRM.BypassCustomPluginExecution": "true"}
    target = "/api/data/v9.2/contacts({})"
    one = request_text("PATCH", target.format(first["contactid"]), {"jobtitle": "A"}, **bypass)
    two = request_text("PATCH", target.format(second["contactid"]), {"jobtitle": "B"})

    assert statuses(sandbox.batch([one, two])) == [204, 204]
    assert sandbox.read(first["contactid"])["jobtitle"] == "A"
    assert sandbox.read(second["contactid"])["jobtitle"] == second["jobtitle"]
