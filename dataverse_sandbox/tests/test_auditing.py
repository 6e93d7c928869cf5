"""Auditing: switches, entries, their old and new values, delay, and privileges."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataverse_sandbox import config
from dataverse_sandbox.audit_functions import MAX_VALUE_LENGTH, UNKNOWN_FORM
from dataverse_sandbox.tests.caller import ALL_ANNOTATIONS, Sandbox

CRM = "Microsoft.Dynamics.CRM"
CONTACT = "EntityDefinitions(LogicalName='contact')"
APPLICATION, JONAS = config.APPLICATION_USER_ID, config.EDITOR.user_id


@pytest.fixture
def audited(sandbox: Sandbox) -> Sandbox:
    """Provide a sandbox with auditing of contacts and without the plug-in."""
    sandbox.control("PUT", "plugin", {"enabled": False})
    sandbox.control("PUT", "auditing", {"enabled": True})
    return sandbox


def entries(sandbox: Sandbox) -> list[dict[str, Any]]:
    return list(sandbox.rows("audits?$orderby=createdon asc,versionnumber asc"))


def details(sandbox: Sandbox, entry: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = sandbox.get(f"audits({entry['auditid']})/{CRM}.RetrieveAuditDetails", **headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["AuditDetail"])


def values(sandbox: Sandbox, entry: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return old and new values without their type."""
    found = details(sandbox, entry)
    old, new = found["OldValue"], found["NewValue"]
    assert old.pop("@odata.type") == new.pop("@odata.type") == f"#{CRM}.contact"
    return old, new


def test_update_leaves_one_entry(audited: Sandbox) -> None:
    contact = audited.contact()
    audited.patch(f"contacts({contact['contactid']})", {"jobtitle": "Boss", "lastname": contact["lastname"]})

    [entry] = entries(audited)
    assert (entry["action"], entry["operation"], entry["objecttypecode"]) == (2, 2, "contact")
    assert (entry["_objectid_value"], entry["_userid_value"]) == (contact["contactid"], APPLICATION)
    assert entry["_callinguserid_value"] is None
    assert values(audited, entry) == ({"jobtitle": contact["jobtitle"]}, {"jobtitle": "Boss"})


def test_update_without_difference_leaves_no_entry(audited: Sandbox) -> None:
    contact = audited.contact()
    audited.patch(f"contacts({contact['contactid']})", {"jobtitle": contact["jobtitle"]})

    assert entries(audited) == []
    assert len(audited.ledger()) >= 1


def test_empty_values_are_absent_from_audit_details(audited: Sandbox) -> None:
    path = f"contacts({audited.contact()['contactid']})"
    audited.patch(path, {"department": "Sales", "fax": None})
    audited.patch(path, {"department": None, "fax": "1"})

    old, new = values(audited, entries(audited)[-1])
    assert (old, new) == ({"department": "Sales"}, {"fax": "1"})


def test_audit_values_are_formatted_like_rows(audited: Sandbox) -> None:
    contact = audited.contact()
    account = audited.rows("accounts")[0]["accountid"]
    body = {
        "preferredcontactmethodcode": 3,
        "donotemail": True,
        "creditlimit": 12.5,
        "birthdate": "1990-02-03",
        "lastonholdtime": "2026-01-02T03:04:05Z",
        "osync_topics": "410000000,410000002",
        "numberofchildren": 2,
        "address1_latitude": 1.25,
        "description": "A\nB",
    }
    path = f"contacts({contact['contactid']})"
    audited.patch(path, {**dict.fromkeys(body), "donotemail": False, "parentcustomerid_account": None})
    audited.patch(path, {**body, "parentcustomerid_account@odata.bind": f"/accounts({account})"})

    entry = entries(audited)[-1]
    _old, new = values(audited, entry)
    row = audited.read(contact["contactid"])
    assert new == {name: row[name] for name in new}
    assert set(new) == {*body, "_parentcustomerid_value"}
    annotated = details(audited, entry, **ALL_ANNOTATIONS)["NewValue"]
    shown = audited.get(path, **ALL_ANNOTATIONS).json()
    notes = {name for name in annotated if "@" in name and not name.startswith("@")}
    assert {name: annotated[name] for name in notes} == {name: shown[name] for name in notes}
    assert "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname" in notes


