"""Errors about people."""

from __future__ import annotations


class BadPerson(Exception):
    """An invalid change to a person. `field` is the form field at fault, `str()` the message for the user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class BadView(Exception):
    """A view that cannot be saved or renamed; `str()` is the message for the user."""
