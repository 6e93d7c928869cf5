"""Addresses of the subjects that entries name, for readers who may open them."""

from __future__ import annotations

from typing import Any

from django.urls import resolve, reverse

from syncapp.models import Person


class Links:
    """The addresses that one reader may open; all are empty if there is no reader."""

    def __init__(self, reader: Person | None = None) -> None:
        self._reader = reader
        self._may_open: dict[str, bool] = {}

    def to(self, name: str, *arguments: Any) -> str:
        """Return the address of the named page, '' if the reader may not open it."""
        if self._reader is None:
            return ""
        address = reverse(name, args=arguments)
        if name not in self._may_open:
            roles = getattr(resolve(address).func, "allowed_roles", None)
            self._may_open[name] = roles is None or self._reader.has_role(*roles)
        return address if self._may_open[name] else ""
