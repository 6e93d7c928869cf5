"""Bulk messages, upserts by keys, associations, single properties and bulk deletion."""

from __future__ import annotations

from typing import Any

import pytest

from dataverse_sandbox import config
from dataverse_sandbox.tests.caller import Sandbox

CRM = "Microsoft.Dynamics.CRM"
NOWHERE = "deadbeef-0000-4000-8000-000000000000"


def typed(table: str = "contact", **values: Any) -> dict[str, Any]:
    return {"@odata.type": f"{CRM}.{table}", **values}


def bulk(sandbox: Sandbox, message: str, *rows: dict[str, Any], path: str = "contacts") -> Any:
    return sandbox.post(f"{path}/{CRM}.{message}", {"Targets": list(rows)})


def test_create_multiple_returns_ids_in_order(sandbox: Sandbox) -> None:
    made = bulk(sandbox, "CreateMultiple", typed(lastname="Uno"), typed(lastname="Duo"))

    assert made.status_code == 200
    assert [sandbox.read(row_id)["lastname"] for row_id in made.json()["Ids"]] == ["Uno", "Duo"]
    assert len({entry["transaction"] for entry in sandbox.ledger()}) == 1


@pytest.mark.parametrize(
    "bad", [{"lastname": "No type"}, typed("account", lastname="X"), typed(nosuch=1), typed(lastname="x" * 51)]
)
def test_one_bad_row_undoes_all_rows(sandbox: Sandbox, bad: dict[str, Any]) -> None:
    assert bulk(sandbox, "CreateMultiple", typed(lastname="Good"), bad).status_code == 400
    assert sandbox.ledger() == []


def test_update_multiple_runs_the_plugin(sandbox: Sandbox) -> None:
    first, second = (sandbox.contact(number) for number in (0, 1))
    plain = typed(contactid=first["contactid"], jobtitle="From Outlook")
    raised = typed(contactid=second["contactid"], jobtitle="From a form", osync_revision=99)

    assert bulk(sandbox, "UpdateMultiple", plain, raised).status_code == 204
    assert sandbox.read(first["contactid"])["jobtitle"] == first["jobtitle"]
    assert sandbox.read(second["contactid"])["jobtitle"] == "From a form"
    assert [row["osync_proposedvalue"] for row in sandbox.rows("osync_syncfields")] == ["From Outlook"]


def test_update_multiple_never_creates_rows(sandbox: Sandbox) -> None:
    good = typed(contactid=sandbox.contact()["contactid"], osync_revision=99)

    assert bulk(sandbox, "UpdateMultiple", good, typed(contactid=NOWHERE, jobtitle="X")).status_code == 404
    assert sandbox.ledger() == []


def test_upsert_multiple_marks_created_rows(sandbox: Sandbox) -> None:
    old = sandbox.contact()["contactid"]
    rows = (typed(contactid=old, osync_revision=99), typed(contactid=NOWHERE, lastname="New"))

    results = bulk(sandbox, "UpsertMultiple", *rows).json()["Results"]
    assert [item["RecordCreated"] for item in results] == [False, True]
    assert sandbox.read(NOWHERE)["lastname"] == "New"


def test_upsert_multiple_matches_alternate_key(sandbox: Sandbox) -> None:
    row = typed("osync_syncrecord", osync_name="A", **{"@odata.id": "osync_syncrecords(osync_operationid='k1')"})

    for _ in range(2):
        answer = bulk(sandbox, "UpsertMultiple", row, path="osync_syncrecords")
        assert answer.status_code == 200, answer.text
    [found] = sandbox.rows("osync_syncrecords")
    assert (found["osync_operationid"], found["osync_name"]) == ("k1", "A")


