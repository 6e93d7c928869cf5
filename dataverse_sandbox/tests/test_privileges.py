"""Revoked privileges of the application user."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from dataverse_sandbox import config
from dataverse_sandbox.rights import OTHER_PRIVILEGES
from dataverse_sandbox.tests.caller import Sandbox

ME = f"systemusers({config.APPLICATION_USER_ID})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
Call = Callable[[Sandbox], requests.Response]
CONTACT = {"lastname": "New"}
NEEDS: dict[str, Call] = {
    "prvReadContact": lambda sandbox: sandbox.get("contacts?$top=1"),
    "prvCreateContact": lambda sandbox: sandbox.post("contacts", CONTACT),
    "prvReadUser": lambda sandbox: sandbox.get("systemusers?$top=1"),
    "prvReadUserQuery": lambda sandbox: sandbox.get("userqueries?$top=1"),
    "prvReadosync_SyncField": lambda sandbox: sandbox.get("osync_syncfields?$top=1"),
    "prvCreateosync_SyncRecord": lambda sandbox: sandbox.post("osync_syncrecords", {"osync_name": "N"}),
    "prvReadMailbox": lambda sandbox: sandbox.get("mailboxes?$top=1"),
    "prvReadOrganization": lambda sandbox: sandbox.get("organizations"),
    "prvPublishCustomization": lambda sandbox: sandbox.post("PublishAllXml", {}),
    "prvActOnBehalfOfAnotherUser": lambda sandbox: sandbox.get("WhoAmI", MSCRMCallerID=config.EDITOR.user_id),
}


def revoke(sandbox: Sandbox, *names: str) -> list[str]:
    """Replace the list of revoked privileges, and return it."""
    return list(sandbox.control("PUT", "privileges", {"without": list(names)})["without"])


def held(sandbox: Sandbox) -> set[str]:
    return {item["PrivilegeName"] for item in sandbox.get(ME).json()["RolePrivileges"]}


@pytest.mark.parametrize("name", NEEDS)
def test_request_without_its_privilege_is_refused(sandbox: Sandbox, name: str) -> None:
    assert NEEDS[name](sandbox).ok
    revoke(sandbox, name)

    refused = NEEDS[name](sandbox)

    assert refused.status_code == 403
    revoke(sandbox)
    assert NEEDS[name](sandbox).ok


def test_revocation_leaves_other_privileges(sandbox: Sandbox) -> None:
    before = held(sandbox)

    assert revoke(sandbox, "prvWriteContact", "prvAdminFilter") == ["prvAdminFilter", "prvWriteContact"]

    assert before - held(sandbox) == {"prvWriteContact", "prvAdminFilter"}
    assert set(OTHER_PRIVILEGES) <= before


def test_second_revocation_replaces_first(sandbox: Sandbox) -> None:
    revoke(sandbox, "prvWriteContact")

    assert revoke(sandbox, "prvReadMailbox") == ["prvReadMailbox"]
    assert sandbox.control("GET", "privileges") == {"without": ["prvReadMailbox"]}


def test_returning_all_privileges_restores_administrator_role(sandbox: Sandbox) -> None:
    everything = held(sandbox)
    revoke(sandbox, "prvWriteContact")
    revoke(sandbox)

    roles = f"systemusers({config.APPLICATION_USER_ID})/systemuserroles_association?$select=name"
    assert held(sandbox) == everything
    assert [row["name"] for row in sandbox.rows(roles)] == ["System Administrator"]


def test_reset_restores_every_privilege(sandbox: Sandbox) -> None:
    revoke(sandbox, "prvWriteContact")

    sandbox.reset()

    assert sandbox.control("GET", "privileges") == {"without": []}


@pytest.mark.parametrize(("body", "status"), [({"without": ["prvFly"]}, 404), ({"without": "prvRead"}, 400), ({}, 400)])
def test_unknown_privileges_are_refused(sandbox: Sandbox, body: dict[str, object], status: int) -> None:
    answer = sandbox.session.put(f"{sandbox.url}/sandbox/privileges", json=body)

    assert answer.status_code == status
    assert sandbox.control("GET", "privileges") == {"without": []}
