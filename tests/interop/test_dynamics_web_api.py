"""npm dynamics-web-api against the sandbox over HTTP, verified by its results and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dataverse_sandbox import config
from tests.interop.organization import Organization
from tests.interop.program import ClientFailed, Program

REFUSED = "No batches today"
EDITOR, APPLICATION = config.EDITOR, config.APPLICATION_USER_ID


@pytest.fixture
def organization(plain_organization: Organization) -> Organization:
    return plain_organization


@pytest.fixture
def client(dynamics_web_api: Program) -> Program:
    return dynamics_web_api


@contextmanager
def batches_refused(organization: Organization) -> Iterator[None]:
    """Let the sandbox refuse each batch, and no other request."""
    organization.fault(path="$batch", status=503, message=REFUSED)
    try:
        yield
    finally:
        organization.control("DELETE", "faults")


def any_contact(organization: Organization) -> str:
    return str(organization.contact()["contactid"])


def test_row_is_created_read_updated_and_deleted(client: Program, organization: Organization) -> None:
    result = client.run("crud")

    assert result["row"]["lastname"] == "Shown"
    assert [result["fullname"], result["createdOn"]] == ["Ann Berg", True]
    assert [result["updated"], result["shown"]["jobtitle"], result["deleted"]] == [True, "Seller", True]
    assert result["gone"]["status"] == 404
    own = [entry["method"] for entry in organization.writes() if entry["id"] == result["id"]]
    assert own == ["POST", "PATCH", "PATCH", "DELETE"]


def test_queries_filter_sort_count_and_limit_rows(client: Program, organization: Organization) -> None:
    organization.crowd("Interop")

    result = client.run("query", marker="Interop")

    assert result["rows"] == [["Dora", "Dahl"], ["Carl", "Berg"]]
    assert result["count"] == 2
    assert result["context"].startswith(f"{organization.api}$metadata#contacts")


def test_long_query_is_sent_as_batch(client: Program, organization: Organization) -> None:
    organization.crowd("Interop")
    assert client.run("longQuery", marker="Interop") == 3

    with batches_refused(organization):
        assert client.run("query", marker="Interop")["count"] == 2
        with pytest.raises(ClientFailed, match=REFUSED):
            client.run("longQuery", marker="Interop")


def test_related_rows_are_expanded(client: Program, organization: Organization) -> None:
    organization.crowd("Interop")
    [carl] = organization.rows("contacts?$filter=firstname eq 'Carl' and department eq 'Interop'")

    result = client.run("expand", account=carl["_parentcustomerid_value"])

    assert result == {"name": "Acme", "people": ["Berg"], "by": "# Outlook Sync Portal", "below": 1}


def test_pages_return_every_row_once(client: Program, organization: Organization) -> None:
    organization.start(contacts=1_200)

    result = client.run("pages", size=500)

    assert result == {"distinct": 1_200, "second": 500, "overlap": False}


def test_rows_are_counted_with_and_without_filter(client: Program, organization: Organization) -> None:
    organization.crowd("Interop")

    assert client.run("counts", marker="Interop") == [7, 3, 3]


def test_formatted_values_match_labels(client: Program, organization: Organization) -> None:
    company = organization.company("Acme")
    bind = {"parentcustomerid_account@odata.bind": f"/accounts({company})"}
    row = {"lastname": "Berg", "gendercode": 2, "creditlimit": 1234.5, **bind}
    contact = organization.post("contacts", row).headers["OData-EntityId"][-37:-1]

    found = client.run("formatted", contact=contact)

    assert found == ["Female", "€1,234.50", "Acme", "account", "parentcustomerid_account"]


def test_upsert_respects_conditions(client: Program, organization: Organization) -> None:
    wanted = "00000000-0000-0000-0000-0000000000bb"

    result = client.run("upsert", id=wanted, key="K1")

    assert result["created"] == result["updated"] == wanted
    assert [result["kept"], result["refused"]] == [None, None]
    assert [result["name"], result["key"], result["read"]] == ["Changed", "K1", "Second"]
    assert organization.methods() == ["POST", "PATCH"]
    assert organization.methods("osync_syncrecord") == ["POST", "PATCH"]


def test_write_with_stale_etag_fails(client: Program, organization: Organization) -> None:
    result = client.run("concurrency", contact=any_contact(organization))

    assert result["unchanged"] is None
    assert [result["first"], result["second"], result["deleted"]] == [True, False, False]
    assert [result["error"]["status"], result["error"]["code"]] == [412, "0x80060882"]
    assert result["name"] == "One"
    assert organization.methods() == ["PATCH"]


def test_bulk_messages_are_atomic(client: Program, organization: Organization) -> None:
    result = client.run("bulk")

    assert [result["ids"], result["done"], result["all"]["status"]] == [3, None, 400]
    assert result["rows"] == [
        ["Bulk 1", "Several", "Old"],
        ["Bulk 2", "Several", None],
        ["Bulk 3", "Several", None],
        ["New", None, None],
    ]
    assert organization.methods() == ["POST"] * 3 + ["PATCH"] * 3 + ["PATCH", "POST"]


def test_change_set_with_references_is_atomic(client: Program, organization: Organization) -> None:
    account, contact, updated, listed, count = client.run("batch", marker="Together")

    [row] = listed["value"]
    assert [row["contactid"], row["_parentcustomerid_value"]] == [contact, account]
    assert row["jobtitle"] == "Made at once"
    assert [updated, count] == [True, 5]
    assert len({entry["transaction"] for entry in organization.writes() + organization.writes("account")}) == 1


def test_failed_change_set_writes_nothing(client: Program, organization: Organization) -> None:
    result = client.run("rollback", marker="Undone")

    assert result["left"] == 0
    assert [result["error"]["status"], result["error"]["code"]] == [400, "0x80044331"]
    assert "result" in result["going"]
    missing, gone, listed = result["going"]["result"]
    assert [missing["status"], gone["status"], len(listed["value"])] == [404, 404, 4]
    assert organization.ledger() == []


def test_fetchxml_is_paged_by_cookie(client: Program, organization: Organization) -> None:
    organization.start(contacts=25)

    result = client.run("fetchXml", size=10)

    assert [result["distinct"], result["page"], result["next"]] == [25, 10, 2]
    assert result["own"] == 1
    assert result["refused"]["status"] == 400


def test_long_fetchxml_is_sent_as_batch(client: Program, organization: Organization) -> None:
    assert client.run("longFetchXml") == 4

    with batches_refused(organization):
        assert client.run("fetchXml", size=3)["distinct"] == 4
        with pytest.raises(ClientFailed, match=REFUSED):
            client.run("longFetchXml")


def test_saved_views_and_filters_return_rows(client: Program, organization: Organization) -> None:
    inner = '<attribute name="fullname"/><filter><condition attribute="ownerid" operator="eq-userid"/></filter>'
    xml = f'<fetch><entity name="contact">{inner}</entity></fetch>'
    row = {"name": "Mine", "fetchxml": xml, "querytype": 256, "returnedtypecode": "contact"}
    mine = organization.post("userqueries", row).headers["OData-EntityId"][-37:-1]
    view = organization.post("savedqueries", {**row, "querytype": 0}).headers["OData-EntityId"][-37:-1]

    assert client.run("predefined", view=view, filter=mine) == [0, 0]
    organization.post("contacts", {"lastname": "Own"})
    assert client.run("predefined", view=view, filter=mine) == [1, 1]


def test_rows_are_grouped_and_counted(client: Program, organization: Organization) -> None:
    organization.crowd("Interop")

    assert client.run("aggregate", marker="Interop") == [["Berg", 1], ["Dahl", 1], ["Eck", 1]]


def test_other_users_filter_is_switched_off(client: Program, organization: Organization) -> None:
    result = client.run("filters", user=EDITOR.user_id)

    assert result["asked"] == result["asUser"] > 0
    assert [result["before"], result["after"], result["by"]] == [0, 1, APPLICATION]
    [entry] = organization.writes("userquery")
    assert entry["changes"]["statecode"] == [0, 1]


def test_delta_has_changes_and_deletions(client: Program, organization: Organization) -> None:
    contact = any_contact(organization)

    result = client.run("track", contact=contact)

    changed = {row.get("contactid") or row["id"]: row for row in result["delta"]}
    assert set(changed) == {contact, result["made"], result["brief"]}
    assert [changed[contact]["lastname"], changed[result["made"]]["lastname"]] == ["Moved", "Fresh"]
    assert changed[result["brief"]]["reason"] == "deleted"
    assert [result["full"], result["calm"], result["pages"]] == [4, 0, [5, True]]
    assert result["refused"]["status"] == 400


def test_each_impersonation_header_sets_author(client: Program, organization: Organization) -> None:
    result = client.run("impersonate", user=EDITOR.user_id, objectId=EDITOR.object_id)

    assert result["made"] == [[EDITOR.user_id, APPLICATION], [EDITOR.user_id, APPLICATION], [APPLICATION, None]]
    assert result["whole"] == EDITOR.user_id
    assert result["unknown"] == [APPLICATION, None]
    assert result["unknownObject"]["status"] == 403


def test_references_associate_and_disassociate(client: Program, organization: Organization) -> None:
    contact, account = any_contact(organization), organization.company("Acme")
    [team] = organization.rows("teams?$top=1")
    user = EDITOR.user_id

    result: dict[str, Any] = client.run("references", contact=contact, account=account, team=team["teamid"], user=user)

    assert result["linked"] == [account, "accounts"]
    assert [result["cut"], result["back"], result["after"]] == [None, account, None]
    assert [result["inside"], result["outside"]] == [True, False]


def test_single_property_is_set_and_cleared(client: Program, organization: Organization) -> None:
    assert client.run("property", contact=any_contact(organization)) == ["Alone", None]
    assert [list(entry["changes"]) for entry in organization.writes()] == [["jobtitle"], ["jobtitle"]]


def test_unbound_functions_return_values(client: Program, organization: Organization) -> None:
    result = client.run("functions")

    assert result["who"] == APPLICATION
    counted = result["rows"]["EntityRecordCountCollection"]
    assert [counted["Keys"], counted["Values"]] == [["contact"], [4]]


def test_definitions_have_requested_metadata(client: Program, organization: Organization) -> None:
    result = client.run("metadata")

    assert result["table"] == ["contacts", "fullname", 2]
    assert result["named"] == 1
    assert "description" in result["memos"]
    assert "lastname" not in result["memos"]
    assert [result["labels"], result["length"]] == [["Male", "Female"], 50]


def test_custom_table_is_created_changed_and_deleted(client: Program, organization: Organization) -> None:
    result = client.run("table", name="new_NodeThing")

    assert [result["label"], result["row"]] == ["Renamed", ["First", "A1"]]
    assert [result["left"], result["after"]] == [False, 404]


def test_relationship_is_created_changed_and_deleted(client: Program, organization: Organization) -> None:
    result = client.run("relationships", name="new_account_contact_sponsor")

    assert result["made"] == "new_account_contact_sponsor"
    assert result["cascade"] == ["new_account_contact_sponsor", "Cascade"]
    assert [result["base"], result["after"]] == [["OneToManyRelationship"], 404]


def test_global_choice_is_created_changed_and_deleted(client: Program, organization: Organization) -> None:
    result = client.run("globalChoices", name="new_nodecolors")

    assert [result["options"], result["label"]] == [["Red", "Green", "Blue"], "Colors"]
    assert ["new_nodecolors" in result["all"], result["after"]] == [True, 404]


def test_definitions_are_filtered_and_updated(client: Program, organization: Organization) -> None:
    result = client.run("definitions", name="new_NodeText")

    assert ["appointment", 1] in result["tables"]
    assert "$orderby" in result["sorted"]
    assert [result["length"], result["document"]] == [30, True]


def test_request_options_reach_server(client: Program, organization: Organization) -> None:
    contact = any_contact(organization)

    result = client.run("options", contact=contact)

    assert result["made"] == ["Options", "string"]
    assert [result["twice"], result["again"]] == [[412, "0x80040333"], "string"]
    assert [result["up"], result["pages"], result["narrow"], result["held"]] == [contact, True, 2, True]
    assert [entry["tag"] for entry in organization.writes()] == ["interop", "", ""]


def test_unsupported_features_are_refused(client: Program, organization: Organization) -> None:
    found = client.run("unknown", contact=any_contact(organization))

    assert found.pop("download") == 400  # no such column
    assert found == dict.fromkeys(found, 501)
    assert len(found) == 7


def test_errors_have_status_code_and_message(client: Program, organization: Organization) -> None:
    errors = client.run("errors")

    wanted = {"missing": 404, "update": 404, "column": 400, "long": 400, "filter": 400, "token": 401}
    assert {name: error["status"] for name, error in errors.items()} == wanted
    assert errors["missing"]["code"] == "0x80040217"
    assert "nothing" in errors["column"]["message"]
    assert organization.ledger() == []


def test_throttled_call_has_retry_after(client: Program, organization: Organization) -> None:
    organization.fault(table="contact", status=429, retry_after=7, times=1)

    error = client.run("refused")

    assert [error["status"], error["code"]] == [429, "0x80072322"]
    assert error["headers"].get("retry-after") == "7"
    assert "result" in client.run("refused")


def test_exceeded_limit_throttles_further_calls(client: Program, organization: Organization) -> None:
    organization.control("PUT", "faults", {"limits": {"requests": 5, "takes_time": False}})

    stopped = client.run("untilThrottled", most=10)

    assert [stopped["passed"], stopped["status"], stopped["code"]] == [5, 429, "0x80072322"]
    assert int(stopped["headers"]["retry-after"]) > 0
    organization.control("DELETE", "faults")
    assert client.run("untilThrottled", most=10) is None
