"""The channel that this installation sends its notifications through."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from syncapp.connection.clients import outgoing
from syncapp.notifications.channels.base import Channel
from syncapp.notifications.channels.registry import CHANNELS


@cache
def channel() -> Channel:
    """Return the channel of this process that MAIL_BACKEND names."""
    # Mails queued before MAIL_BACKEND was emptied wait, because the SMTP service without a host is unavailable.
    return CHANNELS.get(settings.MAIL_BACKEND, CHANNELS["smtp"]).create(settings, outgoing())
