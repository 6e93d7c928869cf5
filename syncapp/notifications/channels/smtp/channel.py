"""Delivery of mails to an SMTP server, command by command, so that an error shows how far the mail got."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from syncapp.crm.sessions import DIRECT, OutgoingConnections
from syncapp.notifications.channels import addresses
from syncapp.notifications.channels.base import Notification, OnSend
from syncapp.notifications.channels.errors import (
    MailRefused,
    OutcomeUnknown,
    Postponed,
    ServiceRefused,
    ServiceUnavailable,
)

Reply = tuple[int, bytes]
_MAX_QUOTE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class SmtpChannel:
    """One server. `security` is starttls, tls or none.

    The transfer of the mail may take `seconds`, each other command a sixth of that.
    """

    host: str
    port: int
    user: str = ""
    password: str = ""
    security: str = "starttls"
    seconds: float = 30.0
    outgoing: OutgoingConnections = DIRECT

    def send(self, notification: Notification, *, on_send: OnSend) -> None:
        """Deliver one mail. Raises MailError."""
        sender, to, mail = notification.sender(), addresses.to_ascii(notification.to), notification.mail()
        client = self._connect()
        try:
            self._greet(client)
            _require_accepted(lambda: client.mail(sender), refusal=ServiceRefused)
            _require_accepted(lambda: client.rcpt(to), refusal=MailRefused)
            on_send()
            try:
                if client.sock is not None:
                    client.sock.settimeout(self.seconds)
                code, words = client.data(mail)
            except smtplib.SMTPDataError as error:  # the server refused the command, so nothing was sent
                code, words = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""
            except (OSError, smtplib.SMTPException) as error:
                raise OutcomeUnknown(f"No answer after the mail was sent ({type(error).__name__}).") from error
            if code != 250:
                raise (MailRefused if code >= 500 else Postponed)(_reply_words(code, words), code=str(code))
        finally:
            try:
                client.quit()
            except (OSError, smtplib.SMTPException):
                client.close()  # the mail has already been accepted or refused; a failed QUIT changes nothing

    def _connect(self) -> smtplib.SMTP:
        try:
            if self.security == "tls":
                return smtplib.SMTP_SSL(self.host, self.port, timeout=self.seconds / 6, context=self._tls_context())
            return smtplib.SMTP(self.host, self.port, timeout=self.seconds / 6)
        except (OSError, smtplib.SMTPException) as error:
            raise _unavailable(error) from error

    def _tls_context(self) -> ssl.SSLContext:
        return self.outgoing.with_authorities(ssl.create_default_context())

    def _greet(self, client: smtplib.SMTP) -> None:
        try:
            client.ehlo_or_helo_if_needed()
            if self.security == "starttls":
                client.starttls(context=self._tls_context())
                client.ehlo_or_helo_if_needed()  # forget the reply that came unencrypted (RFC 3207, 4.2)
            if self.user:
                client.login(self.user, self.password)
        except smtplib.SMTPAuthenticationError as error:
            words = error.smtp_error
            text = words.decode("ascii", "replace") if isinstance(words, bytes) else str(words)
            quote = f"{error.smtp_code} {text[:_MAX_QUOTE_LENGTH]}"
            raise ServiceRefused(f"The mail server refused the sign-in: {quote}", code="sign_in") from error
        except smtplib.SMTPNotSupportedError as error:
            raise ServiceRefused(
                f"The mail server does not support the configured security or sign-in: {error}", code="not_supported"
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise _unavailable(error) from error


def _require_accepted(command: Callable[[], Reply], *, refusal: type[ServiceRefused] | type[MailRefused]) -> None:
    """Run one command that precedes the content. Raises ServiceUnavailable, Postponed (4xx) or `refusal` (5xx)."""
    try:
        code, words = command()
    except (OSError, smtplib.SMTPException) as error:
        raise _unavailable(error) from error
    if code < 300:
        return
    if code == 421:
        raise ServiceUnavailable(_reply_words(code, words), code="421")
    raise (refusal if code >= 500 else Postponed)(_reply_words(code, words), code=str(code))


def _unavailable(error: Exception) -> ServiceUnavailable:
    return ServiceUnavailable(f"The mail server does not answer ({type(error).__name__}).", code=type(error).__name__)


def _reply_words(code: int, words: bytes) -> str:
    return f"The mail server answered {code} {words.decode('ascii', 'replace')[:_MAX_QUOTE_LENGTH]}"
