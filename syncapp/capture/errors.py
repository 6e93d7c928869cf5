"""The error of refused switches of capture."""

from __future__ import annotations


class SwitchRefused(Exception):
    """A switch was refused; `message` tells the administrator what stands in the way and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
