"""The client over TLS: certificates are verified, and reads and writes work."""

from __future__ import annotations

import ssl

import pytest
import trustme

from dataverse_sandbox.config import CLIENT_ID, CLIENT_SECRET, TENANT, World
from dataverse_sandbox.server import SandboxServer
from syncapp.crm.auth.authority import login_session
from syncapp.crm.auth.sign_in import ClientCredentials
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import TokenUnavailable, Unreachable
from syncapp.crm.sessions import new_session
from syncapp.crm.staging.records import ChangeSet, ContactWrite
from syncapp.crm.transport import Transport
from tests.crm.local_server import FixedToken


class _Secure:
    """Marks requests as https, like a TLS proxy."""

    def __init__(self, application) -> None:
        self._application = application

    def __call__(self, environ, start_response):
        return self._application({**environ, "wsgi.url_scheme": "https"}, start_response)

    def close(self) -> None:
        self._application.close()


@pytest.fixture(scope="module")
def authority_file(tmp_path_factory):
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, str(path)


@pytest.fixture(scope="module")
def secure_url(authority_file, tmp_path_factory):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority_file[0].issue_cert("127.0.0.1", "localhost").configure_cert(context)
    world = World(users=2, contacts=2, pending=2, seed=3)
    sandbox = SandboxServer(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3", world=world)
    sandbox._server.socket = context.wrap_socket(sandbox._server.socket, server_side=True)
    sandbox._server.application = _Secure(sandbox._server.application)
    with sandbox:
        yield f"https://127.0.0.1:{sandbox.port}"


def _trusting(session, path):
    session.verify = path
    return session


def _client(secure_url, path) -> CrmClient:
    credentials = ClientCredentials(
        authority=f"{secure_url}/{TENANT}",
        client_id=CLIENT_ID,
        credentials=[CLIENT_SECRET],
        scope=f"{secure_url}/.default",
        session=_trusting(login_session(), path),
    )
    session = _trusting(new_session(), path)
    return CrmClient(transport=Transport(origin=secure_url, token_source=credentials, session=session))


def test_client_works_over_tls(secure_url, authority_file):
    crm = _client(secure_url, authority_file[1])
    columns = {column.name: column for column in crm.columns("contact")}
    record = crm.staged_records(page_size=1).rows[0]
    now = crm.live_contacts({record.target_id: [columns["jobtitle"]]})[record.target_id]

    written = ContactWrite(now.id, now.etag, (now.revision or 0) + 1, ((columns["jobtitle"], "Pilot"),))
    crm.apply(ChangeSet(contact=written), tag="osync-portal")

    again = crm.live_contacts({now.id: [columns["jobtitle"]]})[now.id]
    assert again.values["jobtitle"] == "Pilot"
    assert crm.staged_fields(crm.staged_fields().delta_link).rows == ()


def test_unknown_certificate_makes_server_unreachable(secure_url, authority_file):
    crm = CrmClient(transport=Transport(origin=secure_url, token_source=FixedToken(), retries=0))

    with pytest.raises(Unreachable):
        crm.who_am_i()


def test_server_with_unknown_certificate_gets_no_secret(secure_url):
    credentials = ClientCredentials(
        authority=f"{secure_url}/{TENANT}", client_id=CLIENT_ID, credentials=[CLIENT_SECRET], scope="x/.default"
    )

    with pytest.raises(TokenUnavailable):
        credentials.token()