def test_create_and_delete_entries_hold_all_values(audited: Sandbox) -> None:
    made = audited.post("contacts", {"firstname": "A", "lastname": "B"}, Prefer="return=representation").json()
    audited.delete(f"contacts({made['contactid']})")

    created, deleted = entries(audited)
    assert [(created["action"], created["operation"]), (deleted["action"], deleted["operation"])] == [(1, 1), (3, 3)]
    assert values(audited, created)[0] == values(audited, deleted)[1] == {}
    assert values(audited, created)[1]["firstname"] == values(audited, deleted)[0]["firstname"] == "A"


def test_owner_and_state_changes_have_separate_actions(audited: Sandbox) -> None:
    path = f"contacts({audited.contact()['contactid']})"
    body = {"jobtitle": "Boss", "ownerid@odata.bind": f"/systemusers({JONAS})", "statecode": 1, "statuscode": 2}
    audited.patch(path, body)

    found = entries(audited)
    assert {entry["action"] for entry in found} == {2, 13, 41}
    assert {entry["operation"] for entry in found} == {2}
    assert len({entry["transactionid"] for entry in found}) == 1


def test_impersonated_change_records_calling_user(audited: Sandbox) -> None:
    path = f"contacts({audited.contact()['contactid']})"
    audited.patch(path, {"jobtitle": "One"}, MSCRMCallerID=JONAS)
    audited.patch(path, {"jobtitle": "Two"})

    found = [(entry["_userid_value"], entry["_callinguserid_value"]) for entry in entries(audited)]
    assert found == [(JONAS, APPLICATION), (APPLICATION, None)]


def test_plugin_restore_leaves_no_entry(audited: Sandbox) -> None:
    audited.control("PUT", "plugin", {"enabled": True})
    contact = audited.contact()["contactid"]
    changes = {"jobtitle": "Boss", "statecode": 1, "statuscode": 2}
    assert audited.edit(contact, **changes)["staged"] == 1

    [entry] = entries(audited)
    assert entry["action"] == 41


def test_change_data_uses_publicly_known_formats(audited: Sandbox) -> None:
    contact = audited.contact()
    account = contact["_parentcustomerid_value"]
    body = {"preferredcontactmethodcode": 3, "donotemail": True, "birthdate": "1990-02-03", "jobtitle": "Boss"}
    audited.patch(f"contacts({contact['contactid']})", {**body, "parentcustomerid_account": None})

    listed = json.loads(entries(audited)[0]["changedata"])["changedAttributes"]
    found = {item["logicalName"]: (item["oldValue"], item["newValue"]) for item in listed}
    assert found["preferredcontactmethodcode"][1] == "3"
    assert found["donotemail"] == ("False", "True")
    assert found["parentcustomerid"] == (f"account,{account}", None)
    assert found["jobtitle"] == (contact["jobtitle"], "Boss")
    assert found["birthdate"][1] == UNKNOWN_FORM


def test_long_values_end_in_an_ellipsis(audited: Sandbox) -> None:
    column = {"@odata.type": f"{CRM}.MemoAttributeMetadata", "SchemaName": "new_Story", "MaxLength": 20_000}
    assert audited.post(f"{CONTACT}/Attributes", column).status_code == 204
    path = f"contacts({audited.contact()['contactid']})"
    audited.patch(path, {"new_story": "a" * MAX_VALUE_LENGTH})
    audited.patch(path, {"new_story": "b" * (MAX_VALUE_LENGTH + 1)})

    old, new = values(audited, entries(audited)[-1])
    assert old["new_story"] == "a" * MAX_VALUE_LENGTH
    assert new["new_story"] == "b" * (MAX_VALUE_LENGTH - 1) + "…"


