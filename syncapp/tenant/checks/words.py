"""Short texts that several checks use."""

from __future__ import annotations

from collections.abc import Sequence

from syncapp.crm.errors import CrmError

_MAX_NAMES = 4


def answer_text(error: CrmError) -> str:
    """Return the answer of the CRM or the sign-in service in words, for administrators."""
    return f"{error.status} {error.message}" if error.status is not None else error.message


def seconds(value: float) -> str:
    """Return a duration: 0.4 s, 12 s."""
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


def abbreviated(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - _MAX_NAMES
    shown = ", ".join(names[:_MAX_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown
