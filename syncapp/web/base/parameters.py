"""Days, moments and numbers as addresses and forms bring them: a sensible value, or None for everything else."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.utils import timezone

# Days of other years are one step from the calendar's ends, where zones and periods have no room.
_FIRST_YEAR, _LAST_YEAR = 1753, 9000
_MOST_DIGITS = 18  # as many as the databases' whole numbers hold


def day(text: str) -> date | None:
    """Return the day of an ISO date."""
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def moment(text: str) -> datetime | None:
    """Return the instant of an ISO date and time; one without an offset is in the reader's zone."""
    try:
        found = datetime.fromisoformat(text.strip())
        aware = found if found.tzinfo else timezone.make_aware(found)
        instant = aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return instant if _FIRST_YEAR <= instant.year <= _LAST_YEAR else None


def whole_number(text: str) -> int | None:
    """Return a whole number from 0 on that a column can hold."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