def test_composite_key_finds_one_row(sandbox: Sandbox) -> None:
    key = {"SchemaName": "osync_pair", "KeyAttributes": ["employeeid", "governmentid"]}
    assert sandbox.post("EntityDefinitions(LogicalName='contact')/Keys", key).status_code == 204
    path = "contacts(employeeid='E1',governmentid='G1')"

    made = sandbox.patch(path, {"lastname": "Keyed"}, Prefer="return=representation")
    assert (made.status_code, made.json()["employeeid"]) == (201, "E1")
    assert sandbox.get("contacts(governmentid='g1',employeeid='e1')").json()["lastname"] == "Keyed"
    assert sandbox.get("contacts(employeeid='E1',governmentid='G2')").status_code == 404
    assert sandbox.get("contacts(employeeid='E1')").status_code == 501
    assert sandbox.post("contacts", {"employeeid": "E1", "governmentid": "G1"}).status_code == 412


def test_single_property_is_written_and_cleared(sandbox: Sandbox) -> None:
    account = sandbox.rows("accounts")[0]["accountid"]
    path = f"accounts({account})/telephone1"

    assert sandbox.put(path, {"value": "123"}).status_code == 204
    assert sandbox.get(path).json()["value"] == "123"
    assert sandbox.delete(path).status_code == 204
    assert sandbox.get(path).status_code == 204
    assert sandbox.put(path, {"worth": 1}).status_code == 400
    assert sandbox.put(f"accounts({NOWHERE})/telephone1", {"value": "1"}).status_code == 404


