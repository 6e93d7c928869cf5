"""PyPI dataverse-api (by M. Risanger) against the sandbox over TLS, verified by results and ledger."""

from __future__ import annotations

import pytest

from dataverse_sandbox import config
from tests.interop.organization import Organization
from tests.interop.program import Program

EDITOR, APPLICATION = config.EDITOR, config.APPLICATION_USER_ID


@pytest.fixture
def organization(tls_organization: Organization) -> Organization:
    return tls_organization


@pytest.fixture
def client(risanger: Program) -> Program:
    return risanger


def test_row_is_created_read_updated_and_deleted(client: Program, organization: Organization) -> None:
    result = client.run("crud")

    assert result["statuses"] == [201, 204, 204]
    assert [result["names"], result["left"]] == [["Ann Berg", "Buyer"], []]
    assert organization.methods() == ["POST", "PATCH", "DELETE"]


def test_client_reads_table_metadata(client: Program, organization: Organization) -> None:
    result = client.run("schema")

    assert [result["set"], result["key"], result["multiple"]] == ["contacts", "contactid", [True, True]]
    assert list(result["keys"].values()) == [["osync_operationid"]]
    assert [result["single"], result["collection"]] == [True, True]
    assert 1033 in result["languages"]


def test_queries_filter_sort_expand_and_limit_rows(client: Program, organization: Organization) -> None:
    organization.crowd("Interop")

    assert client.run("query", marker="Interop") == [["Dora", "Dahl", None], ["Carl", "Berg", "Acme"]]


def test_pages_return_every_row_with_labels(client: Program, organization: Organization) -> None:
    organization.start(contacts=1_200)

    result = client.run("pages", size=500)

    assert [result["pages"], result["distinct"]] == [3, 1_200]
    assert result["labels"] == ["Female", "Male"]


def test_bulk_message_creates_rows(client: Program, organization: Organization) -> None:
    result = client.run("multiple")

    assert result == {"ids": 4, "names": [f"Several {number}" for number in range(4)]}
    assert len({entry["transaction"] for entry in organization.writes()}) == 1


def test_batches_with_bare_line_feeds_are_accepted(client: Program, organization: Organization) -> None:
    result = client.run("batch")

    assert result == {"batches": [2, 3], "parts": [3, 2, 2, 2, 1], "old": 3, "left": 0}
    assert organization.methods() == ["POST"] * 5 + ["PATCH"] * 7 + ["DELETE"] * 5


def test_property_is_set_in_batch_and_cleared(client: Program, organization: Organization) -> None:
    assert client.run("columns") == ["New", 204, None]


def test_alternate_key_upsert_creates_then_updates(client: Program, organization: Organization) -> None:
    result = client.run("upsert", key="K")

    assert [result["first"], result["parts"]] == [[204, 204], 2]
    assert result["rows"] == [["Ka", "Second"], ["Kb c", "Second"]]
    assert organization.methods("osync_syncrecord") == ["POST", "POST", "PATCH", "PATCH"]


def test_threads_write_concurrently(client: Program, organization: Organization) -> None:
    assert client.run("threads") == [12, 12]
    assert sorted(organization.methods()) == ["DELETE"] * 12 + ["POST"] * 12


def test_custom_table_is_created_changed_and_deleted(client: Program, organization: Organization) -> None:
    result = client.run("table", name="new_PyThing")

    assert result["statuses"] == [204] * 5
    assert [result["row"], result["label"]] == [["First", "A1"], "Renamed"]
    assert result["after"]["status"] == 404


def test_relationship_is_created_read_and_updated(client: Program, organization: Organization) -> None:
    result = client.run("relationship", name="new_py_relationship")

    assert [result["statuses"], result["name"], result["known"]] == [[204, 204], "new_py_relationship", True]
    assert [result["deleted"]["status"], result["removed"]] == [404, 204]


def test_columns_of_every_type_store_values(client: Program, organization: Organization) -> None:
    result = client.run("columns_of_every_type", name="new_Py")

    assert result == {"made": [204] * 5, "row": True}


def test_publisher_is_created_but_invalid_requests_fail(client: Program, organization: Organization) -> None:
    result = client.run("administration")

    assert result["publisher"] == 204
    assert result["solution"]["status"] == 400
    assert "publisher" in result["solution"]["message"]
    assert result["no_key"]["status"] == 404


@pytest.mark.parametrize(("header", "value"), [("CallerObjectId", EDITOR.object_id), ("MSCRMCallerID", EDITOR.user_id)])
def test_each_impersonation_header_sets_author(
    client: Program, organization: Organization, header: str, value: str
) -> None:
    assert client.run("impersonate", header=header, value=value) == [EDITOR.user_id, APPLICATION]


def test_write_with_stale_etag_fails(client: Program, organization: Organization) -> None:
    result = client.run("conditions", contact=organization.contact()["contactid"])

    assert [result["first"], result["again"]["status"]] == [204, 412]
    assert result["null"] == [200, "One"]


def test_errors_have_status_and_message(client: Program, organization: Organization) -> None:
    errors = client.run("errors")

    assert [errors[name]["status"] for name in ("missing", "filter", "token", "table")] == [404, 400, 401, 404]
    assert errors["long"] == [400]
    assert "nothing" in errors["filter"]["message"]
    assert organization.ledger() == []


def test_throttled_call_has_retry_after(client: Program, organization: Organization) -> None:
    organization.fault(path="RetrieveAvailableLanguages", status=429, retry_after=7, times=1)

    error = client.run("refused")

    assert [error["status"], error["retry_after"]] == [429, "7"]
    assert client.run("refused") is None
