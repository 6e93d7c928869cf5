"""The canonical text of values, independent of columns and the CRM: from text to Python value and back.

text, memo         unchanged                      choice             3
yes/no             true, false                    several choices    1,3
numbers            1234.5                         lookup             account:GUID (lower case)
date               2026-11-20                     date and time      2026-11-20T09:30:00Z

A date and time that is independent of time zones has the same form, as in the Web API; its Z means nothing. The parsers
take text that is not empty and raise ValueError if it is not of their type.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isinf
from uuid import UUID

_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?")
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_LOOKUP = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,127}):([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")


def parse_text(text: str) -> str:
    """Return the text itself; refuse NUL and halves of surrogate pairs, which no database stores."""
    if "\x00" in text:
        raise ValueError("NUL")
    text.encode("utf-8")  # half a pair raises UnicodeEncodeError, which is a ValueError
    return text


def parse_whole_number(text: str) -> int:
    """Parse a whole number of up to 19 digits."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text)


def parse_choices(text: str) -> frozenset[int]:
    """Parse option values separated by commas."""
    return frozenset(parse_whole_number(part) for part in text.split(","))


def parse_yes_no(text: str) -> bool:
    """Parse `true` or `false`."""
    if text not in ("true", "false"):
        raise ValueError("not yes or no")
    return text == "true"


def parse_number(text: str) -> Decimal:
    """Parse digits with an optional decimal point, without an exponent."""
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return Decimal(text)


def parse_float(text: str) -> float:
    """Parse a number into a finite float."""
    number = float(parse_number(text))
    if isinf(number):
        raise ValueError("out of range")
    return number


def parse_date(text: str) -> date:
    """Parse an ISO date."""
    if not _DATE.fullmatch(text):
        raise ValueError("not a date")
    return date.fromisoformat(text)


def parse_date_time(text: str) -> datetime:
    """Parse an ISO date and time with a zone; return it in UTC."""
    if not _DATE_TIME.fullmatch(text):
        raise ValueError("not a date and time with a zone")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def parse_lookup(text: str) -> tuple[str, UUID]:
    """Parse `table:GUID` into the table's logical name and the row's id."""
    match = _LOOKUP.fullmatch(text)
    if match is None:
        raise ValueError("not a row")
    return match[1].lower(), UUID(match[2])


def choices_text(values: frozenset[int]) -> str:
    """Return option values in ascending order, separated by commas."""
    return ",".join(str(value) for value in sorted(values))


def plain(number: Decimal) -> str:
    """Return the number in plain digits, without exponent, trailing zeros or negative zero."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def instant_text(instant: datetime) -> str:
    """Return the instant in UTC with a Z, and with fractions of a second if there are any."""
    if instant.tzinfo is None:
        raise ValueError("a time without a zone")
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if instant.microsecond else text) + "Z"
