"""The settings of the Graph channel: GRAPH_ORIGIN, GRAPH_MAILBOX, GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET."""

from __future__ import annotations

from email.utils import parseaddr

from syncapp.crm.auth import credentials
from syncapp.crm.auth.credentials import Credential
from syncapp.crm.auth.sign_in import ClientCredentials, demo_session
from syncapp.crm.sessions import OutgoingConnections
from syncapp.notifications.channels.base import Problem, Settings, mail_problems
from syncapp.notifications.channels.graph.channel import GraphChannel


def create(settings: Settings, outgoing: OutgoingConnections) -> GraphChannel:
    """Return the channel for the configured mailbox. Raises ValueError for an origin that must not receive a token."""
    tokens = ClientCredentials(
        authority=settings.CRM_AUTHORITY,
        client_id=settings.GRAPH_CLIENT_ID,
        credentials=_credentials(settings),
        scope=f"{settings.GRAPH_ORIGIN}/.default",
        session=demo_session(settings.CRM_AUTHORITY) if settings.DEMO else None,
        outgoing=outgoing,
    )
    return GraphChannel(
        origin=settings.GRAPH_ORIGIN,
        mailbox=settings.GRAPH_MAILBOX or parseaddr(settings.MAIL_FROM)[1],
        tokens=tokens,
        seconds=settings.HTTP_SECONDS,
        outgoing=outgoing,
    )


def _credentials(settings: Settings) -> tuple[Credential, ...]:
    """Return the channel's own secret, or the credentials of the CRM's application. Raises ValueError."""
    if settings.GRAPH_CLIENT_SECRET not in ("", settings.CRM_CLIENT_SECRET):
        return (settings.GRAPH_CLIENT_SECRET,)
    return credentials.read(
        certificates=(settings.CRM_CLIENT_CERTIFICATE, settings.CRM_CLIENT_CERTIFICATE_2),
        passphrase=settings.CRM_CLIENT_CERTIFICATE_PASSPHRASE,
        secrets=(settings.CRM_CLIENT_SECRET, settings.CRM_CLIENT_SECRET_2),
    )


def problems(settings: Settings) -> list[Problem]:
    """Return the settings that are missing."""
    needed = () if settings.CRM_CLIENT_CERTIFICATE else ("GRAPH_CLIENT_SECRET",)
    return mail_problems(settings, "GRAPH_CLIENT_ID", *needed)
