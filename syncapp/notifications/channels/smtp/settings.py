"""The settings of the SMTP channel: SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD, SMTP_SECURITY."""

from __future__ import annotations

from syncapp.crm.sessions import OutgoingConnections
from syncapp.notifications.channels.base import Problem, Settings, mail_problems
from syncapp.notifications.channels.smtp.channel import SmtpChannel

_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def create(settings: Settings, outgoing: OutgoingConnections) -> SmtpChannel:
    """Return the channel to the configured server."""
    return SmtpChannel(
        host=settings.SMTP_HOST,
        port=settings.SMTP_PORT,
        user=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
        security=settings.SMTP_SECURITY,
        seconds=settings.HTTP_SECONDS,
        outgoing=outgoing,
    )


def problems(settings: Settings) -> list[Problem]:
    """Return the settings that are missing, unknown or unsafe."""
    found = mail_problems(settings, "SMTP_HOST")
    if settings.SMTP_SECURITY not in ("starttls", "tls", "none"):
        message = f"SMTP_SECURITY must be starttls, tls or none, not {settings.SMTP_SECURITY!r}."
        found.append(Problem("osync.E013", message, "starttls with port 587, tls with port 465."))
    elif settings.SMTP_SECURITY == "none" and settings.SMTP_HOST not in _LOOPBACK_HOSTS:
        hint = "Set SMTP_SECURITY=starttls; mails contain personal data."
        found.append(Problem("osync.W004", "Mails leave this machine unencrypted.", hint, is_warning=True))
    return found
