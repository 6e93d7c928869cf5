"""Presentation of each column type: words for its values, marks for its changes, and the input for typing them.

A new type is one entry here, and one in `crm/values/column_types.py` for the CRM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum, auto

from django.utils import timezone

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.crm.values import canonical, conversion
from syncapp.text import localization

LIST_SEPARATOR = "; "


class Marking(Enum):
    """Ways to mark the difference between two values."""

    LETTERS = auto()
    WORDS = auto()
    WHOLE = auto()  # one value replaces the other, because single digits of an amount mean nothing
    LIST = auto()  # added and removed options


class Input(StrEnum):
    """The kind of input for a correction, as the templates know it."""

    NONE = ""
    TEXT = "text"
    AREA = "area"
    CHOICE = "choice"
    CHOICES = "choices"
    NUMBER = "number"
    DATE = "date"
    DATE_TIME = "date_time"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True)
class Presentation:
    """Presentation of one column type: the form in which people read and type its values.

    `words` takes column, canonical value and the CRM's label; it raises ValueError for text of another type. `choices`
    returns the values to choose from with their words. `decimals` is how many decimal places people type if the CRM's
    definition has no precision, or None for any number of them.
    """

    words: Callable[[Column, str, str], str]
    marking: Marking
    input: Input
    choices: Callable[[Column], tuple[tuple[str, str], ...]] = lambda column: ()
    decimals: int | None = None


def presentation(column: Column | None) -> Presentation:
    """Return the column's presentation; values of an unknown column are shown by their label."""
    return PRESENTATIONS[column.type if column is not None else ColumnType.OTHER]


def format_day(day: date) -> str:
    """Return a date such as 14 March 1987, in the reader's format."""
    return localization.day(day, long=True)


def _label_words(column: Column, value: str, label: str) -> str:
    return label or value


def _text_words(column: Column, value: str, label: str) -> str:
    return value


def _options_words(column: Column, value: str, label: str) -> str:
    known = dict(column.options)
    numbers = sorted(canonical.parse_choices(value))
    staged = [item for item in label.split(LIST_SEPARATOR) if item]
    # Options deleted since staging keep their staged labels, if these can be matched for certain.
    deleted = [number for number in numbers if number not in known]
    others = [text for text in staged if text not in known.values()]
    labels: dict[int, str] = {}
    if len(others) == len(deleted):
        labels = dict(zip(deleted, others, strict=True))
    elif len(staged) == len(numbers):  # another one was renamed; the CRM lists labels in the order of their values
        labels = dict(zip(numbers, staged, strict=True))
    return LIST_SEPARATOR.join(known.get(number) or labels.get(number) or str(number) for number in numbers)


def _yes_no_words(column: Column, value: str, label: str) -> str:
    answer = canonical.parse_yes_no(value)
    return dict(column.options).get(int(answer)) or label or ("Yes" if answer else "No")


def _date_time_words(column: Column, value: str, label: str) -> str:
    """Format an instant in the active zone, with the zone's name; a zoneless column's value as it is stored."""
    when = canonical.parse_date_time(value)
    if column.is_zoneless:
        with timezone.override(UTC):
            return _moment_words(when, zone="", is_date=column.is_shown_as_date)
    return _moment_words(when, zone=f" {localization.zone(when)}", is_date=column.is_shown_as_date)


def _moment_words(when: datetime, *, zone: str, is_date: bool) -> str:
    """Format the moment in the active zone; if the column shows only dates, omit the time of a day's start.

    Seconds and milliseconds are omitted only if they are zero, so that different values never look the same.
    """
    local = timezone.localtime(when)
    # A day on which the clock changes at midnight starts at 01:00, or with the first of two midnights. Python calls
    # such a time unequal to any other, so the difference is compared.
    start = timezone.make_aware(datetime.combine(local.date(), time()))
    if is_date and when - start == timedelta():
        return format_day(local.date())
    clock = localization.clock(when, seconds=bool(when.second or when.microsecond))
    fraction = f" and {when.microsecond / 1000:g} ms" if when.microsecond else ""
    return f"{format_day(local.date())}, {clock}{fraction}{zone}"


def _number_words(column: Column, value: str, label: str) -> str:
    """Format a number for the reader, with the currency and the decimal places of the CRM's own label."""
    conversion.parse(column.type, value)
    number = Decimal(value)
    found = re.fullmatch(r"(\D*)(\d(?:.*\d)?)(\D*)", label, re.DOTALL)
    before, digits, after = found.groups() if found else ("", "", "")
    decimals = next((n for n in range(11) if _digits(f"{abs(number):.{n}f}") == _digits(digits)), None)
    rounded = number if decimals is None else round(number, decimals)
    has_sign = any(sign in before + after for sign in "-−(")
    return f"{before}{localization.number(abs(rounded) if has_sign else rounded)}{after}"


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _option_choices(column: Column) -> tuple[tuple[str, str], ...]:
    return tuple((str(number), text) for number, text in column.options)


def _yes_no_choices(column: Column) -> tuple[tuple[str, str], ...]:
    words = {str(bool(number)).lower(): text for number, text in column.options}
    return tuple((value, words.get(value, word)) for value, word in (("true", "Yes"), ("false", "No")))


PRESENTATIONS: Mapping[ColumnType, Presentation] = {
    ColumnType.TEXT: Presentation(_text_words, Marking.LETTERS, Input.TEXT),
    ColumnType.MEMO: Presentation(_text_words, Marking.LETTERS, Input.AREA),
    ColumnType.CHOICE: Presentation(
        lambda column, value, label: dict(column.options).get(int(value)) or label or value,
        Marking.WHOLE,
        Input.CHOICE,
        choices=_option_choices,
    ),
    ColumnType.CHOICES: Presentation(_options_words, Marking.LIST, Input.CHOICES, choices=_option_choices),
    ColumnType.YES_NO: Presentation(_yes_no_words, Marking.WHOLE, Input.CHOICE, choices=_yes_no_choices),
    ColumnType.INTEGER: Presentation(_number_words, Marking.WHOLE, Input.NUMBER, decimals=0),
    ColumnType.DECIMAL: Presentation(_number_words, Marking.WHOLE, Input.NUMBER),
    ColumnType.MONEY: Presentation(_number_words, Marking.WHOLE, Input.NUMBER, decimals=2),
    ColumnType.FLOAT: Presentation(_number_words, Marking.WHOLE, Input.NUMBER),
    ColumnType.DATE: Presentation(
        lambda column, value, label: format_day(canonical.parse_date(value)), Marking.WORDS, Input.DATE
    ),
    ColumnType.DATE_TIME: Presentation(_date_time_words, Marking.WORDS, Input.DATE_TIME),
    ColumnType.LOOKUP: Presentation(_label_words, Marking.LETTERS, Input.LOOKUP),
    ColumnType.OTHER: Presentation(_label_words, Marking.LETTERS, Input.NONE),
}
