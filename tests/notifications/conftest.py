"""A mail service: the sandbox's SMTP server on a free port, to which this process's settings lead."""

from __future__ import annotations

import email
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage

import pytest
from pytest_django import Settings

from dataverse_sandbox.mail.mailbox import Mail
from dataverse_sandbox.mail.smtp import SmtpServer
from dataverse_sandbox.server import SandboxServer
from syncapp.jobs import queue
from syncapp.models import Message
from syncapp.notifications import mail_service, sending
from tests.support.servers import free_port


@dataclass
class PostOffice:
    """The mailbox as its readers see it, with switches that make the service fail."""

    server: SandboxServer
    smtp: SmtpServer

    def mails(self) -> list[Mail]:
        return self.server.application.mailbox.mails()

    def mail(self) -> Mail:
        """The only mail."""
        (mail,) = self.mails()
        return mail

    def headers(self, number: int = 0) -> EmailMessage:
        parsed = email.message_from_bytes(self.mails()[number].raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def fault(self, **rule: object) -> None:
        self.server.application.faults.put({"rules": [{"path": "smtp", **rule}]})

    def heal(self) -> None:
        self.server.application.faults.clear()


@pytest.fixture
def post_office(sandbox: SandboxServer, settings: Settings, db: None) -> Iterator[PostOffice]:
    application = sandbox.application
    smtp = SmtpServer(application.mailbox, application.faults, port=free_port())
    smtp.start()
    settings.SMTP_PORT = smtp.port
    application.mailbox.empty()
    office = PostOffice(sandbox, smtp)
    yield office
    office.heal()
    smtp.stop()


def send_due() -> int:
    """Send all due messages as the tick and the workers do."""
    queue.sweep(Message)
    ids: list[uuid.UUID] = list(Message.objects.all().due().values_list("pk", flat=True))
    return sum(sending.send(pk, channel=mail_service.channel()) for pk in ids)