def test_single_property_edit_of_contact_is_reverted(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    answer = sandbox.put(f"contacts({contact['contactid']})/jobtitle", {"value": "New"})

    assert answer.status_code == 204
    assert sandbox.read(contact["contactid"])["jobtitle"] == contact["jobtitle"]
    assert [row["osync_proposedvalue"] for row in sandbox.rows("osync_syncfields")] == ["New"]


def test_single_property_edit_without_plugin_stays(sandbox: Sandbox) -> None:
    contact = sandbox.contact()["contactid"]
    sandbox.control("PUT", "plugin", {"enabled": False})

    assert sandbox.put(f"contacts({contact})/jobtitle", {"value": "New"}).status_code == 204
    assert sandbox.read(contact)["jobtitle"] == "New"
    assert sandbox.rows("osync_syncfields") == []


def test_row_is_added_to_and_removed_from_collection(sandbox: Sandbox) -> None:
    account = sandbox.post("accounts", {"name": "Fresh"}, Prefer="return=representation").json()["accountid"]
    contact = sandbox.contact()["contactid"]
    sandbox.control("PUT", "plugin", {"enabled": False})
    path = f"accounts({account})/contact_customer_accounts"

    linked = sandbox.post(f"{path}/$ref", {"@odata.id": f"{sandbox.api}contacts({contact})"})
    assert linked.status_code == 204
    assert [row["contactid"] for row in sandbox.rows(path)] == [contact]
    assert sandbox.get(f"{path}/$count").text == "1"
    assert sandbox.get(f"{path}/$ref").json()["value"][0]["@odata.id"].endswith(f"contacts({contact})")
    assert sandbox.delete(f"{path}({contact})/$ref").status_code == 204
    assert sandbox.rows(path) == []


def test_team_member_is_associated_only_once(sandbox: Sandbox) -> None:
    team = sandbox.post("teams", {"name": "T"}, Prefer="return=representation").json()["teamid"]
    path = f"teams({team})/teammembership_association"
    user = f"{sandbox.api}systemusers({config.EDITOR.user_id})"

    for _ in range(2):
        assert sandbox.post(f"{path}/$ref", {"@odata.id": user}).status_code == 204
    assert [row["systemuserid"] for row in sandbox.rows(path)] == [config.EDITOR.user_id]
    assert sandbox.delete(f"{path}/$ref?$id={user}").status_code == 204
    assert sandbox.delete(f"{path}/$ref?$id={user}").status_code == 404


def test_lookup_is_set_read_and_cleared_by_reference(sandbox: Sandbox) -> None:
    account, contact = sandbox.rows("accounts")[0]["accountid"], sandbox.contact()["contactid"]
    path = f"accounts({account})/primarycontactid"

    assert sandbox.put(f"{path}/$ref", {"@odata.id": f"contacts({contact})"}).status_code == 204
    assert sandbox.get(path).json()["contactid"] == contact
    assert sandbox.get(f"{path}/fullname").status_code == 200
    assert sandbox.get(f"{path}/$ref").json()["@odata.id"].endswith(f"contacts({contact})")
    assert sandbox.delete(f"{path}/$ref").status_code == 204
    assert sandbox.get(path).status_code == 204


def test_nested_rows_are_created_together(sandbox: Sandbox) -> None:
    party = {"partyid_systemuser@odata.bind": f"/systemusers({config.EDITOR.user_id})", "participationtypemask": 5}
    body = {"subject": "Meeting", "appointment_activity_parties": [party]}
    made = sandbox.post("appointments", body, Prefer="return=representation").json()["activityid"]

    [found] = sandbox.rows(f"appointments({made})/appointment_activity_parties")
    assert (found["_partyid_value"], found["participationtypemask"]) == (config.EDITOR.user_id, 5)
    bad = {"subject": "Bad", "appointment_activity_parties": [{"nosuch": 1}]}
    before = len(sandbox.ledger())
    assert sandbox.post("appointments", bad).status_code == 400
    assert len(sandbox.ledger()) == before


def test_bulk_delete_removes_selected_rows(sandbox: Sandbox) -> None:
    ids = [sandbox.contact(number)["contactid"] for number in (0, 1)]
    values = [{"Value": row_id, "Type": "System.Guid"} for row_id in ids]
    condition = {"AttributeName": "contactid", "Operator": "In", "Values": values}
    query = {"EntityName": "contact", "Criteria": {"FilterOperator": "And", "Conditions": [condition]}}

    job = sandbox.post("BulkDelete", {"JobName": "Clean", "QuerySet": [query]}).json()["JobId"]
    assert len(sandbox.rows("contacts")) == 1
    assert sandbox.get(f"asyncoperations({job})").json()["statuscode"] == 30
    rob = sandbox.as_user("Rob Marchetti")
    assert rob.post("BulkDelete", {"QuerySet": [query]}).status_code == 403


def test_messages_of_a_table_can_be_queried(sandbox: Sandbox) -> None:
    path = "sdkmessagefilters?$select=sdkmessagefilterid&$expand=sdkmessageid($select=name)&$filter="
    where = "sdkmessageid/name eq 'UpdateMultiple' and primaryobjecttypecode eq 'contact'"

    [found] = sandbox.rows(path + where)
    assert found["sdkmessageid"]["name"] == "UpdateMultiple"


def test_webhook_secret_stays_hidden(sandbox: Sandbox) -> None:
    body = {"name": "Hook", "url": "https://x.example/", "contract": 8, "authtype": 4, "authvalue": "top secret"}
    endpoint = sandbox.post("serviceendpoints", body, Prefer="return=representation").json()
    message = sandbox.rows("sdkmessages?$filter=name eq 'Update'")[0]["sdkmessageid"]
    step = {
        "name": "Step",
        "stage": 40,
        "mode": 1,
        "sdkmessageid@odata.bind": f"/sdkmessages({message})",
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint['serviceendpointid']})",
    }
    made = sandbox.post("sdkmessageprocessingsteps", step, Prefer="return=representation").json()
    image = {"name": "pre", "entityalias": "pre", "imagetype": 0, "messagepropertyname": "Target"}
    bind = {
        "sdkmessageprocessingstepid@odata.bind": f"/sdkmessageprocessingsteps({made['sdkmessageprocessingstepid']})"
    }

    assert sandbox.post("sdkmessageprocessingstepimages", image | bind).status_code == 204
    assert endpoint["isauthvalueset"] is True
    assert "top secret" not in str([endpoint, sandbox.rows("serviceendpoints"), sandbox.ledger()])
    below = f"serviceendpoints({endpoint['serviceendpointid']})/serviceendpoint_sdkmessageprocessingstep"
    assert [row["name"] for row in sandbox.rows(below)] == ["Step"]
