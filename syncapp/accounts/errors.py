"""What cannot be kept about a person."""

from __future__ import annotations


class BadPerson(Exception):
    """`place` names the input at fault, `str()` is what the administrator reads."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place
