"""A channel for tests: posts plain text to a chat, which is a list."""

from __future__ import annotations

from typing import Any

from syncapp.notifications.channels.base import Before, ChannelType, Notification, Problem
from syncapp.notifications.channels.errors import ServiceAway

posts: list[tuple[str, str, str]] = []


class ChatChannel:
    """One room; it is away while `room` is empty."""

    def __init__(self, room: str) -> None:
        self._room = room

    def send(self, notification: Notification, *, before: Before) -> None:
        """Post one notification. Raises ServiceAway."""
        if not self._room:
            raise ServiceAway("The chat does not answer.")
        before()
        posts.append((notification.to, notification.subject(), notification.text()))


def _problems(settings: Any) -> list[Problem]:
    return [] if settings.CHAT_ROOM else [Problem("osync.E012", "CHAT_ROOM is needed.", "Name a room.")]


CHANNEL = ChannelType(create=lambda settings, outgoing: ChatChannel(settings.CHAT_ROOM), problems=_problems)
