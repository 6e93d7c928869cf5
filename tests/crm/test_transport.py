"""Requests to the CRM: retries, errors, and broken answers."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ReadTimeoutError

from syncapp.crm import errors
from syncapp.crm.batch import Encoded
from syncapp.crm.sessions import was_never_sent
from syncapp.crm.transport import Deadline, Transport
from tests.crm.local_server import FixedToken, RecordingTransport, http, in_turn, json_answer, serve

OK = json_answer({"a": 1})
COMMITTED = http(200, b"--b\r\n\r\nHTTP/1.1 204 X\r\n\r\n\r\n--b--", content_type="multipart/mixed; boundary=b")
WRITE = Encoded({"Content-Type": "multipart/mixed; boundary=x"}, b"--x--")


def _ask(server, **options):
    transport = RecordingTransport(**{"origin": server.origin, **options})
    return transport.get("contacts?$select=fullname"), transport


def _failing_read(handler, expected, **options):
    with serve(handler) as server:
        transport = RecordingTransport(**{"origin": server.origin, **options})
        with pytest.raises(expected) as caught:
            transport.get("contacts")
    return caught.value, server, transport


def _failing_write(handler, expected, **options):
    with serve(handler) as server:
        transport = RecordingTransport(**{"origin": server.origin, **options})
        with pytest.raises(expected) as caught:
            transport.write_batch(WRITE)
    return caught.value, server, transport


def test_request_has_api_headers_and_token():
    with serve(in_turn(OK)) as server:
        payload, _ = _ask(server)

    (request,) = server.requests
    assert payload == {"a": 1}
    assert request.target == "/api/data/v9.2/contacts?$select=fullname"
    assert request.headers["authorization"] == "Bearer token-1"
    wanted = {"accept": "application/json", "odata-version": "4.0", "odata-maxversion": "4.0", "if-none-match": "null"}
    assert wanted.items() <= request.headers.items()


def test_cookies_are_dropped():
    with serve(in_turn(json_answer({}, set_cookie="ARRAffinity=1; Path=/"))) as server:
        _, transport = _ask(server)
        transport.get("contacts")

    assert "cookie" not in server.requests[1].headers


def test_redirect_raises_without_following():
    with serve(in_turn(OK)) as elsewhere:
        away = http(302, location=f"{elsewhere.origin}/api/data/v9.2/contacts")
        _failing_read(in_turn(away), errors.ProtocolError)

    assert elsewhere.requests == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_read_is_retried_after_server_fault(status):
    with serve(in_turn(http(status), OK)) as server:
        payload, transport = _ask(server)

    assert payload == {"a": 1}
    assert transport.pauses == [0.5]


@pytest.mark.parametrize("status", [400, 403, 404, 412, 501])
def test_refusal_is_not_retried(status):
    _, server, _ = _failing_read(in_turn(http(status)), errors.CrmError)

    assert len(server.requests) == 1


def test_pauses_grow_up_to_cap():
    error, server, transport = _failing_read(in_turn(http(502)), errors.ServerFault, retries=6)

    assert transport.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert len(server.requests) == 7
    assert error.status == 502


def test_retry_after_replaces_backoff():
    with serve(in_turn(http(429, retry_after="3"), OK)) as server:
        _, transport = _ask(server)

    assert transport.pauses == [3.0]


def test_long_retry_after_raises_throttled():
    error, server, transport = _failing_read(in_turn(http(429, retry_after="300")), errors.Throttled)

    assert (error.retry_after, transport.pauses, len(server.requests)) == (300.0, [], 1)


def test_pause_never_exceeds_deadline():
    with serve(in_turn(http(429, retry_after="3"))) as server:
        transport = RecordingTransport(origin=server.origin)
        with pytest.raises(errors.Throttled):
            transport.get("contacts", deadline=Deadline.after(2))

    assert transport.pauses == []


def test_nothing_is_sent_after_deadline():
    with serve(in_turn(OK)) as server:
        transport = RecordingTransport(origin=server.origin)
        with pytest.raises(errors.Unreachable) as caught:
            transport.write_batch(WRITE, deadline=Deadline.after(0))

    assert server.requests == []
    assert not caught.value.may_have_applied


def test_one_401_renews_the_token():
    with serve(in_turn(http(401), OK)) as server:
        _ask(server)

    assert [r.headers["authorization"] for r in server.requests] == ["Bearer token-1", "Bearer token-2"]


def test_second_401_raises_credentials_refused():
    error, server, _ = _failing_read(in_turn(http(401)), errors.CredentialsRefused)

    assert (len(server.requests), error.status, error.is_transient) == (2, 401, False)


@pytest.mark.parametrize(
    ("error", "surely"),
    [
        (requests.ConnectTimeout(), True),
        (requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, "refused"))), True),
        (requests.ConnectionError(MaxRetryError(None, "/", ReadTimeoutError(None, "/", "late"))), False),
        (requests.ReadTimeout(), False),
    ],
)
def test_only_failed_connects_count_as_unsent(error, surely):
    assert was_never_sent(error) is surely


def test_write_to_closed_port_is_not_applied():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    transport = RecordingTransport(origin=f"http://127.0.0.1:{port}", retries=1)

    with pytest.raises(errors.Unreachable) as caught:
        transport.write_batch(WRITE)

    assert (caught.value.is_transient, caught.value.may_have_applied) == (True, False)
    assert transport.pauses == [0.5]


@pytest.mark.parametrize("answer", [b"", COMMITTED[:-20], b"garbage\r\n\r\n"])
def test_write_with_lost_answer_is_not_retried(answer):
    error, server, _ = _failing_write(in_turn(answer, COMMITTED), errors.Unreachable)

    assert len(server.requests) == 1
    assert error.may_have_applied


def test_read_with_lost_answer_is_retried():
    with serve(in_turn(b"", OK[:-3], OK)) as server:
        payload, _ = _ask(server)

    assert payload == {"a": 1}
    assert len(server.requests) == 3


@pytest.mark.parametrize("fault", [http(500, retry_after="1"), http(502), http(503), http(504, retry_after="1")])
def test_server_fault_leaves_write_outcome_unknown(fault):
    error, server, _ = _failing_write(in_turn(fault, COMMITTED), errors.ServerFault)

    assert (len(server.requests), error.may_have_applied) == (1, True)


@pytest.mark.parametrize("strange", [http(302, location="/"), http(200, b"x" * 2000)])
def test_invalid_answer_leaves_write_outcome_unknown(strange):
    error, server, _ = _failing_write(in_turn(strange, COMMITTED), errors.ProtocolError, max_bytes=1000)

    assert (len(server.requests), error.may_have_applied) == (1, True)


@pytest.mark.parametrize("status", [400, 403, 404, 412])
def test_refused_write_is_not_applied(status):
    error, _, _ = _failing_write(in_turn(http(status)), errors.CrmError)

    assert not error.may_have_applied


@pytest.mark.parametrize("refusal", [http(429, retry_after="1"), http(503, retry_after="1")])
def test_write_refused_with_retry_after_is_retried(refusal):
    with serve(in_turn(refusal, COMMITTED)) as server:
        transport = RecordingTransport(origin=server.origin)
        answer = transport.write_batch(WRITE)

    assert answer.is_multipart
    assert transport.pauses == [1.0]


def test_unknown_outcome_of_first_attempt_survives_retry():
    put_off = http(503, retry_after="1")

    error, _, _ = _failing_write(in_turn(put_off, http(412)), errors.Stale)

    assert error.may_have_applied


def test_oversized_answer_is_refused():
    endless = http(200, b'{"a":"' + b"x" * 2_000_000 + b'"}')

    error, _, _ = _failing_read(in_turn(endless), errors.ProtocolError, max_bytes=100_000)

    assert error.code == "size"


def test_size_limit_counts_decompressed_bytes():
    packed = http(200, gzip.compress(b'{"a":"' + b"x" * 5_000_000 + b'"}'), content_encoding="gzip")

    error, _, _ = _failing_read(in_turn(packed), errors.ProtocolError, max_bytes=100_000)

    assert error.code == "size"


def test_compressed_answer_is_decompressed():
    with serve(in_turn(http(200, gzip.compress(b'{"a":1}'), content_encoding="gzip"))) as server:
        payload, _ = _ask(server)

    assert payload == {"a": 1}


def test_truncated_chunked_response_is_detected():
    chunked = (
        b'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n'
    )

    with serve(in_turn(chunked)) as server:
        assert _ask(server)[0] == {"a": 1}
    _failing_read(in_turn(chunked[:-12]), errors.Unreachable, retries=0)


def test_html_answer_raises_protocol_error():
    _failing_read(in_turn(http(200, b"<html>Sign in</html>")), errors.ProtocolError)


def test_read_from_silent_server_ends_at_deadline():
    answered = threading.Event()

    def silent(request):
        answered.wait(10)
        return b""

    with serve(silent) as server:
        transport = RecordingTransport(origin=server.origin, retries=0)
        started = time.monotonic()
        with pytest.raises(errors.Unreachable):
            transport.get("contacts", deadline=Deadline.after(0.3))
        took = time.monotonic() - started
        answered.set()

    assert took < 2


def test_read_of_slow_answer_ends_at_read_timeout():
    stop = threading.Event()

    def answer(connection):
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n")
        while not stop.wait(0.05):
            try:
                connection.sendall(b"x")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept_one, args=(listener, answer))
        thread.start()
        transport = RecordingTransport(
            origin=f"http://127.0.0.1:{listener.getsockname()[1]}", read_timeout=0.5, retries=0
        )
        started = time.monotonic()
        with pytest.raises(errors.Unreachable):
            transport.get("contacts")
        took = time.monotonic() - started
        stop.set()
        thread.join(5)

    assert took < 2


def test_read_of_stalled_answer_ends_at_read_timeout():
    stop = threading.Event()

    def answer(connection):
        connection.recv(65_536)
        stop.wait(1.5)
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\nx")
        stop.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept_one, args=(listener, answer))
        thread.start()
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(errors.Unreachable):
            RecordingTransport(origin=origin, read_timeout=2, retries=0).get("contacts")
        took = time.monotonic() - started
        stop.set()
        thread.join(5)

    assert took < 3


def _accept_one(listener, answer):
    connection, _ = listener.accept()
    with connection:
        answer(connection)


@pytest.mark.parametrize(
    "link",
    [
        "https://127.0.0.1:{port}/api/data/v9.2/contacts",
        "http://localhost:{port}/api/data/v9.2/contacts",
        "http://127.0.0.1:{other}/api/data/v9.2/contacts",
        "http://127.0.0.1:{port}/elsewhere",
    ],
)
def test_hostile_link_is_not_followed(link):
    with serve(in_turn(OK)) as server, serve(in_turn(OK)) as other:
        transport = RecordingTransport(origin=server.origin)
        with pytest.raises(errors.ProtocolError):
            transport.follow(link.format(port=server.port, other=other.port))

    assert server.requests == other.requests == []


def test_own_link_is_followed():
    with serve(in_turn(OK)) as server:
        transport = RecordingTransport(origin=server.origin)
        transport.follow(f"{server.origin}/api/data/v9.2/contacts?$skiptoken=%253C1")

    assert server.requests[0].target == "/api/data/v9.2/contacts?$skiptoken=%253C1"


def test_log_has_no_personal_data(caplog):
    secret = http(404, b'{"error":{"code":"1","message":"Ann Smith"}}', x_ms_service_request_id="abc-1")
    with caplog.at_level(logging.INFO, logger="syncapp.crm"), serve(in_turn(secret)) as server:
        transport = RecordingTransport(origin=server.origin)
        with pytest.raises(errors.NotFound):
            transport.get("contacts(6b29fc40-ca47-1067-b31d-00dd010662da)?$filter=lastname eq 'Smith'")

    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("syncapp.crm")]
    assert line.startswith("GET contacts 404 ")
    assert line.endswith("abc-1")
    assert not any(word in caplog.text for word in ("Smith", "6b29", "token-1"))


def test_forked_process_gets_own_session(monkeypatch):
    transport = Transport(origin="http://127.0.0.1:1", token_source=FixedToken())
    before = transport._sessions.get()

    monkeypatch.setattr("syncapp.crm.sessions.os.getpid", lambda: -1)

    assert transport._sessions.get() is not before


def test_environment_proxies_are_ignored(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)

    with serve(in_turn(OK)) as server:
        assert _ask(server)[0] == {"a": 1}


def test_plain_http_to_other_host_is_refused():
    with pytest.raises(ValueError, match="neither https"):
        Transport(origin="http://contoso.example", token_source=FixedToken())
