"""The application's token: caching, renewal after a refusal, and the errors when there is none."""

from __future__ import annotations

import threading

import pytest

from syncapp.crm.auth.sign_in import ClientCredentials, demo_session
from syncapp.crm.errors import CredentialsRefused, TokenUnavailable
from tests.crm.auth.authority import CLIENT, TENANT, Authority
from tests.crm.local_server import http, in_turn, json_answer, serve

GOOD = json_answer({"access_token": "first", "token_type": "Bearer", "expires_in": 3600})


def _credentials(server):
    address = f"https://127.0.0.1:{server.port}/{TENANT}"
    return ClientCredentials(
        authority=address,
        client_id=CLIENT,
        credentials=["secret"],
        scope="https://contoso.example/.default",
        session=demo_session(address),
    )


def _token_requests(server):
    return [request for request in server.requests if request.target.endswith("/token")]


def test_token_is_cached():
    authority = Authority(token_answer=GOOD)
    with serve(authority.handle) as authority.server:
        credentials = _credentials(authority.server)

        assert [credentials.token(), credentials.token()] == ["first", "first"]
        assert len(_token_requests(authority.server)) == 1


def test_forgotten_token_is_requested_again():
    authority = Authority(token_answer=GOOD)
    with serve(authority.handle) as authority.server:
        credentials = _credentials(authority.server)
        credentials.token()
        credentials.forget()
        authority.token_answer = json_answer({"access_token": "second", "token_type": "Bearer", "expires_in": 3600})

        assert credentials.token() == "second"


def test_silent_sign_in_service_times_out(monkeypatch):
    monkeypatch.setattr("syncapp.crm.auth.authority._TIMEOUT", (0.1, 0.1))
    over = threading.Event()

    def silent(_request):
        over.wait(3)
        return b""

    with serve(silent) as server, pytest.raises(TokenUnavailable) as caught:
        _credentials(server).token()

    over.set()
    assert "Timeout" in caught.value.message


@pytest.mark.parametrize("word", ["invalid_client", "unauthorized_client", "invalid_scope", "invalid_request"])
@pytest.mark.parametrize("status", [400, 401])
def test_refused_credentials_report_error_code(word, status):
    refusal = json_answer({"error": word, "error_description": "AADSTS7000215: Invalid."}, status)
    authority = Authority(token_answer=refusal)
    with serve(authority.handle) as authority.server, pytest.raises(CredentialsRefused) as caught:
        _credentials(authority.server).token()

    assert (caught.value.code, caught.value.is_transient) == (word, False)
    assert "AADSTS7000215" in caught.value.message


def test_corrected_credentials_work_at_next_attempt():
    authority = Authority(token_answer=json_answer({"error": "invalid_client"}, 400))
    with serve(authority.handle) as authority.server:
        credentials = _credentials(authority.server)
        with pytest.raises(CredentialsRefused):
            credentials.token()
        authority.token_answer = GOOD

        assert credentials.token() == "first"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        http(503),
        http(429, retry_after="60"),
        http(200, b"<html>"),
        json_answer([]),
        json_answer({}),
        json_answer({"error": "temporarily_unavailable"}, 400),
        json_answer({"error": "server_error"}, 500),
    ],
)
def test_failing_sign_in_service_is_transient(answer):
    authority = Authority(token_answer=answer)
    with serve(authority.handle) as authority.server:
        credentials = _credentials(authority.server)
        with pytest.raises(TokenUnavailable) as caught:
            credentials.token()
        authority.token_answer = GOOD

        assert caught.value.is_transient
        assert credentials.token() == "first"


def test_unreachable_sign_in_service_is_transient():
    authority = Authority(token_answer=GOOD)
    with serve(authority.handle) as authority.server:
        credentials = _credentials(authority.server)

    with pytest.raises(TokenUnavailable):
        credentials.token()


@pytest.mark.parametrize("status", [302, 307, 308])
def test_redirect_is_not_followed(status):
    with serve(in_turn(GOOD)) as elsewhere:
        authority = Authority(token_answer=http(status, location=f"{elsewhere.origin}/token"))
        with serve(authority.handle) as authority.server, pytest.raises(TokenUnavailable):
            _credentials(authority.server).token()

        assert elsewhere.requests == []
