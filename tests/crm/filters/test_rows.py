"""Strict parsing of filters, mailboxes and users, and the check of their owners."""

from __future__ import annotations

from uuid import UUID

import pytest

from syncapp.crm.client import CrmClient
from syncapp.crm.directory import rows as directory_rows
from syncapp.crm.errors import ProtocolError
from syncapp.crm.filters import rows as filter_rows
from syncapp.crm.filters.records import OwnerFilters
from syncapp.crm.page_chain import ENDLESS, PageChain
from tests.crm.local_server import RecordingTransport, in_turn, json_answer, serve

OWNER = UUID("6b29fc40-ca47-1067-b31d-00dd010662da")
FILTER = {
    "@odata.etag": 'W/"7"',
    "userqueryid": str(UUID(int=1)),
    "_ownerid_value": str(OWNER),
    "name": "My Tasks",
    "returnedtypecode": "task",
    "querytype": 256,
    "fetchxml": "<fetch/>",
    "statecode": 0,
    "statuscode": 1,
    "versionnumber": 7,
}
MAILBOX = {"@odata.etag": 'W/"7"', "mailboxid": str(OWNER), "actdeliverymethod": 1, "statecode": 0}


@pytest.mark.parametrize(
    ("code", "table"), [("appointment", "appointment"), (4251, "recurringappointmentmaster"), (10_042, "10042")]
)
def test_table_is_read_by_name_or_code(code, table):
    assert filter_rows.outlook_filter({**FILTER, "returnedtypecode": code}).table == table


@pytest.mark.parametrize("name", ["_ownerid_value", "querytype", "statecode", "versionnumber", "@odata.etag"])
def test_filter_without_required_value_has_problem(name):
    assert name in filter_rows.outlook_filter({**FILTER, name: None}).problem


@pytest.mark.parametrize("state", [2, -1, "0", 2**40])
def test_filter_with_unknown_state_has_problem(state):
    assert "statecode" in filter_rows.outlook_filter({**FILTER, "statecode": state}).problem


def test_filter_without_id_is_refused():
    with pytest.raises(ProtocolError):
        filter_rows.outlook_filter({**FILTER, "userqueryid": None})


def test_unreadable_filter_does_not_hide_other_filters():
    found, _ = _of(json_answer({"value": [{**FILTER, "fetchxml": 5}, {**FILTER, "userqueryid": str(UUID(int=2))}]}))

    read = OwnerFilters.of(OWNER, found)

    assert [each.id for each in read.filters or ()] == [UUID(int=2)]
    assert [each.row_id for each in read.unreadable] == [str(UUID(int=1))]


def test_empty_mailbox_status_is_zero():
    mailbox = directory_rows.mailbox(MAILBOX)

    assert (mailbox.act_status, mailbox.enabled_for_act, mailbox.user_id) == (0, False, None)


@pytest.mark.parametrize("related", [None, "roles", {}])
def test_missing_expansion_is_a_problem(related):
    row = {"teamid": str(OWNER), "name": "Sales", "teamtype": 0, "teamroles_association": related}

    assert "teamroles_association" in directory_rows.team(row).problem


def _of(*answers):
    with serve(in_turn(*answers)) as server:
        return CrmClient(transport=RecordingTransport(origin=server.origin)).filters.of(OWNER), server


def test_filter_of_other_owner_is_refused():
    with pytest.raises(ProtocolError, match="another owner"):
        _of(json_answer({"value": [FILTER, {**FILTER, "_ownerid_value": str(UUID(int=9))}]}))


def test_filter_query_has_two_conditions():
    _, server = _of(json_answer({"value": [FILTER]}))

    assert f"$filter=querytype%20eq%20256%20and%20_ownerid_value%20eq%20{OWNER}" in server.requests[0].target
    assert "callerobjectid" not in server.requests[0].headers


def test_filters_are_read_from_all_pages():
    first: list[bytes] = []
    with serve(lambda request: first.pop() if first else json_answer({"value": [FILTER]})) as server:
        first.append(
            json_answer({"value": [FILTER], "@odata.nextLink": f"{server.origin}/api/data/v9.2/userqueries?p=2"})
        )
        found = CrmClient(transport=RecordingTransport(origin=server.origin)).filters.of(OWNER)

    assert len(found) == 2
    assert server.requests[1].target.endswith("?p=2")


def test_repeated_page_raises_endless_pages():
    with pytest.raises(ProtocolError) as caught, serve(_endless) as server:
        CrmClient(transport=RecordingTransport(origin=server.origin)).filters.of(OWNER)

    assert caught.value.code == ENDLESS


def _endless(request):
    link = f"http://{request.headers['host']}/api/data/v9.2/userqueries?$skiptoken=1"
    return json_answer({"value": [], "@odata.nextLink": link})


def test_too_many_pages_raise_endless_pages():
    chain = PageChain(pages=8, max_pages=10)
    chain.follow("a")
    chain.follow("b")

    with pytest.raises(ProtocolError, match="does not end"):
        chain.follow("c")


def test_lookup_search_counts_unreadable_rows():
    definition = {"EntitySetName": "accounts", "PrimaryIdAttribute": "accountid", "PrimaryNameAttribute": "name"}
    rows = [
        {"accountid": str(OWNER), "name": 5},
        {"accountid": None, "name": "A"},
        {"accountid": str(OWNER), "name": "B"},
    ]
    with serve(in_turn(json_answer(definition), json_answer({"value": rows}))) as server:
        found = CrmClient(transport=RecordingTransport(origin=server.origin)).lookups.search("account", "B", limit=5)

    assert [row.name for row in found.rows] == ["B"]
    assert found.left_out == 2
