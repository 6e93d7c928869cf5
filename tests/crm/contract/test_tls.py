"""The client over TLS: reads and writes work, and a server that is not trusted receives no request."""

from __future__ import annotations

import ssl
from contextlib import contextmanager

import pytest
import trustme

from dataverse_sandbox.config import CLIENT_ID, CLIENT_SECRET, TENANT, World
from dataverse_sandbox.server import SandboxServer
from syncapp.crm.auth.authority import login_session
from syncapp.crm.auth.sign_in import ClientCredentials
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CredentialsRefused, TokenUnavailable, Unreachable
from syncapp.crm.sessions import new_session
from syncapp.crm.staging.records import ChangeSet, ContactWrite
from syncapp.crm.transport import Transport
from tests.crm.local_server import FixedToken


class _Recorder:
    """Record the path of each request that reaches the sandbox."""

    def __init__(self, application) -> None:
        self._application = application
        self.paths: list[str] = []

    def __call__(self, environ, start_response):
        self.paths.append(environ["PATH_INFO"])
        return self._application(environ, start_response)

    def close(self) -> None:
        self._application.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def authority_file(authority, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@contextmanager
def _recording(data, *hosts, authority):
    """Run a sandbox whose certificate is for these hosts; yield its address and its recorder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    world = World(users=2, contacts=2, pending=2, seed=3)
    with SandboxServer(data / "sandbox.sqlite3", world=world, tls=context) as sandbox:
        sandbox._server.application = recorder = _Recorder(sandbox._server.application)
        yield sandbox.url, recorder


@pytest.fixture(scope="module")
def running(authority, tmp_path_factory):
    with _recording(tmp_path_factory.mktemp("sandbox"), "127.0.0.1", authority=authority) as running:
        yield running


@pytest.fixture(scope="module")
def running_elsewhere(authority, tmp_path_factory):
    """Run a sandbox whose certificate names another host."""
    with _recording(tmp_path_factory.mktemp("other"), "crm.example", authority=authority) as running:
        yield running


@pytest.fixture
def secure_url(running) -> str:
    return running[0]


@pytest.fixture
def received(running) -> list[str]:
    """Return the paths that the sandbox receives during the test."""
    running[1].paths.clear()
    return running[1].paths


def _trusting(session, path):
    session.verify = path
    return session


def _credentials(url, path=None) -> ClientCredentials:
    """Return credentials that trust the authority in this file, or only the public ones."""
    return ClientCredentials(
        authority=f"{url}/{TENANT}",
        client_id=CLIENT_ID,
        credentials=[CLIENT_SECRET],
        scope=f"{url}/.default",
        session=_trusting(login_session(), path) if path else login_session(),
    )


def _anonymous(url, path=None) -> CrmClient:
    """Return a client without retries, whose token the sandbox refuses."""
    session = _trusting(new_session(), path) if path else new_session()
    return CrmClient(transport=Transport(origin=url, token_source=FixedToken(), session=session, retries=0))


def test_client_works_over_tls(secure_url, authority_file):
    session = _trusting(new_session(), authority_file)
    credentials = _credentials(secure_url, authority_file)
    crm = CrmClient(transport=Transport(origin=secure_url, token_source=credentials, session=session))
    columns = {column.name: column for column in crm.columns("contact")}
    record = crm.staged_records(page_size=1).rows[0]
    now = crm.live_contacts({record.target_id: [columns["jobtitle"]]})[record.target_id]

    written = ContactWrite(now.id, now.etag, (now.revision or 0) + 1, ((columns["jobtitle"], "Pilot"),))
    crm.apply(ChangeSet(contact=written), tag="osync-portal")

    again = crm.live_contacts({now.id: [columns["jobtitle"]]})[now.id]
    assert again.values["jobtitle"] == "Pilot"
    assert crm.staged_fields(crm.staged_fields().delta_link).rows == ()


def test_server_with_unknown_certificate_gets_no_request(secure_url, received, authority_file):
    with pytest.raises(Unreachable):
        _anonymous(secure_url).who_am_i()
    assert received == []

    with pytest.raises(CredentialsRefused):
        _anonymous(secure_url, authority_file).who_am_i()
    assert "/api/data/v9.2/WhoAmI" in received


def test_server_with_unknown_certificate_gets_no_secret(secure_url, received, authority_file):
    with pytest.raises(TokenUnavailable):
        _credentials(secure_url).token()
    assert received == []

    assert _credentials(secure_url, authority_file).token()
    assert f"/{TENANT}/oauth2/v2.0/token" in received


def test_certificate_of_another_host_gets_no_request(running_elsewhere, authority_file):
    url, recorder = running_elsewhere

    with pytest.raises(Unreachable):
        _anonymous(url, authority_file).who_am_i()
    with pytest.raises(TokenUnavailable):
        _credentials(url, authority_file).token()
    assert recorder.paths == []
