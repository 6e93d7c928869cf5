"""The written form of values, without columns or the CRM: text to Python value and back.

text, memo         as it is                       choice             3
yes/no             true, false                    several choices    1,3
numbers            1234.5                         lookup             account:GUID (lower case)
date               2026-11-20                     date and time      2026-11-20T09:30:00Z

A date and time that is independent of time zones has the same form, as in the Web API; its Z means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isinf
from typing import Any
from uuid import UUID

from syncapp.crm.staging.records import ColumnType

_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?")
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_LOOKUP = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,127}):([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")


def parse(column_type: ColumnType, text: str) -> Any:
    """The Python value that `text` (not empty) stands for; ValueError when it is not of the type."""
    return _PARSERS[column_type](text)


def key(column_type: ColumnType, text: str | None) -> Hashable:
    """What two texts of the same value have in common; None for empty, the text itself for nonsense."""
    if text is None or text == "":
        return None
    try:
        return (True, parse(column_type, text))
    except ValueError:
        return (False, text)


def _parse_text(text: str) -> str:
    if "\x00" in text:
        raise ValueError("NUL")
    text.encode("utf-8")  # half a character is a UnicodeEncodeError, which is a ValueError
    return text


def _parse_whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text)


def parse_choices(text: str) -> frozenset[int]:
    return frozenset(_parse_whole(part) for part in text.split(","))


def _parse_yes_no(text: str) -> bool:
    return {"true": True, "false": False}[text] if text in ("true", "false") else refuse("not yes or no")


def _parse_number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return Decimal(text)


def _parse_float(text: str) -> float:
    number = float(_parse_number(text))
    return refuse("out of range") if isinf(number) else number


def parse_date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError("not a date")
    return date.fromisoformat(text)


def parse_date_time(text: str) -> datetime:
    if not _DATE_TIME.fullmatch(text):
        raise ValueError("not a date and time with a zone")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def parse_lookup(text: str) -> tuple[str, UUID]:
    match = _LOOKUP.fullmatch(text)
    if match is None:
        raise ValueError("not a row")
    return match[1].lower(), UUID(match[2])


def refuse(reason: str) -> Any:
    raise ValueError(reason)


_PARSERS: Mapping[ColumnType, Callable[[str], Any]] = {
    ColumnType.TEXT: _parse_text,
    ColumnType.MEMO: _parse_text,
    ColumnType.CHOICE: _parse_whole,
    ColumnType.CHOICES: parse_choices,
    ColumnType.YES_NO: _parse_yes_no,
    ColumnType.INTEGER: _parse_whole,
    ColumnType.DECIMAL: _parse_number,
    ColumnType.MONEY: _parse_number,
    ColumnType.FLOAT: _parse_float,
    ColumnType.DATE: parse_date,
    ColumnType.DATE_TIME: parse_date_time,
    ColumnType.LOOKUP: parse_lookup,
    ColumnType.OTHER: _parse_text,
}


def choices_text(values: frozenset[int]) -> str:
    return ",".join(str(value) for value in sorted(values))


def plain(number: Decimal) -> str:
    """Digits only: no exponent, no trailing zeros, no negative zero."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def instant_text(instant: datetime) -> str:
    """UTC with a Z, fractions of a second only where there are any."""
    if instant.tzinfo is None:
        raise ValueError("a time without a zone")
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if instant.microsecond else text) + "Z"
