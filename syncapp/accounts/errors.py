"""Errors about people."""

from __future__ import annotations


class BadPerson(Exception):
    """An invalid change to a person. `place` names the input at fault, `str()` is the message for the reader."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


class BadView(Exception):
    """A view that cannot be saved or renamed; `str()` is the message for the reader."""
