"""Merging two contacts, and its audit entries."""

from __future__ import annotations

from typing import Any

import pytest

from dataverse_sandbox.tests.caller import Sandbox

TYPE = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}


def merge(sandbox: Sandbox, target: str, subordinate: str, *, checks: bool = False, **content: Any) -> Any:
    body = {
        "Target": {**TYPE, "contactid": target},
        "Subordinate": {**TYPE, "contactid": subordinate},
        "UpdateContent": {**TYPE, **content},
        "PerformParentingChecks": checks,
    }
    return sandbox.post("Merge", body)


@pytest.fixture
def pair(sandbox: Sandbox) -> tuple[str, str]:
    """Return the ids of two contacts; the plug-in is on."""
    first, second = (row["contactid"] for row in sandbox.rows("contacts")[:2])
    return first, second


def test_merge_deactivates_subordinate_and_updates_target(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    target, subordinate = pair

    assert merge(sandbox, target, subordinate, jobtitle="Pilot").status_code == 204

    kept, gone = sandbox.read(target), sandbox.read(subordinate)
    assert (kept["jobtitle"], kept["statecode"], kept["merged"], kept["_masterid_value"]) == ("Pilot", 0, False, None)
    assert (gone["statecode"], gone["statuscode"], gone["merged"]) == (1, 2, True)
    assert gone["_masterid_value"] == target
    assert sandbox.rows("osync_syncrecords") == [], "a merge is not an edit in Outlook"


def test_merge_moves_related_rows(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    target, subordinate = pair
    third = sandbox.rows("contacts")[2]["contactid"]
    link = {"parentcustomerid_contact@odata.bind": f"/contacts({subordinate})", "osync_revision": 9}
    assert sandbox.patch(f"contacts({third})", link).status_code == 204

    merge(sandbox, target, subordinate)

    assert sandbox.read(third)["_parentcustomerid_value"] == target


def test_merge_is_audited_on_both_rows(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    target, subordinate = pair
    sandbox.control("PUT", "auditing", {"enabled": True})
    sandbox.patch(f"contacts({target})", {"jobtitle": "Buyer", "osync_revision": 9})

    merge(sandbox, target, subordinate, jobtitle="Pilot")
    sandbox.patch(f"contacts({target})", {"jobtitle": "Chief", "osync_revision": 10})

    found = sandbox.rows("audits?$orderby=versionnumber asc")
    actions = [(row["_objectid_value"], row["action"], row["operation"]) for row in found]
    assert actions == [(target, 2, 2), (target, 12, 2), (subordinate, 12, 2), (target, 2, 2)]


def test_merge_with_inactive_or_same_row_is_refused(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    target, subordinate = pair
    assert merge(sandbox, target, target).status_code == 400

    merge(sandbox, target, subordinate)

    assert merge(sandbox, target, subordinate).status_code == 400


def test_merge_with_different_parents_is_refused_on_request(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    target, subordinate = pair
    cleared = {"parentcustomerid_account@odata.bind": None, "osync_revision": 9}
    assert sandbox.patch(f"contacts({subordinate})", cleared).status_code == 204
    assert sandbox.read(target)["_parentcustomerid_value"] is not None

    assert merge(sandbox, target, subordinate, checks=True).status_code == 400
    assert merge(sandbox, target, subordinate, checks=False).status_code == 204


def test_merge_needs_write_privilege(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    sandbox.control("PUT", "privileges", {"without": ["prvWriteContact"]})

    assert merge(sandbox, *pair).status_code == 403


def test_merge_with_unknown_column_is_refused(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    assert merge(sandbox, *pair, nosuch=1).status_code == 400
    assert sandbox.read(pair[1])["statecode"] == 0
