"""Relative and absolute times for people: "2 h", "at 15:01 CET"; the exact time is for the tooltip."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from syncapp.text import localization

_DAY = 86400
_STEPS = ((60, 1, "s"), (3600, 60, "min"), (_DAY, 3600, "h"), (60 * _DAY, _DAY, "d"), (730 * _DAY, 30 * _DAY, "mo"))


def age(when: datetime, *, now: datetime | None = None) -> str:
    """Return the age in its largest unit: "20 s", "48 min", "22 h", "3 d", "5 mo", "2 y"."""
    return span(((now or timezone.now()) - when).total_seconds())


def span(duration: float) -> str:
    """Return a duration in seconds in its largest unit, at least "0 s"."""
    seconds = max(0, int(duration))
    for below, size, unit in _STEPS:
        if seconds < below:
            return f"{seconds // size} {unit}"
    return f"{seconds // (365 * _DAY)} y"


def exact(when: datetime) -> str:
    """Return "Thu 19 Nov 2026, 16:03 CET", in the active time zone and format."""
    return f"{moment(when)} {localization.zone(timezone.localtime(when))}"


def moment(when: datetime) -> str:
    """Return "Thu 19 Nov 2026, 16:03", for a column whose heading names the time zone."""
    local = timezone.localtime(when)
    return f"{localization.with_weekday(f'{local:%a}', localization.day(local))}, {localization.clock(local)}"


def clock(when: datetime) -> str:
    """Return "16:03 CET"."""
    return f"{localization.clock(when)} {localization.zone(when)}"


def at(when: datetime, *, now: datetime | None = None) -> str:
    """Return "at 15:01 CET", with the day unless it is today."""
    local, today = timezone.localtime(when), timezone.localtime(now or timezone.now())
    if local.date() == today.date():
        return f"at {clock(local)}"
    is_this_year = local.year == today.year
    day = localization.day_and_month(local) if is_this_year else localization.day(local)
    return f"on {day} at {clock(local)}"


def day(when: datetime, *, now: datetime | None = None) -> str:
    """Return "3 March", with the year unless it is the current one."""
    local, today = timezone.localtime(when), timezone.localtime(now or timezone.now())
    is_this_year = local.year == today.year
    return localization.day_and_month(local, long=True) if is_this_year else localization.day(local, long=True)


def seconds_left(until: datetime, *, now: datetime | None = None) -> int:
    """Return the whole seconds until this time, rounded up; 0 if it has passed."""
    left = until - (now or timezone.now())
    return max(0, -(-left // timedelta(seconds=1)))
