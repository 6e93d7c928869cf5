"""The plug-in: staging, restoring, and edits that it ignores."""

from __future__ import annotations

import pytest

from dataverse_sandbox.tests.caller import Sandbox, request_text, statuses

STAGED = {"osync_syncrecord", "osync_syncfield"}


def staged(sandbox: Sandbox) -> dict[str, tuple[str | None, str | None]]:
    rows = sandbox.rows("osync_syncfields")
    return {row["osync_name"]: (row["osync_originalvalue"], row["osync_proposedvalue"]) for row in rows}


def test_update_without_revision_is_staged_and_reverted(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    done = sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "Boss", "lastname": "Neu"})

    after = sandbox.read(contact["contactid"])
    assert done.status_code == 204
    assert (after["jobtitle"], after["lastname"], after["fullname"]) == (
        contact["jobtitle"],
        contact["lastname"],
        contact["fullname"],
    )
    assert after["@odata.etag"] != contact["@odata.etag"]
    assert staged(sandbox) == {"jobtitle": (contact["jobtitle"], "Boss"), "lastname": (contact["lastname"], "Neu")}


def test_update_with_revision_is_not_staged(sandbox: Sandbox) -> None:
    path = f"contacts({sandbox.contact()['contactid']})"

    sandbox.patch(path, {"jobtitle": "Boss", "osync_revision": 9})

    assert sandbox.get(path).json()["jobtitle"] == "Boss"
    assert staged(sandbox) == {}


def test_disabled_plugin_ignores_updates(sandbox: Sandbox) -> None:
    path = f"contacts({sandbox.contact()['contactid']})"
    sandbox.control("PUT", "plugin", {"enabled": False})

    sandbox.patch(path, {"jobtitle": "Boss"})

    assert sandbox.get(path).json()["jobtitle"] == "Boss"
    assert sandbox.control("GET", "plugin") == {"enabled": False}
    assert staged(sandbox) == {}


def test_returned_representation_contains_restored_row(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    patched = sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "Boss"}, Prefer="return=representation")

    assert patched.status_code == 200
    assert patched.json()["jobtitle"] == contact["jobtitle"]
    assert patched.json()["@odata.etag"] == sandbox.read(contact["contactid"])["@odata.etag"]


def test_staged_record_has_contact_editor_and_time(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    editor = sandbox.rows("systemusers?$filter=fullname eq 'Jonas Weber'")[0]

    sandbox.edit(contact["contactid"], jobtitle="Boss")

    record = sandbox.rows("osync_syncrecords")[0]
    assert record["osync_name"] == contact["fullname"]
    assert (record["osync_targettable"], record["osync_targetid"]) == ("contact", contact["contactid"])
    assert record["_osync_contact_value"] == contact["contactid"]
    assert record["_osync_editor_value"] == record["_createdby_value"] == editor["systemuserid"]
    assert record["osync_editedon"] == record["createdon"]
    assert record["statecode"] == 0
    assert record["osync_operationid"]


@pytest.mark.parametrize(
    ("before", "sent", "proposed", "label"),
    [
        ({"preferredcontactmethodcode": 1}, {"preferredcontactmethodcode": 3}, "3", "Phone"),
        ({"osync_topics": None}, {"osync_topics": "410000001,410000000"}, "410000000,410000001", "Logistics; Energy"),
        ({"donotemail": False}, {"donotemail": True}, "true", "Do Not Allow"),
        ({"creditlimit": 10}, {"creditlimit": 1234.5}, "1234.5", "€1,234.50"),
        ({"creditlimit": 10}, {"creditlimit": 1200000}, "1200000", "€1,200,000.00"),
        ({"numberofchildren": 1}, {"numberofchildren": 2}, "2", "2"),
        ({"birthdate": None}, {"birthdate": "2026-11-20"}, "2026-11-20", "11/20/2026"),
        (
            {"lastonholdtime": None},
            {"lastonholdtime": "2026-11-20T10:30:00+01:00"},
            "2026-11-20T09:30:00Z",
            "11/20/2026 9:30 AM",
        ),
        ({"mobilephone": "1"}, {"mobilephone": None}, None, None),
        ({"description": None}, {"description": "a\nb"}, "a\nb", "a\nb"),
    ],
)
def test_each_value_type_is_staged_as_canonical_text(
    sandbox: Sandbox, before: dict[str, object], sent: dict[str, object], proposed: str | None, label: str | None
) -> None:
    path = f"contacts({sandbox.contact()['contactid']})"
    sandbox.patch(path, {**before, "osync_revision": 2})

    sandbox.patch(path, sent)

    [field] = sandbox.rows("osync_syncfields")
    assert (field["osync_proposedvalue"], field["osync_proposedlabel"]) == (proposed, label)
    assert (field["osync_decision"], field["statecode"]) == (410_000_000, 0)
    name = next(iter(sent))
    assert sandbox.get(path).json()[name] == before[name]


def test_lookup_is_staged_with_table_and_name(sandbox: Sandbox) -> None:
    first, second = sandbox.rows("contacts")[:2]
    path = f"contacts({first['contactid']})"
    company = sandbox.get(f"accounts({first['_parentcustomerid_value']})").json()

    sandbox.patch(path, {"parentcustomerid_contact@odata.bind": f"/contacts({second['contactid']})"})

    [field] = sandbox.rows("osync_syncfields")
    assert field["osync_originalvalue"] == f"account:{company['accountid']}"
    assert field["osync_proposedvalue"] == f"contact:{second['contactid']}"
    assert (field["osync_originallabel"], field["osync_proposedlabel"]) == (company["name"], second["fullname"])
    assert sandbox.get(path).json()["_parentcustomerid_value"] == company["accountid"]


@pytest.mark.parametrize(
    "change", [{"creditlimit": 500.0}, {"osync_topics": "410000001, 410000000"}, {"suffix": ""}, {}]
)
def test_equal_value_is_not_staged(sandbox: Sandbox, change: dict[str, object]) -> None:
    path = f"contacts({sandbox.contact()['contactid']})"
    known = {"creditlimit": 500, "osync_topics": "410000000,410000001", "suffix": None}
    sandbox.patch(path, {**known, "osync_revision": 2})

    sandbox.patch(path, change)

    assert staged(sandbox) == {}


def test_only_tracked_columns_are_reverted(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "Boss", "statecode": 1})

    after = sandbox.read(contact["contactid"])
    assert (after["statecode"], after["jobtitle"]) == (1, contact["jobtitle"])
    assert set(staged(sandbox)) == {"jobtitle"}


