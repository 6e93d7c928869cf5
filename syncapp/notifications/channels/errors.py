"""Errors of channels, by their consequences.

MailError
├── ServiceUnavailable no connection, service busy, or no token: nothing was sent, all mails wait
├── ServiceRefused     our account or sender is refused: nothing was sent, the configuration has to change
├── Postponed          this mail is refused for now, others may be accepted
├── MailRefused        this mail, or its recipient's address, is refused for good
└── OutcomeUnknown     the connection broke after the mail was sent: it may have been delivered
"""

from __future__ import annotations


class MailError(Exception):
    """Base class. `code` is short and contains no address; `str()` may quote the service, for administrators.

    `retry_after` is in seconds.
    """

    def __init__(self, message: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).__name__
        self.retry_after = retry_after


class ServiceUnavailable(MailError):
    """Nothing was sent; the service may be back soon."""


class ServiceRefused(MailError):
    """Nothing was sent, and nothing will be until the configuration is changed."""


class Postponed(MailError):
    """This mail was not accepted now (SMTP 4xx)."""


class MailRefused(MailError):
    """This mail will never be accepted (SMTP 5xx, Graph 400)."""


class OutcomeUnknown(MailError):
    """There was no answer after the mail was sent."""
