"""What both ways of handing over a mail have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Channel(Protocol):
    """How a mail leaves."""

    def send(self, mail: bytes, *, sender: str, to: str, before: Callable[[], None]) -> None:
        """Hand over one mail; `before` is called right before it may be delivered. Raises MailError."""
