"""Control pages: actions of other people, reset, and seeded data."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest

from dataverse_sandbox.tests.caller import Sandbox

BASE = {"base": "2026-11-20T12:00:00Z"}


def everything(sandbox: Sandbox) -> dict[str, list[dict[str, Any]]]:
    sets = ("systemusers", "accounts", "contacts", "osync_syncrecords", "osync_syncfields")
    return {
        name: [
            {key: value for key, value in row.items() if "etag" not in key and key != "versionnumber"} for row in found
        ]
        for name, found in ((name, sandbox.rows(name)) for name in sets)
    }


def test_same_seed_gives_same_world(sandbox: Sandbox) -> None:
    world = {"users": 5, "contacts": 30, "pending": 20, **BASE}
    sandbox.reset(**world, seed=4)
    first = everything(sandbox)
    sandbox.reset(**world, seed=4)
    again = everything(sandbox)
    sandbox.reset(**world, seed=5)

    assert first == again
    assert first["contacts"] != everything(sandbox)["contacts"]


def test_reset_creates_requested_rows(sandbox: Sandbox) -> None:
    counts = sandbox.reset(users=4, contacts=9, pending=12)

    assert len(sandbox.rows("contacts")) == counts["contacts"] == 9
    assert len(sandbox.rows("osync_syncrecords")) == counts["pending"] == 12
    assert len(sandbox.rows("osync_syncfields")) == counts["fields"]
    assert len(sandbox.rows("systemusers")) == counts["users"] == 4 + 9


def test_reset_replaces_rows_and_restores_switches(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "plugin", {"enabled": False})
    sandbox.fault(status=500)
    sandbox.post("contacts", {"lastname": "Left over"})

    sandbox.reset()

    assert sandbox.rows("contacts?$filter=lastname eq 'Left over'") == []
    assert sandbox.control("GET", "plugin") == {"enabled": True}
    assert sandbox.ledger() == []


@pytest.mark.parametrize("body", [{"contacts": -1}, {"contacts": "many"}, {"planets": 9}, {"base": "yesterday"}])
def test_reset_refuses_unknown_options(sandbox: Sandbox, body: dict[str, object]) -> None:
    assert sandbox.session.post(f"{sandbox.url}/sandbox/reset", json=body).status_code == 400
    assert len(sandbox.rows("contacts")) == 3


def test_staged_edits_match_their_contacts(sandbox: Sandbox) -> None:
    sandbox.reset(contacts=60, pending=80)
    contacts = {row["contactid"]: row for row in sandbox.rows("contacts")}
    records = {row["osync_syncrecordid"]: row for row in sandbox.rows("osync_syncrecords")}

    for field in sandbox.rows("osync_syncfields"):
        contact = contacts[records[field["_osync_syncrecord_value"]]["osync_targetid"]]
        name, original = field["osync_name"], field["osync_originalvalue"]
        assert field["osync_proposedvalue"] != original
        if isinstance(contact.get(name), str | None) and name in contact:
            assert contact[name] == original


def kinds_of(field: dict[str, Any]) -> set[str]:
    """Return the kinds, as the design lists them, that this staged field has."""
    name, old, new = field["osync_name"], field["osync_originalvalue"], field["osync_proposedvalue"]
    by_column = {
        "emailaddress1": "e-mail",
        "telephone1": "phone",
        "address1_line3": "multi-line address",
        "preferredcontactmethodcode": "choice",
        "parentcustomerid": "lookup",
        "creditlimit": "money",
        "birthdate": "date",
        "donotemail": "yes/no",
    }
    found = {by_column[name]} if name in by_column else set()
    found |= {"cleared"} if new is None else set()
    found |= {"filled"} if old is None else set()
    if old and new and re.sub(r"\W", "", old) == re.sub(r"\W", "", new):
        found.add("format only")
    for letter in new or "":
        found |= {"right-to-left"} if unicodedata.bidirectional(letter) in ("R", "AL") else set()
        found |= {"invisible"} if unicodedata.category(letter) == "Cf" else set()
        found |= {"look-alike"} if "CYRILLIC" in unicodedata.name(letter, "") else set()
    return found | ({"very long"} if len(new or "") > 1_500 else set())


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_first_thirty_edits_cover_every_kind(sandbox: Sandbox, order: str, seed: int) -> None:
    sandbox.reset(users=30, contacts=300, pending=40, seed=seed)
    records = sandbox.rows(f"osync_syncrecords?$orderby=osync_editedon {order}&$top=30")
    first = {row["osync_syncrecordid"] for row in records}

    fields = [row for row in sandbox.rows("osync_syncfields") if row["_osync_syncrecord_value"] in first]

    assert len(first) == 30
    assert set().union(*(kinds_of(field) for field in fields)) == {
        *("phone", "e-mail", "multi-line address", "choice", "lookup", "money", "date", "yes/no"),
        *("cleared", "filled", "format only", "right-to-left", "look-alike", "invisible", "very long"),
    }


def test_generated_proposals_can_all_be_approved(sandbox: Sandbox) -> None:
    sandbox.reset(contacts=40, pending=40)

    answers = [
        sandbox.session.post(
            f"{sandbox.url}/sandbox/decide", json={"field": row["osync_syncfieldid"], "decision": "approved"}
        )
        for row in sandbox.rows("osync_syncfields")
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert sandbox.rows("osync_syncrecords?$filter=statecode eq 0") == []


def test_outlook_edit_returns_staged_changes(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    done = sandbox.edit(contact["contactid"], jobtitle="Boss", parentcustomerid=None)

    assert done["staged"] == 2
    assert {(field["column"], field["proposed"]) for field in done["fields"]} == {
        ("jobtitle", "Boss"),
        ("parentcustomerid", None),
    }
    assert done["etag"] == sandbox.read(contact["contactid"])["@odata.etag"]


def test_outlook_editor_is_found_by_id_or_name(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]
    rita = sandbox.rows("systemusers?$filter=fullname eq 'Rita Lindqvist'")[0]["systemuserid"]
    body = {"contact": contact_id, "changes": {"jobtitle": "Boss"}}

    sandbox.edit(contact_id, user=rita, jobtitle="One")
    sandbox.edit(contact_id, user="Rita Lindqvist", jobtitle="Two")
    unknown = sandbox.session.post(f"{sandbox.url}/sandbox/outlook", json={**body, "user": "Nobody"})
    assert {row["_osync_editor_value"] for row in sandbox.rows("osync_syncrecords")} == {rita}
    assert unknown.status_code == 404


def test_outlook_edit_never_recreates_deleted_contact(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]
    sandbox.control("POST", "delete", {"contact": contact_id})

    body = {"contact": contact_id, "changes": {"jobtitle": "Boss"}}
    answer = sandbox.session.post(f"{sandbox.url}/sandbox/outlook", json=body)

    assert answer.status_code == 404
    assert sandbox.get(f"contacts({contact_id})").status_code == 404


def test_form_edit_raises_revision_and_is_kept(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    done = sandbox.control("POST", "form", {"contact": contact["contactid"], "changes": {"jobtitle": "Boss"}})

    after = sandbox.read(contact["contactid"])
    assert done["staged"] == 0
    assert (after["jobtitle"], after["osync_revision"]) == ("Boss", contact["osync_revision"] + 1)


def test_decision_in_crm_closes_the_edit(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    one, two = sandbox.edit(contact["contactid"], jobtitle="Boss", lastname="Neu")["fields"]

    sandbox.control("POST", "decide", {"user": "Rob Marchetti", "field": one["id"], "decision": "approved"})
    assert sandbox.rows("osync_syncrecords")[0]["statecode"] == 0
    sandbox.control("POST", "decide", {"field": two["id"], "decision": "rejected", "reason": "no"})

    after = sandbox.read(contact["contactid"])
    marked = {row["osync_syncfieldid"]: row for row in sandbox.rows("osync_syncfields")}
    assert (after[one["column"]], after[two["column"]]) == (one["proposed"], two["original"])
    assert after["osync_revision"] == contact["osync_revision"] + 1
    assert (marked[one["id"]]["osync_decision"], marked[one["id"]]["osync_decidedby"]) == (410_000_001, "Rob Marchetti")
    assert (marked[two["id"]]["osync_decision"], marked[two["id"]]["osync_reason"]) == (410_000_002, "no")
    assert sandbox.rows("osync_syncrecords")[0]["statecode"] == 1


def test_user_token_acts_as_that_user(sandbox: Sandbox) -> None:
    given = sandbox.control("POST", "token", {"user": "Rob Marchetti"})

    me = sandbox.get("WhoAmI", Authorization=f"Bearer {given['access_token']}").json()["UserId"]
    assert me == given["user"]


def test_unknown_control_page_returns_501(sandbox: Sandbox) -> None:
    answer = sandbox.session.get(f"{sandbox.url}/calendar/")

    assert answer.status_code == 501
    assert "/calendar/" in answer.json()["error"]["message"]