@pytest.mark.parametrize(
    "path",
    [CONTACT, f"{CONTACT}/Attributes(LogicalName='jobtitle')"],
    ids=["table", "column"],
)
def test_table_or_column_setting_disables_auditing(audited: Sandbox, path: str) -> None:
    contact = f"contacts({audited.contact()['contactid']})"
    assert audited.put(path, {"IsAuditEnabled": {"Value": False}}).status_code == 204
    audited.patch(contact, {"jobtitle": "Unseen"})

    assert entries(audited) == []
    assert audited.get(f"{path}?$select=IsAuditEnabled").json()["IsAuditEnabled"]["Value"] is False
    audited.put(path, {"IsAuditEnabled": {"Value": True, "CanBeChanged": True}})
    audited.patch(contact, {"jobtitle": "Seen"})
    assert len(entries(audited)) == 1


def test_organization_setting_disables_auditing(audited: Sandbox) -> None:
    organization = f"organizations({config.ORGANIZATION_ID})"
    audited.patch(organization, {"isauditenabled": False})
    audited.patch(f"contacts({audited.contact()['contactid']})", {"jobtitle": "Unseen"})

    assert entries(audited) == []
    assert audited.control("GET", "auditing")["enabled"] is False


def test_new_sandbox_audits_nothing(sandbox: Sandbox) -> None:
    tables = "EntityDefinitions?$select=LogicalName&$filter=IsAuditEnabled/Value eq true"
    columns = f"{CONTACT}/Attributes?$select=LogicalName&$filter=IsAuditEnabled/Value eq true"
    assert sandbox.rows(tables) == []
    assert {"jobtitle", "parentcustomerid"} <= {row["LogicalName"] for row in sandbox.rows(columns)}
    assert "modifiedon" not in {row["LogicalName"] for row in sandbox.rows(columns)}


def test_reset_clears_audit_entries_and_switches(audited: Sandbox) -> None:
    audited.control("PUT", "auditing", {"delay_seconds": 9, "invalid_new_values": ["fax"]})
    audited.patch(f"contacts({audited.contact()['contactid']})", {"jobtitle": "Boss"})

    audited.reset()

    state = audited.control("GET", "auditing")
    assert (state["enabled"], state["entries"], state["delay_seconds"]) == (False, 0, 0)
    assert state["invalid_new_values"] == []


def test_entry_is_readable_after_its_delay(audited: Sandbox) -> None:
    audited.control("PUT", "auditing", {"delay_seconds": 3_600})
    audited.patch(f"contacts({audited.contact()['contactid']})", {"jobtitle": "Boss"})
    store = audited.server.application.store
    hidden = store.fetch("SELECT auditid FROM audit")
    assert hidden is not None

    assert entries(audited) == []
    assert audited.get("audits/$count").text == "0"
    assert audited.get(f"audits({hidden[0]})").status_code == 404
    assert audited.get(f"audits({hidden[0]})/{CRM}.RetrieveAuditDetails").status_code == 404
    assert audited.control("GET", "auditing")["waiting"] == 1
    store.execute("UPDATE audit_detail SET visible_at = visible_at - 3601")
    assert details(audited, entries(audited)[0])["NewValue"]["jobtitle"] == "Boss"
    assert audited.control("GET", "auditing")["waiting"] == 0


def test_jitter_makes_entries_readable_out_of_order(audited: Sandbox) -> None:
    audited.control("PUT", "auditing", {"jitter_seconds": 3_600})
    contact = f"contacts({audited.contact()['contactid']})"
    for number in range(12):
        audited.patch(contact, {"jobtitle": f"Boss {number}"})
    store = audited.server.application.store
    seen: list[int] = []
    while len(seen) < 12:
        store.execute("UPDATE audit_detail SET visible_at = visible_at - 60")
        seen += [version for entry in entries(audited) if (version := entry["versionnumber"]) not in seen]

    assert seen != sorted(seen)


