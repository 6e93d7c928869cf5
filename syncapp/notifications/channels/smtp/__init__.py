"""Mails through an SMTP server: `channel.py` delivers, `settings.py` reads what is configured."""

from syncapp.notifications.channels.base import ChannelType
from syncapp.notifications.channels.smtp import settings

CHANNEL = ChannelType(create=settings.create, problems=settings.problems)
