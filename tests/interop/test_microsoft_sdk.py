"""Microsoft's Python SDK against the sandbox over TLS, verified by its results and the ledger."""

from __future__ import annotations

import pytest

from dataverse_sandbox import config
from tests.interop.organization import Organization
from tests.interop.program import Program

EDITOR = config.EDITOR


@pytest.fixture
def organization(tls_organization: Organization) -> Organization:
    return tls_organization


@pytest.fixture
def sdk(microsoft_sdk: Program) -> Program:
    return microsoft_sdk


def test_row_is_created_read_updated_and_deleted(sdk: Program, organization: Organization) -> None:
    result = sdk.run("crud")

    assert result["made"]["fullname"] == "Ann Berg"
    assert result["made"]["preferredcontactmethodcode"] == 2
    assert result["changed"]["jobtitle"] == "Buyer"
    assert result["etags"][0] != result["etags"][1]
    assert result["gone"] is None
    assert organization.methods() == ["POST", "PATCH", "DELETE"]
    assert {entry["id"] for entry in organization.writes()} == {result["id"]}


def test_queries_filter_sort_and_limit_rows(sdk: Program, organization: Organization) -> None:
    organization.crowd("Interop")

    assert sdk.run("query", marker="Interop") == [["Dora", "Dahl"], ["Carl", "Berg"]]


def test_related_rows_are_expanded(sdk: Program, organization: Organization) -> None:
    organization.crowd("Interop")
    [carl] = organization.rows("contacts?$filter=firstname eq 'Carl' and department eq 'Interop'")

    assert sdk.run("expand", contact=carl["contactid"]) == ["Acme", "Acme"]


def test_pages_return_every_row_once(sdk: Program, organization: Organization) -> None:
    organization.start(contacts=1_200)

    result = sdk.run("pages", size=500)

    assert result == {"sizes": [500, 500, 200], "distinct": 1_200}


def test_formatted_values_match_labels(sdk: Program, organization: Organization) -> None:
    row = {"lastname": "Berg", "gendercode": 2, "donotemail": True, "creditlimit": 1234.5}
    contact = organization.post("contacts", row).headers["OData-EntityId"][-37:-1]

    assert sdk.run("formatted", contact=contact) == {
        "gendercode": "Female",
        "donotemail": "Do Not Allow",
        "creditlimit": "€1,234.50",
        "_ownerid_value": "# Outlook Sync Portal",
    }


def test_bulk_messages_are_atomic(sdk: Program, organization: Organization) -> None:
    result = sdk.run("bulk")

    assert [row["lastname"] for row in result["rows"]] == [f"Bulk {number}" for number in range(5)]
    assert {row["jobtitle"] for row in result["rows"]} == {"Several"}
    assert [row["department"] for row in result["rows"]] == ["One", "Two", None, None, None]
    assert result["job"]
    writes = organization.writes()
    assert organization.methods() == ["POST"] * 5 + ["PATCH"] * 7 + ["DELETE"] * 5
    assert len({entry["transaction"] for entry in writes[:5]}) == 1
    assert {entry["id"] for entry in writes[-5:]} == set(result["ids"])


def test_alternate_key_upsert_creates_then_updates(sdk: Program, organization: Organization) -> None:
    assert sdk.run("upsert", key="K1") == [["K1", "Several"], ["K1's", "Several's"]]
    assert organization.methods("osync_syncrecord") == ["POST", "PATCH", "PATCH", "POST"]


def test_change_set_with_references_is_atomic(sdk: Program, organization: Organization) -> None:
    result = sdk.run("batch", marker="Together")

    assert result["statuses"] == [204, 204, 204, 200, 200]
    [row] = result["rows"]
    assert row["jobtitle"] == "Made at once"
    assert row["_parentcustomerid_value"] == result["ids"][0]
    assert result["sql"] == 1
    assert len({entry["transaction"] for entry in organization.writes() + organization.writes("account")}) == 1


def test_failed_change_set_writes_nothing(sdk: Program, organization: Organization) -> None:
    result = sdk.run("rollback", marker="Undone")

    assert result["statuses"] == [400, 200]
    assert result["error"][0] == "0x80044331"
    assert result["left"] == []
    assert result["stopped"] == [404]
    assert organization.ledger() == []


def test_fetchxml_is_paged_by_cookie(sdk: Program, organization: Organization) -> None:
    organization.start(contacts=25)

    result = sdk.run("fetchxml", size=10)

    assert result["sizes"] == [10, 10, 5]
    assert result["distinct"] == result["n"] == 25
    assert "a.name" in result["first"]


def test_sql_query_fills_data_frame(sdk: Program, organization: Organization) -> None:
    organization.start(contacts=25)

    result = sdk.run("sql")

    assert result["top"] == 3
    assert result["groups"]
    assert sum(group["n"] for group in result["groups"]) <= 25
    assert result["frame"] == [25, 4]
    assert result["columns"] == ["fullname", "jobtitle", "createdon", "contactid"]


def test_data_frames_are_written_and_read(sdk: Program, organization: Organization) -> None:
    assert sdk.run("dataframe") == ["a", "b"]


