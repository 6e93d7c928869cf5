"""Conversion of conditions' texts to the stored form of their column."""

from __future__ import annotations

import datetime
import math
import re

from dataverse_sandbox import errors, values
from dataverse_sandbox.catalog import Column, Kind
from dataverse_sandbox.fetchxml.parsing import bad
from dataverse_sandbox.fetchxml.sources import ID_KINDS, TEXT_KINDS

_SLASHES = re.compile(r"\d{1,2}/\d{1,2}/\d{4}( \d{1,2}:\d{2}(:\d{2})?( [AaPp][Mm])?)?")
# Dates that .NET may read by some culture: names of months, points, days before months.
_OTHER_FORM = re.compile(r"\d[ ./]|[A-Za-z] ?\d")


def literal(column: Column, text: str) -> object:
    """Convert the text of a condition to the column's stored form. Raises ApiError 400."""
    try:
        return _converted(column, text)
    except ValueError:
        raise bad(f"The value '{text[:100]}' of '{column.name}' is not of the type {column.kind}.") from None


def _converted(column: Column, text: str) -> object:
    if column.kind in ID_KINDS:
        return values.guid(text.strip())
    if column.kind is Kind.YES_NO:
        return _yes_no(text)
    if column.kind in (Kind.DECIMAL, Kind.DOUBLE, Kind.MONEY):
        return _finite(float(text))
    if column.kind is Kind.DATE_TIME:
        return values.bound(moment(text))
    if column.kind is Kind.DATE:
        return moment(text).date().isoformat()
    if column.kind is Kind.CHOICES:
        return values.choices_text(text)
    return text if column.kind in TEXT_KINDS else _require_integer(text)


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(number)
    return number


def _require_integer(text: str) -> int:
    number = int(text)
    if abs(number) >= 2**63:
        raise ValueError(text)
    return number


def _yes_no(text: str) -> int:
    found = {"1": 1, "0": 0, "true": 1, "false": 0}.get(text.strip().lower())
    if found is None:
        raise ValueError(text)
    return found


def moment(text: str) -> datetime.datetime:
    """Return a date or a moment, in UTC if it names no zone; ApiError 400 for other text, 501 for unknown forms."""
    stripped = text.strip()
    try:
        found = _with_slashes(stripped) or datetime.datetime.fromisoformat(stripped)
        return found.astimezone(datetime.UTC) if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    except (ValueError, OverflowError):
        if _OTHER_FORM.search(stripped):
            raise errors.unknown(f"'{text[:40]}' as a date") from None
        raise bad(f"'{text[:40]}' is not a date.") from None


def _with_slashes(text: str) -> datetime.datetime | None:
    """Parse month/day/year with an optional time, as the invariant culture of .NET writes them."""
    if not _SLASHES.fullmatch(text):
        return None
    clock = "" if " " not in text else " %I:%M" if text[-1] in "Mm" else " %H:%M"
    clock += ":%S" if text.count(":") > 1 else ""
    clock += " %p" if text[-1] in "Mm" else ""
    return datetime.datetime.strptime(text, f"%m/%d/%Y{clock}")  # noqa: DTZ007  (the caller gives it its zone)
