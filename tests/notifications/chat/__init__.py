"""A channel for tests: posts plain text to a chat, which is a list."""

from __future__ import annotations

from typing import Any

from syncapp.notifications.channels.base import ChannelType, Notification, OnSend, Problem
from syncapp.notifications.channels.errors import ServiceUnavailable

posts: list[tuple[str, str, str]] = []


class ChatChannel:
    """One room; it is unavailable while `room` is empty."""

    def __init__(self, room: str) -> None:
        self._room = room

    def send(self, notification: Notification, *, on_send: OnSend) -> None:
        """Post one notification. Raises ServiceUnavailable."""
        if not self._room:
            raise ServiceUnavailable("The chat does not answer.")
        on_send()
        posts.append((notification.to, notification.subject(), notification.text()))


def _problems(settings: Any) -> list[Problem]:
    return [] if settings.CHAT_ROOM else [Problem("osync.E012", "CHAT_ROOM is needed.", "Name a room.")]


CHANNEL = ChannelType(create=lambda settings, outgoing: ChatChannel(settings.CHAT_ROOM), problems=_problems)
