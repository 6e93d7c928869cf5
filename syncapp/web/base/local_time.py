"""Local times as people type them, including those in the two nights a year when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone

from syncapp.text import localization


class NonexistentTime(ValueError):
    """The clock skips this time; the message says which hour is missing."""


class AmbiguousTime(ValueError):
    """The clock shows this time twice; `options` are both instants as (fold, label)."""

    def __init__(self, message: str, options: tuple[tuple[str, str], ...]) -> None:
        super().__init__(message)
        self.options = options


def input_value(when: datetime) -> str:
    """Return an instant as the value of a datetime-local input, to the millisecond."""
    local = timezone.localtime(when).replace(tzinfo=None)
    return local.isoformat(timespec="milliseconds" if local.microsecond else "seconds")


def fold_of(when: datetime) -> str:
    """Return which of two equal local times this is, "0" or "1"; '' if there is only one."""
    local = timezone.localtime(when)
    return str(local.fold) if _occurs_twice(local.replace(tzinfo=None)) else ""


def instant(naive: datetime, fold: str = "") -> datetime:
    """Return the instant of a local time in the active zone; `fold` selects the first ("0") or second ("1") of two.

    Raises NonexistentTime, AmbiguousTime and OverflowError.
    """
    where = timezone.get_current_timezone_name()
    if _is_skipped(naive):
        # Read with the offset before the jump, a skipped time becomes the time that the clock shows after the jump.
        after = timezone.localtime(timezone.make_aware(naive).astimezone(UTC))
        jump = f"the clock goes forward to {localization.clock(after)}"
        raise NonexistentTime(f"{_clock_and_day(naive)} does not exist in {where}: {jump}. Choose another time.")
    if _occurs_twice(naive) and fold not in ("0", "1"):
        message = f"{_clock_and_day(naive)} occurs twice in {where}, because the clock goes back."
        raise AmbiguousTime(message, options(naive))
    return timezone.make_aware(naive.replace(fold=int(fold or "0")))


def options(naive: datetime) -> tuple[tuple[str, str], ...]:
    """Return both instants of a local time that occurs twice as (fold, label); empty for any other time."""
    if not _occurs_twice(naive):
        return ()
    names = [localization.zone(timezone.make_aware(naive.replace(fold=fold))) for fold in (0, 1)]
    return (("0", f"the first, {names[0]}"), ("1", f"the second, {names[1]}"))


def _is_skipped(naive: datetime) -> bool:
    zone = timezone.get_current_timezone()
    return naive.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != naive


def _occurs_twice(naive: datetime) -> bool:
    zone = timezone.get_current_timezone()
    first, second = (naive.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first != second and not _is_skipped(naive)


def _clock_and_day(naive: datetime) -> str:
    utc = naive.replace(tzinfo=UTC)
    with timezone.override(UTC):
        return f"{localization.clock(utc)} on {localization.day(naive.date())}"
