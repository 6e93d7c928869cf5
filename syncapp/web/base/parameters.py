"""Dates, instants and numbers from query strings and forms; None for anything invalid."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.utils import timezone

# Near the calendar's ends, time zones and periods overflow.
_FIRST_YEAR, _LAST_YEAR = 1753, 9000
_MAX_DIGITS = 18  # fits the databases' integers


def day(text: str) -> date | None:
    """Parse an ISO date."""
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def moment(text: str) -> datetime | None:
    """Parse an ISO date and time; without an offset it is in the reader's time zone."""
    try:
        found = datetime.fromisoformat(text.strip())
        aware = found if found.tzinfo else timezone.make_aware(found)
        instant = aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return instant if _FIRST_YEAR <= instant.year <= _LAST_YEAR else None


def whole_number(text: str) -> int | None:
    """Parse a non-negative integer that fits a database column."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None
