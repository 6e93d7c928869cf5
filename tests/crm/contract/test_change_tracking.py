"""Change tracking: pages, delta links, deletions, and links that have expired or lead to another host."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from syncapp.crm.errors import DeltaExpired, ProtocolError
from syncapp.crm.transport import Transport
from tests.crm.local_server import FixedToken, in_turn, json_answer, serve


def _all(read, link="", **options):
    pages = [read(link, **options)]
    while pages[-1].next_link:
        pages.append(read(pages[-1].next_link, **options))
    return pages


def _staged(cloud, contacts):
    for number, contact in enumerate(contacts, start=100):
        cloud.edit(contact, telephone1=f"+49 40 {number}")


def test_last_page_of_full_read_has_delta_link(cloud, crm):
    _staged(cloud, cloud.contacts())

    pages = _all(crm.staged_fields, page_size=3)

    assert [len(page.rows) for page in pages] == [3, 1]
    assert [bool(page.delta_link) for page in pages] == [False, True]
    assert len({field.id for page in pages for field in page.rows}) == 4


def test_delta_has_changed_rows(cloud, crm):
    contacts = cloud.contacts()
    _staged(cloud, contacts[:2])
    link = _all(crm.staged_fields)[-1].delta_link

    assert crm.staged_fields(link).rows == ()
    cloud.edit(contacts[2], telephone1="+49 40 7")
    page = crm.staged_fields(link)

    assert [field.proposed for field in page.rows] == ["+49 40 7"]
    assert page.delta_link not in ("", link)


def test_delta_names_deleted_rows(cloud, crm):
    cloud.edit(cloud.contacts()[0], telephone1="+49 40 7")
    (field,) = crm.staged_fields().rows
    link = crm.staged_fields().delta_link
    cloud.delete(field.id, table="osync_syncfield")

    page = crm.staged_fields(link)

    assert (page.rows, page.deleted) == ((), (field.id,))


def test_record_delta_has_changed_rows(cloud, crm):
    link = crm.staged_records().delta_link
    record = cloud.edit(cloud.contacts()[0], telephone1="+49 40 7")["record"]

    assert [found.id for found in crm.staged_records(link).rows] == [UUID(record)]


def test_delta_is_paged(cloud, crm):
    link = crm.staged_fields().delta_link
    _staged(cloud, cloud.contacts())

    pages = _all(crm.staged_fields, link, page_size=2)

    assert [len(page.rows) for page in pages] == [2, 2]
    assert pages[-1].delta_link


def test_expired_next_link_raises_delta_expired(cloud, crm):
    _staged(cloud, cloud.contacts())
    link = crm.staged_fields(page_size=2).next_link
    cloud.post("expire", delta_tokens=True)

    with pytest.raises(DeltaExpired):
        crm.staged_fields(link)


def test_change_between_pages_is_in_next_delta(cloud, crm):
    _staged(cloud, cloud.contacts())
    first = crm.staged_fields(page_size=2)
    cloud.post("decide", field=str(first.rows[0].id), decision="rejected")

    last = _all(crm.staged_fields, first.next_link, page_size=2)[-1]

    assert [field.id for field in crm.staged_fields(last.delta_link).rows] == [first.rows[0].id]


def test_outdated_delta_link_raises_delta_expired(crm):
    link = crm.staged_fields().delta_link
    years_ago = re.sub(r"((?:/|%2F)\d\d(?:/|%2F))20\d\d", r"\g<1>2017", link)

    assert years_ago != link
    with pytest.raises(DeltaExpired):
        crm.staged_fields(years_ago)


def test_missing_link_target_raises_delta_expired(cloud, crm):
    link = crm.staged_fields().delta_link
    cloud.fail({"table": "osync_syncfield", "status": 404})

    with pytest.raises(DeltaExpired):
        crm.staged_fields(link)


def test_token_is_renewed_between_pages(cloud):
    _staged(cloud, cloud.contacts())
    tokens = cloud.credentials()
    crm = cloud.client(token_source=tokens)
    first, expired = crm.staged_fields(page_size=2), tokens.token()
    cloud.post("expire", access_tokens=True)

    last = crm.staged_fields(first.next_link, page_size=2)

    assert (len(last.rows), bool(last.delta_link)) == (2, True)
    assert tokens.token() != expired


@pytest.mark.parametrize("status", [403, 500])
def test_other_errors_on_delta_link_keep_their_status(cloud, crm, status):
    link = crm.staged_fields().delta_link
    cloud.fail({"table": "osync_syncfield", "status": status})

    with pytest.raises(Exception, match=r".+") as caught:
        crm.staged_fields(link)

    assert not isinstance(caught.value, DeltaExpired)
    assert caught.value.status == status


def test_stored_link_to_other_host_gets_no_token(crm):
    with serve(in_turn(json_answer({"value": []}))) as elsewhere:
        with pytest.raises(DeltaExpired):
            crm.staged_fields(f"{elsewhere.origin}/api/data/v9.2/osync_syncfields?$skiptoken=1")

        assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("@odata.nextLink", lambda crm: crm.staged_fields()),
        ("@odata.deltaLink", lambda crm: crm.staged_fields()),
        ("@odata.nextLink", lambda crm: crm.directory.users()),
    ],
)
def test_foreign_link_is_refused_before_storing(cloud, name, read):
    hostile = json_answer({"value": [], name: "https://evil.example/api/data/v9.2/x"})
    with serve(in_turn(hostile)) as server:
        client = type(cloud.client())(transport=Transport(origin=server.origin, token_source=FixedToken()))

        with pytest.raises(ProtocolError):
            read(client)
