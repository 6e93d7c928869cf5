"""The channels, by the names that MAIL_BACKEND accepts."""

from __future__ import annotations

from syncapp.notifications.channels import graph, smtp
from syncapp.notifications.channels.base import ChannelType

CHANNELS: dict[str, ChannelType] = {"smtp": smtp.CHANNEL, "graph": graph.CHANNEL}
