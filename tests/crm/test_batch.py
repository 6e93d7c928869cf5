"""Multipart: requests as documented, answers complete or not at all."""

from __future__ import annotations

from uuid import UUID

import pytest

from syncapp.crm.batch import (
    ChangeSetResponse,
    Create,
    Part,
    Read,
    Write,
    decode,
    encode_change_set,
    encode_reads,
)
from syncapp.crm.errors import ProtocolError

ROW = UUID("6b29fc40-ca47-1067-b31d-00dd010662da")
TYPE = 'multipart/mixed; boundary="batchresponse_1"'

COMMITTED = b"""--batchresponse_1
Content-Type: multipart/mixed; boundary=changesetresponse_2

--changesetresponse_2
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

HTTP/1.1 204 No Content
OData-Version: 4.0


--changesetresponse_2
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

HTTP/1.1 204 No Content
OData-Version: 4.0


--changesetresponse_2--
--batchresponse_1
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 200 OK
Content-Type: application/json; odata.metadata=minimal
ETag: W/"5"

{"a":"--batchresponse_1 \\r\\n--batchresponse_1"}
--batchresponse_1
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 404 Not Found
Content-Type: application/json
REQ_ID: 7

{"error":{"code":"0x80040217","message":"gone"}}
--batchresponse_1--
""".replace(b"\n", b"\r\n")


def test_parts_are_decoded_independently():
    change_set, found, missing = decode(TYPE, COMMITTED)

    assert isinstance(change_set, ChangeSetResponse)
    assert [part.status for part in change_set.parts] == [204, 204]
    assert isinstance(found, Part)
    assert found.json() == {"a": "--batchresponse_1 \r\n--batchresponse_1"}
    assert found.headers["etag"] == 'W/"5"'
    assert isinstance(missing, Part)
    assert (missing.status, missing.failed) == (404, True)


def test_bare_line_feeds_are_decoded():
    assert len(decode(TYPE, COMMITTED.replace(b"\r\n", b"\n"))) == 3


def test_truncated_response_yields_only_complete_parts():
    complete = decode(TYPE, COMMITTED)

    for length in range(len(COMMITTED)):
        try:
            parts = decode(TYPE, COMMITTED[:length])
        except ProtocolError:
            continue
        assert parts == complete[: len(parts)]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", COMMITTED),
        ("multipart/mixed", COMMITTED),
        (TYPE, b"<html>"),
        (TYPE, b""),
        (TYPE, b"--batchresponse_1\r\nContent-Type: application/http\r\n\r\nnonsense\r\n--batchresponse_1--"),
        (TYPE, b"--batchresponse_1\r\nno header\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\r\n--batchresponse_1--"),
        (TYPE, b"--batchresponse_1\r\n\r\nHTTP/1.1 999 OK\r\n\r\n\r\n--batchresponse_1--"),
    ],
)
def test_invalid_batch_answer_raises_protocol_error(content_type, body):
    with pytest.raises(ProtocolError):
        decode(content_type, body)


def test_nested_change_sets_are_refused():
    part = b"--c\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 X\r\n\r\n\r\n--c--"
    inner = b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" + part + b"\r\n--b--"
    outer = b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + inner + b"\r\n--a--"

    assert len(decode("multipart/mixed; boundary=b", inner)) == 1
    with pytest.raises(ProtocolError):
        decode("multipart/mixed; boundary=a", outer)


def test_reads_are_encoded_as_documented():
    batch = encode_reads([Read("contacts?$select=fullname", {"Prefer": "odata.maxpagesize=2"})])

    assert batch.headers["Prefer"] == "odata.continue-on-error"
    lines = batch.body.decode().split("\r\n")
    assert lines[1:5] == [
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "GET /api/data/v9.2/contacts?$select=fullname HTTP/1.1",
    ]
    assert "Prefer: odata.maxpagesize=2" in lines
    assert b"\n" not in batch.body.replace(b"\r\n", b"")


def test_every_write_has_if_match():
    writes = [Write("contacts", ROW, 'W/"1"', {"a": None}, tag="x y"), Write("accounts", ROW, 'W/"2"', {})]

    text = encode_change_set(writes).body.decode()

    assert text.count("PATCH ") == text.count("If-Match: ") == 2
    assert f"PATCH /api/data/v9.2/contacts({ROW})?tag=x%20y HTTP/1.1" in text
    assert 'If-Match: W/"1"' in text
    assert '{"a":null}' in text


def test_create_never_updates():
    batch = encode_change_set([Create("contacts", "contacts(key='a%20b')", {"a": 1})])

    text = batch.body.decode()
    assert "PATCH /api/data/v9.2/contacts(key='a%20b') HTTP/1.1" in text
    assert "If-None-Match: *" in text
    assert "If-Match" not in text


@pytest.mark.parametrize("etag", ["", "*", 'W/"1"\r\nX-Injected: yes'])
def test_write_needs_etag(etag):
    with pytest.raises(ValueError, match="ETag"):
        Write("contacts", ROW, etag, {})


def test_line_break_in_header_is_refused():
    with pytest.raises(ValueError, match="line break"):
        encode_reads([Read("contacts", {"Prefer": "x\r\nCallerObjectId: 1"})])


@pytest.mark.parametrize("count", [0, 1001])
def test_batch_has_1_to_1000_requests(count):
    with pytest.raises(ValueError, match="1 to 1000"):
        encode_reads([Read("contacts", {})] * count)
