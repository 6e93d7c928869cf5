"""The two sides of a change as pages and mails show them: words for a value of each type, differences marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

from django.utils import timezone

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.crm.values import canonical
from syncapp.models import SyncField
from syncapp.review.diff import formats
from syncapp.review.diff import text as differences
from syncapp.review.diff.shortening import shorten
from syncapp.review.diff.text import Difference, Part
from syncapp.text import characters, localization

# The one replaces the other as a whole: values that are chosen rather than typed, and amounts, of which no digit means
# anything alone (€12,500.50 and €15,001.00 share some).
_AMOUNTS = (ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.MONEY, ColumnType.FLOAT)
_WHOLE = (ColumnType.CHOICE, ColumnType.YES_NO, *_AMOUNTS)


UNREADABLE = "(cannot be read)"


@dataclass(frozen=True, slots=True)
class Side:
    """One value, ready to be marked. `items` instead of `parts` where it is a list of choices."""

    parts: tuple[Part, ...] = ()
    items: tuple[tuple[str, bool], ...] = ()
    is_changed: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.parts and not self.items

    @property
    def text(self) -> str:
        """The value without marks."""
        return "; ".join(item for item, _ in self.items) or "".join(part.text for part in self.parts)

    @property
    def length(self) -> int:
        """Characters in all."""
        return sum(len(part.text) for part in self.parts)

    @property
    def short(self) -> Side:
        """Only what surrounds the changes, where the text is long."""
        return replace(self, parts=shorten(self.parts))

    @property
    def is_long(self) -> bool:
        """Whether the short form leaves something out."""
        return any(part.kind is differences.Kind.GAP for part in shorten(self.parts))


@dataclass(frozen=True, slots=True)
class Tag:
    """A remark about a change; one that `warns` is about what eyes miss."""

    words: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Both sides, and what a person should know about them besides."""

    was: Side
    will: Side
    tags: tuple[Tag, ...] = ()


def words(column: Column | None, value: str | None, label: str = "") -> str:
    """What a person reads for a canonical value; '' for empty. Times are in the active time zone."""
    if value is None or value == "":
        return ""
    if column is None:
        return label or value
    try:
        return _WORDS.get(column.type, _by_label)(column, value, label)
    except ValueError:
        return value  # nothing of this type: shown as it stands, so that it can be rejected


def change(field: SyncField, column: Column | None) -> Change:
    """Original and proposed value of a field; a proposal that could not be read is not taken for an empty one."""
    if field.unreadable and field.proposed_value is None:
        was = single(column, field.original_value, field.original_label)
        return Change(was, Side(differences.plain(UNREADABLE)))
    return between(
        column,
        (field.original_value, field.original_label),
        (field.proposed_value, field.proposed_label),
    )


def now(field: SyncField, column: Column | None) -> Side:
    """Return the CRM's value as it was last read, marked against the original."""
    return between(
        column, (field.original_value, field.original_label), (field.crm_now_value, field.crm_now_label)
    ).will


def between(column: Column | None, was: tuple[str | None, str], will: tuple[str | None, str]) -> Change:
    """The change from one value with its label to another."""
    old, new = words(column, *was), words(column, *will)
    if column is not None and column.type is ColumnType.CHOICES:
        return _lists(old, new)
    same_words = old == new and (was[0] or "") != (will[0] or "")
    whole = column is not None and column.type in _WHOLE and old != new
    found = (
        differences.replaced(old, new)
        if whole or same_words
        else differences.compare(old, new, by_words=_is_date(column))
    )
    return Change(
        was=Side(found.was, is_changed=bool(old)),
        will=Side(found.will, is_changed=old != new or same_words),
        tags=_tags(column, old, new, found, same_words=same_words) + _tags_of_dates(column, was[0], will[0]),
    )


def _is_date(column: Column | None) -> bool:
    return column is not None and column.type in (ColumnType.DATE, ColumnType.DATE_TIME)


def single(column: Column | None, value: str | None, label: str = "") -> Side:
    """One value without marks."""
    return Side(differences.plain(words(column, value, label)))


def _lists(old: str, new: str) -> Change:
    before, after = _split(old), _split(new)
    return Change(
        was=Side(items=tuple((item, item not in after) for item in before), is_changed=bool(before)),
        will=Side(items=tuple((item, item not in before) for item in after), is_changed=before != after),
    )


def _split(text: str) -> list[str]:
    return [item for item in text.split("; ") if item]


def _tags(column: Column | None, was: str, will: str, found: Difference, *, same_words: bool) -> tuple[Tag, ...]:
    tags = [Tag("the same words, another value", warns=True)] if same_words else []
    if characters.hides_something(will):
        tags.append(Tag("hidden characters", warns=True))
    elif remark := _format_remark(column, was, will, found):
        tags.append(Tag(remark))
    mixed = characters.mixed_scripts(will)
    if mixed:
        tags.append(Tag(f"mixes {' and '.join(mixed)} letters", warns=True))
    return tuple(tags)


