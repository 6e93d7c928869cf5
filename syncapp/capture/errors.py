"""The error for refused changes to capture settings."""

from __future__ import annotations


class SwitchRefused(Exception):
    """A refused change to a capture setting; `message` tells the administrator the reason and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