def test_creates_and_deletes_are_not_staged(sandbox: Sandbox) -> None:
    created = sandbox.post("contacts", {"lastname": "New", "jobtitle": "X"}, Prefer="return=representation").json()
    sandbox.patch("contacts(deadbeef-0000-4000-8000-000000000000)", {"lastname": "Upserted"})
    sandbox.delete(f"contacts({created['contactid']})")

    assert staged(sandbox) == {}
    assert {entry["table"] for entry in sandbox.ledger()} == {"contact"}


def test_plugin_ignores_other_tables(sandbox: Sandbox) -> None:
    account = sandbox.rows("accounts")[0]

    sandbox.patch(f"accounts({account['accountid']})", {"name": "Renamed"})

    assert sandbox.get(f"accounts({account['accountid']})").json()["name"] == "Renamed"
    assert staged(sandbox) == {}


def test_plugin_runs_inside_change_set(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    sandbox.batch([request_text("PATCH", f"contacts({contact['contactid']})", {"jobtitle": "Boss"})])

    assert sandbox.read(contact["contactid"])["jobtitle"] == contact["jobtitle"]
    assert staged(sandbox) == {"jobtitle": (contact["jobtitle"], "Boss")}
    assert len({entry["transaction"] for entry in sandbox.ledger()}) == 1


def test_failing_change_set_stages_nothing(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]

    answer = sandbox.batch(
        [
            request_text("PATCH", f"contacts({contact_id})", {"jobtitle": "Boss"}),
            request_text("PATCH", f"contacts({contact_id})", {"firstname": "x" * 99}),
        ],
        Prefer="odata.continue-on-error",
    )

    assert statuses(answer) == [400]
    assert staged(sandbox) == {}
    assert sandbox.ledger() == []


def test_each_edit_has_own_record(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    for title in ("One", "Two"):
        sandbox.edit(contact["contactid"], jobtitle=title)

    fields = sandbox.rows("osync_syncfields?$orderby=versionnumber")
    assert [row["osync_proposedvalue"] for row in fields] == ["One", "Two"]
    assert {row["osync_originalvalue"] for row in fields} == {contact["jobtitle"]}
    assert len({row["osync_operationid"] for row in sandbox.rows("osync_syncrecords")}) == 2
