"""Statuses and headers of the CRM as errors."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from syncapp.crm import errors
from syncapp.crm.batch import Read, Write
from syncapp.crm.responses import Response, failure, require_committed, require_parts, retry_after_of

MULTIPART = {"content-type": "multipart/mixed; boundary=b"}
READS = (Read("osync_syncfields?$select=osync_name", {}), Read("contacts(77)?$select=jobtitle", {}))
WRITES = tuple(
    Write(name, uuid.UUID(int=7), 'W/"7"', {"jobtitle": "Pilot"}) for name in ("contacts", "osync_syncfields")
)


@pytest.mark.parametrize(
    ("status", "kind", "transient"),
    [
        (302, errors.ProtocolError, False),
        (400, errors.Rejected, False),
        (401, errors.CredentialsRefused, False),
        (403, errors.Forbidden, False),
        (404, errors.NotFound, False),
        (405, errors.Rejected, False),
        (412, errors.Stale, False),
        (413, errors.Rejected, False),
        (429, errors.Throttled, True),
        (500, errors.ServerFault, True),
        (501, errors.ServerFault, False),
        (503, errors.ServerFault, True),
    ],
)
def test_status_maps_to_error_and_transience(status, kind, transient):
    error = failure(Response(status, {}, b""))

    assert type(error) is kind
    assert (error.is_transient, error.status) == (transient, status)


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (404, "0x80060888", "Resource not found for the segment 'osync_syncfields'.", True),
        (400, "0x80060888", "Could not find a property named 'new_no'.", True),
        (400, "0x80048D19", "The property 'new_no' does not exist on type 'Microsoft.Dynamics.CRM.contact'.", True),
        (404, "", "No HTTP resource was found.", True),
        (405, "0x80040800", "The method is not supported.", True),
        (501, "", "Not implemented.", True),
        (404, "0x80040217", "contact With Id = 77 Does Not Exist", False),
        (400, "0x80044331", "A validation error occurred. The length of 'jobtitle' exceeded the maximum.", False),
        (400, "0x80044150", "Deadlock.", False),
        (401, "", "Unauthorized", False),
        (412, "0x80060882", "The version does not match.", False),
        (503, "", "Busy.", False),
    ],
)
def test_unknown_names_and_methods_mean_refused_operation(status, code, message, expected):
    body = json.dumps({"error": {"code": code, "message": message}}).encode()

    assert failure(Response(status, {}, body)).refuses_operation is expected


def test_error_names_request_without_keys():
    with pytest.raises(errors.NotFound) as refused:
        require_committed(_batch(b"HTTP/1.1 404 Not Found\r\n\r\n"), WRITES)
    read = require_parts(_batch(DONE, b"HTTP/1.1 404 Not Found\r\n\r\n"), READS)[1]

    assert refused.value.asked == "PATCH contacts, osync_syncfields"
    assert failure(read).asked == "GET contacts"


def test_error_has_code_message_and_request_id():
    body = b'{"error":{"code":"0x80060882","message":"Changed."}}'

    error = failure(Response(412, {"x-ms-service-request-id": "abc-1"}, body))

    assert (error.code, error.message, error.request_id) == ("0x80060882", "Changed.", "abc-1")


@pytest.mark.parametrize("code", ["0x80044150", "0x80044151"])
def test_crm_deadlock_is_server_fault(code):
    error = failure(Response(400, {}, b'{"error":{"code":"%s","message":"SQL"}}' % code.encode()))

    assert (type(error), error.is_transient) == (errors.ServerFault, True)


def test_invalid_request_id_is_ignored():
    assert failure(Response(500, {"req_id": "a b\x1b[31m"}, b"")).request_id == ""


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 1), ("99999", 900), ("", None), ("soon", None), ("-5", None), ("1e3", None), ("9" * 400, None)],
)
def test_retry_after_seconds_are_bounded(header, seconds):
    assert retry_after_of({"retry-after": header}) == seconds


def test_retry_after_date_counts_from_now():
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    seconds = retry_after_of({"retry-after": header})

    assert seconds is not None
    assert 90 <= seconds <= 100


def test_past_retry_after_date_gives_one_second():
    assert retry_after_of({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}) == 1


def _batch(*parts: bytes) -> Response:
    framed = b"".join(b"--b\r\nContent-Type: application/http\r\n\r\n" + part + b"\r\n" for part in parts)
    return Response(200, MULTIPART, framed + b"--b--\r\n")


DONE = b"HTTP/1.1 204 No Content\r\n\r\n"


def test_missing_read_part_raises_unreachable():
    with pytest.raises(errors.Unreachable):
        require_parts(_batch(DONE), READS)


def test_extra_parts_raise_protocol_error():
    with pytest.raises(errors.ProtocolError):
        require_parts(_batch(DONE, DONE), READS[:1])


def test_write_with_missing_part_may_have_applied():
    with pytest.raises(errors.Unreachable) as caught:
        require_committed(_batch(DONE), WRITES)

    assert caught.value.may_have_applied


def test_failed_part_in_200_answer_raises_stale():
    with pytest.raises(errors.Stale) as caught:
        require_committed(_batch(b"HTTP/1.1 412 Precondition Failed\r\n\r\n"), WRITES[:1])

    assert not caught.value.may_have_applied


def test_write_with_invalid_answer_may_have_applied():
    with pytest.raises(errors.ProtocolError) as caught:
        require_committed(Response(200, {"content-type": "text/html"}, b"<html>"), WRITES[:1])

    assert caught.value.may_have_applied


def test_complete_success_does_not_raise():
    require_committed(_batch(DONE, DONE), WRITES)
