"""What the matrix's address asks for, and back into an address."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar
from urllib.parse import urlencode

from syncapp.models.sync_filters.tables import Cell, Group
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory.matrix import Narrowing
from syncapp.text.ids import parse_uuid

Member = TypeVar("Member", bound=Enum)
METHODS = {"1": "Server-side", "0": "Outlook", "2": "None"}


@dataclass(frozen=True)
class Asked:
    """One view of the matrix. What makes no sense in an address is left out."""

    by: Narrowing
    after: uuid.UUID | None = None
    user: uuid.UUID | None = None
    group: Group = Group.APPOINTMENTS

    @property
    def parameters(self) -> dict[str, str]:
        """What an address has to say of the narrowing."""
        by = self.by
        said = {
            "q": by.search,
            "team": str(by.team or ""),
            "state": by.cell.value if by.cell else "",
            "mailbox": "" if by.method is None else str(by.method),
            "risk": by.paths.value if by.paths else "",
            "cause": by.cause.value if by.cause else "",
            "unit": str(by.unit or ""),
            "list": str(by.listed or ""),
        }
        return {name: value for name, value in said.items() if value}

    @property
    def is_filtered(self) -> bool:
        """Return whether the view is narrowed by more than a search."""
        return bool(self.parameters.keys() - {"q"})

    def query(self, **more: object) -> str:
        """The address's part after the path, '' or beginning with a question mark."""
        return _address(self.parameters | {name: str(value) for name, value in more.items() if value})

    def without(self, name: str) -> str:
        """The address's part after the path with one narrowing less."""
        return _address({other: value for other, value in self.parameters.items() if other != name})


def _address(said: Mapping[str, str]) -> str:
    return f"?{urlencode(said)}" if said else ""


def read(parameters: Mapping[str, str]) -> Asked:
    """The view that these parameters ask for."""
    method = parameters.get("mailbox", "")
    by = Narrowing(
        search=parameters.get("q", "").strip()[:200],
        team=parse_uuid(parameters.get("team", "")),
        cell=_member(Cell, parameters.get("state")),
        method=int(method) if method in METHODS else None,
        paths=_member(SyncPaths, parameters.get("risk")),
        cause=_member(Cause, parameters.get("cause")),
        unit=parse_uuid(parameters.get("unit", "")),
        listed=parse_uuid(parameters.get("list", "")),
    )
    group = _member(Group, parameters.get("group")) or Group.APPOINTMENTS
    return Asked(by, parse_uuid(parameters.get("after", "")), parse_uuid(parameters.get("user", "")), group)


def _member(words: type[Member], text: str | None) -> Member | None:
    try:
        return words(text or "")
    except ValueError:
        return None