def test_entries_past_retention_are_deleted(audited: Sandbox) -> None:
    audited.patch(f"contacts({audited.contact()['contactid']})", {"jobtitle": "Boss"})
    audited.server.application.store.execute("UPDATE audit SET createdon = '2020-01-01T00:00:00Z'")

    assert entries(audited) == []
    audited.control("PUT", "auditing", {"days_kept": -1})
    assert len(entries(audited)) == 1
    assert audited.rows("organizations?$select=auditretentionperiodv2")[0]["auditretentionperiodv2"] == -1


def test_control_request_deletes_earlier_entries(audited: Sandbox) -> None:
    audited.patch(f"contacts({audited.contact()['contactid']})", {"jobtitle": "Boss"})

    assert audited.control("DELETE", "auditing?before=2020-01-01T00:00:00Z") == {"deleted": 0}
    assert audited.control("DELETE", "auditing?before=2099-01-01T00:00:00Z") == {"deleted": 1}
    assert entries(audited) == []


def test_invalid_new_values_are_listed_but_not_returned(audited: Sandbox) -> None:
    audited.control("PUT", "auditing", {"invalid_new_values": ["jobtitle", "fax"]})
    audited.patch(f"contacts({audited.contact()['contactid']})", {"jobtitle": "Boss", "nickname": "B"})

    found = details(audited, entries(audited)[0])
    assert found["InvalidNewValueAttributes"] == ["jobtitle"]
    assert set(found["NewValue"]) == {"@odata.type", "nickname"}


@pytest.mark.parametrize("privilege", ["prvReadAuditSummary", "prvReadRecordAuditHistory"])
def test_details_need_both_privileges(audited: Sandbox, privilege: str) -> None:
    audited.patch(f"contacts({audited.contact()['contactid']})", {"jobtitle": "Boss"})
    path = f"audits({entries(audited)[0]['auditid']})/{CRM}.RetrieveAuditDetails"

    audited.control("PUT", "privileges", {"without": [privilege]})

    assert audited.get(path).status_code == 403
    assert audited.get("audits").status_code == (403 if privilege == "prvReadAuditSummary" else 200)


def test_basic_user_may_not_read_entries(audited: Sandbox) -> None:
    assert audited.as_user("Jonas Weber").get("audits").status_code == 403


def test_entries_cannot_be_written(audited: Sandbox) -> None:
    audited.patch(f"contacts({audited.contact()['contactid']})", {"jobtitle": "Boss"})
    entry = f"audits({entries(audited)[0]['auditid']})"

    assert audited.delete(entry).status_code == 501
    assert audited.patch(entry, {"action": 1}).status_code == 501


def test_rolled_back_change_leaves_no_entry(audited: Sandbox) -> None:
    row = {"@odata.type": f"{CRM}.contact", "contactid": audited.contact()["contactid"]}
    body = {"Targets": [{**row, "jobtitle": "Boss"}, {**row, "nosuch": 1}]}

    assert audited.post(f"contacts/{CRM}.UpdateMultiple", body).status_code == 400
    assert entries(audited) == []


@pytest.mark.parametrize("body", [{"fly": 1}, {"enabled": 1}, {"delay_seconds": -1}, {"days_kept": 0}])
def test_invalid_audit_settings_are_refused(sandbox: Sandbox, body: dict[str, object]) -> None:
    assert sandbox.session.put(f"{sandbox.url}/sandbox/auditing", json=body).status_code == 400


def test_documented_query_lists_entries(audited: Sandbox) -> None:
    since = audited.rows("contacts?$select=modifiedon&$orderby=modifiedon desc")[0]["modifiedon"]
    audited.patch(f"contacts({audited.contact()['contactid']})", {"jobtitle": "Boss"})
    columns = "auditid,createdon,action,operation,_objectid_value,_userid_value,_callinguserid_value,transactionid"
    where = f"objecttypecode eq 'contact' and operation eq 2 and createdon ge {since}"

    [found] = audited.rows(f"audits?$select={columns}&$filter={where}&$orderby=createdon asc")

    assert set(found) == {"@odata.etag", *columns.split(",")}
