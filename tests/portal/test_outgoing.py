"""Outgoing connections through a company's certificate authority and proxy."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
import trustme
from aiosmtpd.controller import Controller
from pytest_django import Settings

from dataverse_sandbox.config import EMPTY_WORLD
from dataverse_sandbox.server import SandboxServer
from syncapp.connection import clients
from syncapp.crm.errors import TokenUnavailable
from syncapp.notifications import mail_service
from syncapp.notifications.channels.errors import ServiceUnavailable
from tests.support.connect_proxy import connect_proxy
from tests.support.servers import free_port

MAIL = b"From: sync@contoso.example\r\nTo: rita@contoso.example\r\nSubject: Way out\r\n\r\nText\r\n"
BACK = "https://outlook-sync.contoso.example/sign-in/callback"

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Create the company's certificate authority."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def services(tls: ssl.SSLContext, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """Run CRM, sign-in service and Graph over TLS with a certificate of that authority."""
    with SandboxServer(tmp_path_factory.mktemp("crm") / "crm.sqlite3", world=EMPTY_WORLD, tls=tls) as server:
        yield server


@pytest.fixture(autouse=True)
def installed(services: SandboxServer, settings: Settings) -> None:
    """Configure a real installation with these services."""
    settings.DEMO = False
    settings.CRM_ORIGIN = settings.GRAPH_ORIGIN = services.url
    settings.CRM_AUTHORITY = f"{services.url}/{settings.CRM_TENANT}"
    settings.MAIL_BACKEND = "graph"


class Mail:
    """A rendered notification."""

    to = "rita@contoso.example"

    def sender(self) -> str:
        return "sync@contoso.example"

    def mail(self) -> bytes:
        return MAIL


def use_everything() -> None:
    """Read from the CRM, begin a sign-in and send a mail."""
    clients.verified_client()
    assert clients.sign_in_service().begin(BACK)["auth_uri"].startswith("https://")
    mail_service.channel().send(Mail(), on_send=lambda: None)


def test_configured_private_authority_is_trusted(ca_file: str, settings: Settings) -> None:
    settings.CA_BUNDLE = ca_file

    use_everything()


def test_unconfigured_private_authority_is_not_trusted() -> None:
    with pytest.raises(TokenUnavailable):
        clients.verified_client()


def test_all_requests_use_proxy(services: SandboxServer, ca_file: str, settings: Settings) -> None:
    settings.CA_BUNDLE = ca_file
    with connect_proxy(credentials="portal:secret") as proxy:
        settings.OUTGOING_PROXY = proxy.url.replace("://", "://portal:secret@")

        use_everything()

        # One connection each for the tokens of the CRM and of Graph, for both services, and for the sign-in.
        assert len(proxy.connected) >= 5
        assert set(proxy.connected) == {f"127.0.0.1:{services.port}"}
        assert proxy.refused == 0


def test_refusing_proxy_stops_requests(ca_file: str, settings: Settings) -> None:
    settings.CA_BUNDLE = ca_file
    with connect_proxy(credentials="portal:secret") as proxy:
        settings.OUTGOING_PROXY = proxy.url

        with pytest.raises(TokenUnavailable):
            clients.verified_client()
        assert (proxy.connected, proxy.refused > 0) == ([], True)


def test_environment_proxy_is_ignored(ca_file: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CA_BUNDLE = ca_file
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")

    use_everything()


class Mailbox:
    """Accept all mails."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:
        self.taken.append(envelope.content)  # type: ignore[attr-defined]  # untyped
        return "250 OK"


@pytest.mark.parametrize("is_trusted", [True, False])
def test_mail_server_needs_trusted_authority(
    is_trusted: bool, tls: ssl.SSLContext, ca_file: str, settings: Settings
) -> None:
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port(), tls_context=tls)
    server.start()
    settings.MAIL_BACKEND, settings.SMTP_SECURITY, settings.SMTP_PORT = "smtp", "starttls", server.port
    settings.CA_BUNDLE = ca_file if is_trusted else ""
    try:
        mail_service.channel().send(Mail(), on_send=lambda: None)
    except ServiceUnavailable:
        assert not is_trusted
    finally:
        server.stop()
    assert len(mailbox.taken) == int(is_trusted)
