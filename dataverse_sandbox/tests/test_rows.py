"""Creating, reading, changing and deleting single rows."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import requests

from dataverse_sandbox.tests.caller import ALL_ANNOTATIONS, Sandbox

NOWHERE = "deadbeef-0000-4000-8000-000000000000"


def code(response: requests.Response) -> Any:
    return response.json()["error"]["code"]


def test_created_contact_is_read_back(sandbox: Sandbox) -> None:
    created = sandbox.post("contacts", {"firstname": "Åsa", "lastname": "Öz", "creditlimit": 12.5})

    read = sandbox.get(created.headers["OData-EntityId"]).json()
    assert created.status_code == 204
    assert (read["fullname"], read["creditlimit"], read["donotemail"]) == ("Åsa Öz", 12.5, False)


def test_create_can_return_the_row(sandbox: Sandbox) -> None:
    created = sandbox.post("contacts?$select=lastname", {"lastname": "Öz"}, Prefer="return=representation")

    assert created.status_code == 201
    assert created.json()["lastname"] == "Öz"
    assert created.json()["@odata.etag"] == created.headers["ETag"]


def test_create_with_existing_id_is_refused(sandbox: Sandbox) -> None:
    taken = sandbox.contact()["contactid"]

    refused = sandbox.post("contacts", {"contactid": taken, "lastname": "Twin"})

    assert (refused.status_code, code(refused)) == (412, "0x80040237")


def test_missing_row_returns_documented_404(sandbox: Sandbox) -> None:
    missing = sandbox.get(f"contacts({NOWHERE})")

    assert (missing.status_code, code(missing)) == (404, "0x80040217")


def test_patch_of_missing_row_creates_it(sandbox: Sandbox) -> None:
    response = sandbox.patch(f"contacts({NOWHERE})", {"lastname": "Upserted"})

    assert response.status_code == 204
    assert sandbox.read(NOWHERE)["lastname"] == "Upserted"


@pytest.mark.parametrize("condition", ["*", 'W/"1"'])
def test_patch_with_if_match_never_creates(sandbox: Sandbox, condition: str) -> None:
    response = sandbox.patch(f"contacts({NOWHERE})", {"lastname": "Upserted"}, If_Match=condition)

    assert response.status_code == 404
    assert sandbox.get(f"contacts({NOWHERE})").status_code == 404


def test_patch_with_stale_etag_changes_nothing(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "First", "osync_revision": 90})

    stale = sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "Second"}, If_Match=contact["@odata.etag"])

    assert (stale.status_code, code(stale)) == (412, "0x80060882")
    assert sandbox.read(contact["contactid"])["jobtitle"] == "First"


def test_patch_with_current_etag_changes_row(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    path = f"contacts({contact['contactid']})"

    done = sandbox.patch(path, {"jobtitle": "CEO", "osync_revision": 90}, If_Match=contact["@odata.etag"])

    read = sandbox.read(contact["contactid"])
    assert done.status_code == 204
    assert read["jobtitle"] == "CEO"
    assert read["@odata.etag"] != contact["@odata.etag"]


def test_if_none_match_star_never_updates(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    refused = sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "X"}, If_None_Match="*")

    assert refused.status_code == 412
    assert sandbox.read(contact["contactid"])["@odata.etag"] == contact["@odata.etag"]


def test_if_none_match_null_is_not_a_condition(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    assert sandbox.get(f"contacts({contact['contactid']})", If_None_Match="null").status_code == 200
    unchanged = sandbox.get(f"contacts({contact['contactid']})", If_None_Match=contact["@odata.etag"])
    assert unchanged.status_code == 304


def test_delete_respects_etag(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    path = f"contacts({contact['contactid']})"

    assert sandbox.delete(path, If_Match='W/"1"').status_code == 412
    assert sandbox.delete(path, If_Match=contact["@odata.etag"]).status_code == 204
    assert sandbox.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"firstname": "x" * 51}, "0x80044331"),
        ({"preferredcontactmethodcode": 99}, "0x8004431A"),
        ({"osync_topics": "410000000,7"}, "0x8004431A"),
        ({"creditlimit": -1}, "0x80040317"),
        ({"numberofchildren": -1}, "0x80044330"),
        ({"statecode": 0, "statuscode": 2}, "0x80048408"),
        ({"firstname": 7}, "0x80048D19"),
        ({"donotemail": "yes"}, "0x80048D19"),
        ({"donotemail": 1}, "0x80048D19"),
        ({"preferredcontactmethodcode": "1"}, "0x80048D19"),
        ({"numberofchildren": 1.5}, "0x80048D19"),
        ({"birthdate": "2026-02-30"}, "0x80048D19"),
        ({"birthdate": "2026-02-03T10:00:00Z"}, "0x80048D19"),
        ({"lastonholdtime": "2026-02-30T10:00:00Z"}, "0x80048D19"),
        ({"favoritecolor": "red"}, "0x80048D19"),
        ({"_parentcustomerid_value": NOWHERE}, "0x80048D19"),
        ({"firstname": "\ud800"}, "0x80048D19"),
    ],
)
def test_invalid_values_change_nothing(sandbox: Sandbox, changes: dict[str, object], expected: str) -> None:
    contact = sandbox.contact()

    refused = sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "New", **changes, "osync_revision": 5})

    assert (refused.status_code, code(refused)) == (400, expected)
    assert sandbox.read(contact["contactid"]) == {
        **contact,
        "@odata.context": sandbox.api + "$metadata#contacts/$entity",
    }


@pytest.mark.parametrize(
    ("column", "sent", "read"),
    [
        ("firstname", "x" * 50, "x" * 50),
        ("firstname", "", None),
        ("firstname", "😀" * 25, "😀" * 25),
        ("preferredcontactmethodcode", 5, 5),
        ("osync_topics", "410000003, 410000001", "410000001,410000003"),
        ("donotemail", True, True),
        ("creditlimit", 1234.567, 1234.57),
        ("osync_discount", 1.25, 1.25),
        ("numberofchildren", 0, 0),
        ("birthdate", "1980-02-29", "1980-02-29"),
        ("lastonholdtime", "2026-11-20T10:30:00+01:00", "2026-11-20T09:30:00Z"),
        ("lastonholdtime", "2026-11-20T09:30:00", "2026-11-20T09:30:00Z"),
        ("description", "two\nlines", "two\nlines"),
        ("jobtitle", None, None),
    ],
)
def test_valid_values_are_read_back(sandbox: Sandbox, column: str, sent: object, read: object) -> None:
    path = f"contacts({sandbox.contact()['contactid']})"

    done = sandbox.patch(path, {column: sent, "osync_revision": 5})

    assert done.status_code == 204, done.text
    assert sandbox.get(path).json()[column] == read


def test_length_counts_utf16_units(sandbox: Sandbox) -> None:
    path = f"contacts({sandbox.contact()['contactid']})"

    assert sandbox.patch(path, {"firstname": "😀" * 26, "osync_revision": 5}).status_code == 400
    assert sandbox.patch(path, {"firstname": "😀" * 25, "osync_revision": 5}).status_code == 204


def test_lookup_is_bound_read_and_cleared(sandbox: Sandbox) -> None:
    first, second = sandbox.rows("contacts")[:2]
    path = f"contacts({first['contactid']})"

    bind = {"parentcustomerid_contact@odata.bind": f"/contacts({second['contactid']})", "osync_revision": 5}
    assert sandbox.patch(path, bind).status_code == 204
    bound = sandbox.get(path, **ALL_ANNOTATIONS).json()
    assert bound["_parentcustomerid_value"] == second["contactid"]
    assert bound["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "contact"
    assert bound["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"] == second["fullname"]
    sandbox.patch(path, {"parentcustomerid_contact@odata.bind": None, "osync_revision": 6})
    assert sandbox.get(path).json()["_parentcustomerid_value"] is None


def test_lookup_is_cleared_by_deleting_its_reference(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "plugin", {"enabled": False})
    path = f"contacts({sandbox.contact()['contactid']})"

    assert sandbox.delete(f"{path}/parentcustomerid_account/$ref").status_code == 204
    assert sandbox.get(path).json()["_parentcustomerid_value"] is None


@pytest.mark.parametrize(
    ("bind", "status"),
    [
        ({"parentcustomerid_account@odata.bind": f"/accounts({NOWHERE})"}, 404),
        ({"parentcustomerid_account@odata.bind": f"/contacts({NOWHERE})"}, 400),
        ({"parentcustomerid@odata.bind": f"/accounts({NOWHERE})"}, 400),
        ({"parentcustomerid_account@odata.bind": "nonsense"}, 400),
        ({"parentcustomerid_account@odata.bind": f"/planets({NOWHERE})"}, 501),
    ],
)
def test_invalid_lookup_binds_are_refused(sandbox: Sandbox, bind: dict[str, object], status: int) -> None:
    contact = sandbox.contact()

    assert sandbox.patch(f"contacts({contact['contactid']})", bind).status_code == status
    assert sandbox.read(contact["contactid"])["@odata.etag"] == contact["@odata.etag"]


def test_alternate_key_upserts_and_is_unique(sandbox: Sandbox) -> None:
    path = "osync_syncrecords(osync_operationid='one')"

    assert sandbox.patch(path, {"osync_name": "A"}).status_code == 204
    assert sandbox.patch(path, {"osync_name": "B"}).status_code == 204
    assert sandbox.get(path).json()["osync_name"] == "B"
    twin = sandbox.post("osync_syncrecords", {"osync_operationid": "one"})
    assert (twin.status_code, code(twin)) == (412, "0x80060892")


def test_state_sets_default_status(sandbox: Sandbox) -> None:
    created = sandbox.post("osync_syncfields", {"osync_name": "jobtitle"}, Prefer="return=representation").json()

    sandbox.patch(f"osync_syncfields({created['osync_syncfieldid']})", {"statecode": 1})

    read = sandbox.get(f"osync_syncfields({created['osync_syncfieldid']})").json()
    assert (created["statuscode"], read["statuscode"]) == (1, 2)


def test_deleting_contact_keeps_staged_edit(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    record_id = sandbox.edit(contact["contactid"], jobtitle="New")["record"]

    sandbox.delete(f"contacts({contact['contactid']})")

    record = sandbox.get(f"osync_syncrecords({record_id})").json()
    assert record["_osync_contact_value"] is None
    assert record["osync_targetid"] == contact["contactid"]


def test_deleting_sync_record_deletes_fields(sandbox: Sandbox) -> None:
    record_id = sandbox.edit(sandbox.contact()["contactid"], jobtitle="New")["record"]

    sandbox.delete(f"osync_syncrecords({record_id})")

    assert sandbox.rows("osync_syncfields") == []


def test_who_am_i_returns_application_user(sandbox: Sandbox) -> None:
    me = sandbox.get("WhoAmI").json()

    user = sandbox.get(f"systemusers({me['UserId']})").json()
    assert user["applicationid"] == "22222222-2222-2222-2222-222222222222"
    assert sandbox.get("WhoAmI()").json() == me
    assert uuid.UUID(me["OrganizationId"])


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "planets", {}),
        ("GET", "contacts?$search=x", {}),
        ("GET", "RetrieveDuplicates(BusinessEntity=@p)", {}),
        ("GET", "contacts", {"Prefer": "respond-async"}),
        ("POST", "contacts/Microsoft.Dynamics.CRM.DeleteMultiple", {}),
        ("POST", "privileges", {}),
        ("PUT", "contacts(deadbeef-0000-4000-8000-000000000000)", {}),
    ],
)
def test_unsupported_requests_are_reported(sandbox: Sandbox, method: str, path: str, headers: dict[str, str]) -> None:
    answer = sandbox.session.request(method, sandbox.api + path, headers=headers, json={} if method != "GET" else None)

    assert answer.status_code == 501
    assert "The sandbox does not know" in answer.json()["error"]["message"]


def test_collection_cannot_be_patched(sandbox: Sandbox) -> None:
    assert sandbox.patch("contacts", {"jobtitle": "X"}).status_code == 405


def test_single_property_is_read(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    path = f"contacts({contact['contactid']})/lastname"

    assert sandbox.get(path).json()["value"] == contact["lastname"]
    assert sandbox.get(f"{path}/$value").text == contact["lastname"]
    assert sandbox.get(f"contacts({contact['contactid']})/suffix").status_code == 204
