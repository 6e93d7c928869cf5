"""The interface of channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any, Protocol

from syncapp.crm.sessions import OutgoingConnections

OnSend = Callable[[], None]
Settings = Any  # Django's settings, or anything with the same names


class Notification(Protocol):
    """A notification for one recipient, in several forms; a channel asks for the form that it delivers."""

    @property
    def to(self) -> str:
        """Return the recipient's mail address."""

    def sender(self) -> str:
        """Return the mail address that mails come from. Raises ServiceRefused."""

    def subject(self) -> str:
        """Return the subject as one line."""

    def text(self) -> str:
        """Return the content as plain text."""

    def mail(self) -> bytes:
        """Return a complete MIME message. Raises MailError."""


class Channel(Protocol):
    """A service that delivers notifications."""

    def send(self, notification: Notification, *, on_send: OnSend) -> None:
        """Deliver one notification; call `on_send` right before it may be delivered. Raises MailError."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that is missing or wrong; `code` is the id of the system check that reports it."""

    code: str
    message: str
    hint: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class ChannelType:
    """A kind of channel: how to create one from the settings, and which settings are missing or wrong."""

    create: Callable[[Settings, OutgoingConnections], Channel]
    problems: Callable[[Settings], list[Problem]]


def mail_problems(settings: Settings, *needed: str) -> list[Problem]:
    """Return a mail channel's problems: one for each missing setting among MAIL_FROM and those `needed`."""
    found = {"MAIL_FROM": "@" in parseaddr(settings.MAIL_FROM)[1]}
    found |= {name: bool(getattr(settings, name)) for name in needed}
    hint = "For example MAIL_FROM=Outlook Sync <outlook-sync@contoso.com>"
    return [
        Problem("osync.E012", f"{name} is needed to send mails.", hint) for name, is_set in found.items() if not is_set
    ]
