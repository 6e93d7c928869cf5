"""The relative dates of FetchXML: the span of time that each operator covers, in UTC.

Days begin at midnight and weeks on Sunday, as in an organization with default settings ("FetchXml reference:
operators"). A span's end is not part of it.
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass

Moment = datetime.datetime
_DAY = datetime.timedelta(days=1)
# Stored times have whole seconds, so the current second counts as past.
_TICK = datetime.timedelta(seconds=1)
_MAX_NUMBER = 100_000


@dataclass(frozen=True)
class Span:
    """A span of time from `start` up to, but excluding, `end`; None means unlimited."""

    start: Moment | None
    end: Moment | None


def _day(now: Moment, offset: int = 0) -> Moment:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + offset * _DAY


def _days(first: int, last: int) -> Callable[[Moment], Span]:
    return lambda now: Span(_day(now, first), _day(now, last + 1))


def _weeks(offset: int) -> Callable[[Moment], Span]:
    def span(now: Moment) -> Span:
        sunday = _day(now, -((now.weekday() + 1) % 7) + 7 * offset)
        return Span(sunday, sunday + 7 * _DAY)

    return span


def months_later(moment: Moment, count: int) -> Moment:
    """Return the same day some months later, or the month's last day if that day does not exist."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + count, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def _months(offset: int) -> Callable[[Moment], Span]:
    def span(now: Moment) -> Span:
        first = months_later(_day(now).replace(day=1), offset)
        return Span(first, months_later(first, 1))

    return span


def _years(offset: int) -> Callable[[Moment], Span]:
    def span(now: Moment) -> Span:
        first = _day(now).replace(year=now.year + offset, month=1, day=1)
        return Span(first, first.replace(year=first.year + 1))

    return span


_FIXED: dict[str, Callable[[Moment], Span]] = {
    "yesterday": _days(-1, -1),
    "today": _days(0, 0),
    "tomorrow": _days(1, 1),
    "last-seven-days": lambda now: Span(_day(now, -7), now + _TICK),
    "next-seven-days": lambda now: Span(now + _TICK, _day(now, 8)),
    "last-week": _weeks(-1),
    "this-week": _weeks(0),
    "next-week": _weeks(1),
    "last-month": _months(-1),
    "this-month": _months(0),
    "next-month": _months(1),
    "last-year": _years(-1),
    "this-year": _years(0),
    "next-year": _years(1),
}
_COUNTED = re.compile(r"^(last|next|olderthan)-x-(minutes|hours|days|weeks|months|years)$")
_UNITS = ("hours", "days", "weeks", "months", "years")
# Minutes exist for "older than" only.
NAMES = frozenset(_FIXED) | {
    "olderthan-x-minutes",
    *(f"{direction}-x-{unit}" for direction in ("last", "next", "olderthan") for unit in _UNITS),
}


def is_relative(operator: str) -> bool:
    """Return whether the operator needs only the clock and no date."""
    return operator in NAMES


def takes_number(operator: str) -> bool:
    return _COUNTED.match(operator) is not None


def span(operator: str, count: int, now: Moment) -> Span:
    """Return the period of a relative operator. Raises ValueError beyond the calendar."""
    if operator in _FIXED:
        return _FIXED[operator](now)
    match = _COUNTED.match(operator)
    if match is None or not 0 < count <= _MAX_NUMBER:
        raise ValueError(f"'{operator}' with {count}")
    direction, unit = match[1], match[2]
    try:
        moved = _moved(now, unit, count if direction == "next" else -count)
    except OverflowError:
        raise ValueError(f"'{operator}' with {count}") from None
    if direction == "olderthan":
        return Span(None, moved)
    whole_days = unit != "hours"
    if direction == "last":
        start = _day(moved) if whole_days else moved.replace(minute=0, second=0, microsecond=0)
        return Span(start, now + _TICK)
    return Span(now + _TICK, _day(moved, 1) if whole_days else moved)


def _moved(now: Moment, unit: str, count: int) -> Moment:
    if unit in ("months", "years"):
        return months_later(now, count * (12 if unit == "years" else 1))
    return now + datetime.timedelta(**{unit: count})


def on(operator: str, day: datetime.date) -> Span:
    """Return the period of `on`, `on-or-before` or `on-or-after` a day."""
    begins = datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
    if operator == "on":
        return Span(begins, begins + _DAY)
    return Span(None, begins + _DAY) if operator == "on-or-before" else Span(begins, None)
