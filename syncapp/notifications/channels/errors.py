"""What can go wrong while a mail is handed over, and what follows.

MailError
├── ServiceAway        no connection, busy, no token for now: nothing was sent, all mails wait
├── ServiceRefused     our account or sender is not accepted: nothing was sent, somebody has to change something
├── Postponed          this mail was not taken for now, others may be
├── MailRefused        this mail, or its reader's address, is refused for good
└── OutcomeUnknown     the line broke after the mail had left: it may have been delivered
"""

from __future__ import annotations


class MailError(Exception):
    """Base. `code` is short and holds no address; `str()` may quote the service and is for administrators."""

    def __init__(self, message: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).__name__
        self.retry_after = retry_after


class ServiceAway(MailError):
    """Nothing was sent; the service may be back soon."""


class ServiceRefused(MailError):
    """Nothing was sent, and nothing will be before somebody changes the configuration."""


class Postponed(MailError):
    """This mail was not taken now (SMTP 4xx)."""


class MailRefused(MailError):
    """This mail will never be taken (SMTP 5xx, Graph 400)."""


class OutcomeUnknown(MailError):
    """No answer came after the mail had left."""