def _tags_of_dates(column: Column | None, was: str | None, will: str | None) -> tuple[Tag, ...]:
    if column is None or column.type is not ColumnType.DATE or not formats.moved_by_a_day(column.name, was, will):
        return ()
    return (Tag("moved by one day, as time zone faults do", warns=True),)


def _format_remark(column: Column | None, was: str, will: str, found: Difference) -> str:
    """What is known about values of this kind, else which signs alone differ."""
    known = formats.words_for(column.name, was, will) if column is not None else ""
    if known or not found.only_signs:
        return known
    return "only blanks differ" if found.only_blanks else "only punctuation differs"


def _by_label(column: Column, value: str, label: str) -> str:
    return label or value


def _as_text(column: Column, value: str, label: str) -> str:
    return value


def _option(column: Column, value: str, label: str) -> str:
    return dict(column.options).get(int(value)) or label or value


def _options(column: Column, value: str, label: str) -> str:
    known = dict(column.options)
    numbers = sorted(canonical.parse_choices(value))
    deleted = _labels_of_deleted([number for number in numbers if number not in known], numbers, known, _split(label))
    return "; ".join(known.get(number) or deleted.get(number) or str(number) for number in numbers)


def _labels_of_deleted(
    deleted: list[int], numbers: list[int], known: Mapping[int, str], staged: list[str]
) -> dict[int, str]:
    """Return the staged labels of options that were deleted since; none where it is not certain which is whose."""
    others = [label for label in staged if label not in known.values()]
    if len(others) == len(deleted):
        return dict(zip(deleted, others, strict=True))
    # One that is left was renamed since: the CRM lists labels in the order of their values.
    return dict(zip(numbers, staged, strict=True)) if len(staged) == len(numbers) else {}


def _yes_no(column: Column, value: str, label: str) -> str:
    answer = canonical.parse(ColumnType.YES_NO, value)
    return dict(column.options).get(int(answer)) or label or ("Yes" if answer else "No")


def _date(column: Column, value: str, label: str) -> str:
    return day_words(canonical.parse_date(value))


def _date_time(column: Column, value: str, label: str) -> str:
    """Seconds only where there are any; two instants that differ never look equal."""
    when = canonical.parse_date_time(value)
    if column.is_zoneless:
        with timezone.override(UTC):
            return _moment(when, zone="", is_date=column.is_shown_as_date)
    return _moment(when, zone=f" {localization.zone(when)}", is_date=column.is_shown_as_date)


def _moment(when: datetime, *, zone: str, is_date: bool) -> str:
    """Return the moment in the active zone; of one that is shown as a date, the time only where it is not midnight."""
    local = timezone.localtime(when)
    if is_date and local.time() == time():
        return day_words(local.date())
    clock = localization.clock(when, seconds=bool(when.second or when.microsecond))
    fraction = f" and {when.microsecond / 1000:g} ms" if when.microsecond else ""
    return f"{day_words(local.date())}, {clock}{fraction}{zone}"


def _number(column: Column, value: str, label: str) -> str:
    """Format a number for the reader, with the currency and the decimals of the CRM's own label."""
    canonical.parse(column.type, value)
    number = Decimal(value)
    before, digits, after = _split_label(label)
    decimals = next((n for n in range(11) if _digits(f"{abs(number):.{n}f}") == _digits(digits)), None)
    shown = number if decimals is None else round(number, decimals)
    has_sign = any(sign in before + after for sign in "-−(")
    return f"{before}{localization.number(abs(shown) if has_sign else shown)}{after}"


def _split_label(label: str) -> tuple[str, str, str]:
    """Split a formatted number into what precedes its digits, the digits with their separators, and the rest."""
    found = re.fullmatch(r"(\D*)(\d(?:.*\d)?)(\D*)", label, re.DOTALL)
    return (found[1], found[2], found[3]) if found else ("", "", "")


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def day_words(day: date) -> str:
    """Return 14 March 1987, in the reader's format."""
    return localization.day(day, long=True)


_WORDS: Mapping[ColumnType, Callable[[Column, str, str], str]] = {
    ColumnType.TEXT: _as_text,
    ColumnType.MEMO: _as_text,
    ColumnType.CHOICE: _option,
    ColumnType.CHOICES: _options,
    ColumnType.YES_NO: _yes_no,
    ColumnType.DATE: _date,
    ColumnType.DATE_TIME: _date_time,
    ColumnType.INTEGER: _number,
    ColumnType.DECIMAL: _number,
    ColumnType.MONEY: _number,
    ColumnType.FLOAT: _number,
}
