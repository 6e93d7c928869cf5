"""The settings of the Graph channel: GRAPH_ORIGIN, GRAPH_MAILBOX, GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET."""

from __future__ import annotations

from email.utils import parseaddr

from syncapp.crm.auth.sign_in import ClientCredentials, demo_session
from syncapp.crm.sessions import Outgoing
from syncapp.notifications.channels.base import Problem, Settings, mail_problems
from syncapp.notifications.channels.graph.channel import GraphChannel


def create(settings: Settings, outgoing: Outgoing) -> GraphChannel:
    """Return the channel through the configured mailbox. Raises ValueError for an origin to which no token may go."""
    tokens = ClientCredentials(
        authority=settings.CRM_AUTHORITY,
        client_id=settings.GRAPH_CLIENT_ID,
        client_secret=settings.GRAPH_CLIENT_SECRET,
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


def problems(settings: Settings) -> list[Problem]:
    """Return what is missing."""
    return mail_problems(settings, "GRAPH_CLIENT_ID", "GRAPH_CLIENT_SECRET")