def test_sdk_reads_table_and_column_definitions(sdk: Program, organization: Organization) -> None:
    result = sdk.run("metadata")

    assert result["table"] == ["contacts", "contactid", "fullname"]
    assert result["unknown"] is None
    assert "gendercode" in result["picklists"]
    assert "statecode" not in result["picklists"]
    assert result["length"] == 50
    assert result["plain"] == "lastname"
    assert result["no_column"] is None
    assert [key[1] for key in result["keys"]] == [["osync_operationid"]]
    assert {"account", "systemuser"} <= set(result["relationships"])
    assert result["tables"] > 5


def test_custom_table_is_created_changed_and_deleted(sdk: Program, organization: Organization) -> None:
    result = sdk.run("table", name="new_SdkThing")

    assert result["made"] == ["new_Code", "new_Amount", "new_Size", "new_Done", "new_Due"]
    assert result["added"] == ["new_Remark", "new_Count"]
    assert result["ids"] == 2
    first, second = result["rows"]
    assert first["new_code"] == "A1"
    assert [first["new_amount"], first["new_size"], first["new_done"]] == [12.5, 100_000_001, True]
    assert first["new_size@OData.Community.Display.V1.FormattedValue"] == "LARGE"
    assert [second["new_remark"], second["new_count"]] == ["plain", 4]
    assert [(row["new_code"], row["lastname"]) for row in result["joined"]] == [("A1", "Looked up")]
    assert result["removed"] == [["new_Remark"], False, True]
    assert result["after"] is None


def test_column_is_updated_by_full_definition(sdk: Program, organization: Organization) -> None:
    assert sdk.run("changed_column", name="new_SdkOther") == [30, "Code of it"]


def test_both_relationship_kinds_are_created_and_deleted(sdk: Program, organization: Organization) -> None:
    result = sdk.run("relationships", name="new_sdk")

    assert result["types"] == ["one_to_many", "many_to_many"]
    assert [result["lookup"], result["listed"], result["after"]] == ["new_SdkSponsor", True, None]


def test_batch_accepts_table_operations(sdk: Program, organization: Organization) -> None:
    result = sdk.run("batched_definitions", name="new_SdkBatched")

    assert all(status < 300 for part in result["statuses"] for status in part)
    assert [len(part) for part in result["statuses"]] == [3, 3, 2]
    assert result["after"] is None


def test_batch_accepts_all_row_operations(sdk: Program, organization: Organization) -> None:
    result = sdk.run("batched_rows", marker="Batch")

    assert [result["made"], result["row"], result["left"], result["has_errors"]] == [
        [200, 204, 200],
        ["Batched", "1"],
        [],
        False,
    ]
    assert organization.methods() == ["POST"] * 3 + ["PATCH"] * 6 + ["DELETE"] * 3


def test_sdk_builds_queries_from_definitions(sdk: Program, organization: Organization) -> None:
    result = sdk.run("helpers")

    assert [result["expanded"], result["frame"], result["counted"]] == ["Helper", ["Helped"], 1]
    assert all(result[name] for name in ("columns", "select", "expands", "typed"))
    assert organization.methods() == ["POST", "PATCH", "DELETE"]


def test_file_column_is_refused(sdk: Program, organization: Organization) -> None:
    error = sdk.run("file_refused", contact=organization.contact()["contactid"])

    assert error["status_code"] == 501
    assert "FileAttributeMetadata" in error["message"]


@pytest.mark.parametrize(("header", "value"), [("CallerObjectId", EDITOR.object_id), ("MSCRMCallerID", EDITOR.user_id)])
def test_each_impersonation_header_sets_author(
    sdk: Program, organization: Organization, header: str, value: str
) -> None:
    row = sdk.run("impersonate", header=header, value=value)

    assert row["_createdby_value"] == EDITOR.user_id
    assert row["_createdonbehalfby_value"] == config.APPLICATION_USER_ID
    [entry] = organization.writes()
    assert [entry["caller"], entry["on_behalf_of"]] == [config.APPLICATION_USER_ID, EDITOR.user_id]


def test_errors_have_status_code_and_message(sdk: Program, organization: Organization) -> None:
    errors = sdk.run("errors")

    assert [errors[name]["status_code"] for name in ("update", "delete", "long", "column", "filter")] == [
        *(404, 404),
        *(400, 400, 400),
    ]
    assert errors["update"]["service_error_code"] == "0x80040217"
    assert errors["update"]["service_request_id"]
    assert errors["long"]["service_error_code"] == "0x80044331"
    assert "nothing" in errors["column"]["message"]
    assert "new_nothing" in errors["table"]["message"]
    assert organization.ledger() == []


def test_throttled_call_has_retry_after(sdk: Program, organization: Organization) -> None:
    organization.fault(table="contact", status=429, retry_after=7, times=1)

    error = sdk.run("refused")

    assert [error["status_code"], error["retry_after"], error["is_transient"]] == [429, 7, True]
    assert error["service_error_code"] == "0x80072322"
    assert sdk.run("refused") is None


def test_token_endpoint_refuses_wrong_secret(sdk: Program, organization: Organization) -> None:
    assert sdk.run("wrong_secret").startswith("ClientAuthenticationError")


def test_web_api_refuses_forged_token(sdk: Program, organization: Organization) -> None:
    error = sdk.run("wrong_token")

    assert [error["status_code"], error["is_transient"]] == [401, False]
