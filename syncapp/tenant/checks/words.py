"""Short texts that several checks use."""

from __future__ import annotations

from collections.abc import Sequence

from syncapp.crm.errors import CrmError

_NAMED = 4


def came_back(error: CrmError) -> str:
    """Return the answer of the CRM or the sign-in service in words, for administrators."""
    return f"{error.status} {error.message}" if error.status is not None else error.message


def seconds(value: float) -> str:
    """Return a duration: 0.4 s, 12 s."""
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


def some(names: Sequence[str]) -> str:
    """Return the first few names, and the number of others."""
    more = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
