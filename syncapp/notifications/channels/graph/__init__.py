"""Mails through Microsoft Graph: `channel.py` delivers, `settings.py` reads what is configured."""

from syncapp.notifications.channels.base import ChannelType
from syncapp.notifications.channels.graph import settings

CHANNEL = ChannelType(create=settings.create, problems=settings.problems)
