"""Times as people say them: "2 h ago", "at 15:01"; the exact time is for the tooltip."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

_DAY = 86400
_STEPS = ((60, 1, "s"), (3600, 60, "min"), (_DAY, 3600, "h"), (60 * _DAY, _DAY, "d"), (730 * _DAY, 30 * _DAY, "mo"))


def age(when: datetime, *, now: datetime | None = None) -> str:
    """How long ago, in its largest unit: "20 s", "48 min", "22 h", "3 d", "5 mo", "2 y"."""
    return span(((now or timezone.now()) - when).total_seconds())


def span(duration: float) -> str:
    """So many seconds in their largest unit; nothing is shorter than 0 s."""
    seconds = max(0, int(duration))
    for below, size, unit in _STEPS:
        if seconds < below:
            return f"{seconds // size} {unit}"
    return f"{seconds // (365 * _DAY)} y"


def exact(when: datetime) -> str:
    """Thu 19 Nov 2026, 16:03, in the active time zone."""
    local = timezone.localtime(when)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M}"


def at(when: datetime, *, now: datetime | None = None) -> str:
    """at 15:01; with the day where it was not today."""
    local, today = timezone.localtime(when), timezone.localtime(now or timezone.now())
    if local.date() == today.date():
        return f"at {local:%H:%M}"
    day = f"{local.day} {local:%b}" + (f" {local.year}" if local.year != today.year else "")
    return f"on {day} at {local:%H:%M}"


def day(when: datetime, *, now: datetime | None = None) -> str:
    """3 March; with the year where it was another."""
    local, today = timezone.localtime(when), timezone.localtime(now or timezone.now())
    return f"{local.day} {local:%B}" + (f" {local.year}" if local.year != today.year else "")


def seconds_left(until: datetime, *, now: datetime | None = None) -> int:
    """Whole seconds until then, rounded up; 0 when it has passed."""
    left = until - (now or timezone.now())
    return max(0, -(-left // timedelta(seconds=1)))
