"""The channel that this installation is configured to send its mails through."""

from __future__ import annotations

from email.utils import parseaddr
from functools import cache

from django.conf import settings

from syncapp.connection.clients import outgoing
from syncapp.crm.auth.sign_in import ClientCredentials, demo_session
from syncapp.notifications.channels.base import Channel
from syncapp.notifications.channels.graph import GraphChannel
from syncapp.notifications.channels.smtp import SmtpChannel


@cache
def channel() -> Channel:
    """Return the channel of this process that MAIL_BACKEND names."""
    if settings.MAIL_BACKEND == "graph":
        return _graph()
    return SmtpChannel(
        host=settings.SMTP_HOST,
        port=settings.SMTP_PORT,
        user=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
        security=settings.SMTP_SECURITY,
        seconds=settings.HTTP_SECONDS,
        outgoing=outgoing(),
    )


def _graph() -> GraphChannel:
    tokens = ClientCredentials(
        authority=settings.CRM_AUTHORITY,
        client_id=settings.GRAPH_CLIENT_ID,
        client_secret=settings.GRAPH_CLIENT_SECRET,
        scope=f"{settings.GRAPH_ORIGIN}/.default",
        session=demo_session(settings.CRM_AUTHORITY) if settings.DEMO else None,
        outgoing=outgoing(),
    )
    mailbox = settings.GRAPH_MAILBOX or parseaddr(settings.MAIL_FROM)[1]
    return GraphChannel(
        origin=settings.GRAPH_ORIGIN,
        mailbox=mailbox,
        tokens=tokens,
        seconds=settings.HTTP_SECONDS,
        outgoing=outgoing(),
    )
