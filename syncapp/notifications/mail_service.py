"""The channel that this installation sends its notifications through."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from syncapp.connection.clients import outgoing_connections
from syncapp.notifications.channels.base import Channel
from syncapp.notifications.channels.registry import CHANNELS


@cache
def channel() -> Channel:
    """Return this process's channel, which MAIL_BACKEND names."""
    # If MAIL_BACKEND has been emptied, queued mails wait, because the SMTP channel is unavailable without a host.
    return CHANNELS.get(settings.MAIL_BACKEND, CHANNELS["smtp"]).create(settings, outgoing_connections())
