"""The mail service: mails by SMTP and Graph are kept and shown."""

from __future__ import annotations

import base64
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
import requests

from dataverse_sandbox.mail.smtp import SmtpServer
from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import Sandbox
from tests.support.servers import free_port

GRAPH = "/v1.0/users/outlook-sync@contoso.example/sendMail"


@pytest.fixture
def smtp(sandbox: Sandbox, sandbox_server: SandboxServer) -> Iterator[SmtpServer]:
    application = sandbox_server.application
    server = SmtpServer(application.mailbox, application.faults, port=free_port())
    server.start()
    yield server
    server.stop()


def a_mail(subject: str = "1 contact waits") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Sync <sync@contoso.example>", "Rita <rita@contoso.example>", subject
    mail.set_content("Größe: 5 <b>\n")
    mail.add_alternative("<html><head></head><body><a href='http://x.example'>Größe</a></body></html>", subtype="html")
    return mail


def send(smtp: SmtpServer, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=10) as client:
        client.send_message(mail)


def mails(sandbox: Sandbox) -> list[dict[str, str]]:
    return sandbox.session.get(f"{sandbox.url}/mail/?format=json").json()


def by_graph(sandbox: Sandbox, body: bytes) -> requests.Response:
    return sandbox.session.post(sandbox.url + GRAPH, data=body, headers={"Content-Type": "text/plain"})


def test_smtp_mail_keeps_text_and_html_parts(sandbox: Sandbox, smtp: SmtpServer) -> None:
    send(smtp, a_mail())

    (mail,) = mails(sandbox)
    assert (mail["to"], mail["subject"], mail["via"]) == ("rita@contoso.example", "1 contact waits", "smtp")
    assert mail["text"] == "Größe: 5 <b>\n"
    assert "<a href='http://x.example'>Größe</a>" in mail["html"]
    assert mail["received"].endswith("Z")


def test_graph_accepts_mime(sandbox: Sandbox) -> None:
    answer = by_graph(sandbox, base64.b64encode(a_mail().as_bytes()))

    assert (answer.status_code, answer.content) == (202, b"")
    (mail,) = mails(sandbox)
    assert (mail["to"], mail["subject"], mail["via"]) == ("rita@contoso.example", "1 contact waits", "graph")


def test_graph_accepts_json(sandbox: Sandbox) -> None:
    message = {
        "subject": "Hello",
        "body": {"contentType": "HTML", "content": "<p>Hi</p>"},
        "toRecipients": [{"emailAddress": {"address": "rob@contoso.example"}}],
    }

    answer = sandbox.session.post(sandbox.url + GRAPH, json={"message": message, "saveToSentItems": False})

    assert answer.status_code == 202
    (mail,) = mails(sandbox)
    assert (mail["to"], mail["subject"], mail["html"]) == ("rob@contoso.example", "Hello", "<p>Hi</p>\n")


def test_graph_refuses_bad_tokens_and_bodies(sandbox: Sandbox) -> None:
    assert by_graph(sandbox, b"no base64!").json()["error"]["code"] == "ErrorMimeContentInvalidBase64String"
    assert by_graph(sandbox, base64.b64encode(b"Subject: nobody\n\nx")).status_code == 400
    sandbox.session.headers["Authorization"] = "Bearer nobody"

    answer = by_graph(sandbox, base64.b64encode(a_mail().as_bytes()))

    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert not mails(sandbox)


def test_page_shows_mails_without_scripts(sandbox: Sandbox, smtp: SmtpServer) -> None:
    send(smtp, a_mail("First & foremost"))
    number = mails(sandbox)[0]["id"]

    listed = sandbox.session.get(f"{sandbox.url}/mail/").text
    page = sandbox.session.get(f"{sandbox.url}/mail/{number}").text
    framed = sandbox.session.get(f"{sandbox.url}/mail/{number}/html")

    assert "First &amp; foremost" in listed
    assert "Größe: 5 &lt;b&gt;" in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert '<base target="_blank">' in framed.text
    assert "default-src 'none'" in framed.headers["Content-Security-Policy"]


def test_empty_mailbox_page_says_no_mails(sandbox: Sandbox) -> None:
    assert "No mails yet." in sandbox.session.get(f"{sandbox.url}/mail/").text

    unknown = sandbox.session.get(f"{sandbox.url}/mail/99")
    assert unknown.status_code == 501
    assert "does not know the path '/mail/99'" in unknown.text


def test_reset_empties_mailbox(sandbox: Sandbox, smtp: SmtpServer) -> None:
    send(smtp, a_mail())

    sandbox.reset()

    assert mails(sandbox) == []


def test_smtp_fault_refuses_mail(sandbox: Sandbox, smtp: SmtpServer) -> None:
    sandbox.fault(path="smtp", status=451, times=1)

    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(smtp, a_mail())

    assert refused.value.smtp_code == 451
    assert mails(sandbox) == []


def test_smtp_fault_cuts_connection_after_acceptance(sandbox: Sandbox, smtp: SmtpServer) -> None:
    sandbox.fault(path="smtp", cut="after_commit", times=1)

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp, a_mail())

    assert len(mails(sandbox)) == 1
