"""Limits of columns: each function says why a value does not fit, in words for a reviewer, or returns None.

`check_decimal_places` and `is_rounded_number` concern values with more decimal places than their column keeps.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from syncapp.crm.staging.records import Column
from syncapp.crm.values import canonical

# The first year of SQL Server's datetime, which stores the CRM's date columns.
_FIRST_YEAR = 1753
_MIN_INTEGER, _MAX_INTEGER = -(2**31), 2**31 - 1
_CURRENCY_DECIMAL_PLACES = 2


def check_length(column: Column, parsed: str) -> str | None:
    """Check the length of a text."""
    # The CRM counts UTF-16 units, as .NET and SQL Server do: an emoji counts twice.
    length = len(parsed.encode("utf-16-le")) // 2
    if column.max_length is not None and length > column.max_length:
        return f"Shorten this text from {length} to {column.max_length} characters."
    return None


def check_option(column: Column, parsed: int) -> str | None:
    """Check that a value is one of the column's options."""
    return check_options(column, frozenset({parsed}))


def check_options(column: Column, parsed: frozenset[int]) -> str | None:
    """Check that all values are options of the column."""
    unknown = parsed - {value for value, _ in column.options}
    return f"Choose from the options; {canonical.choices_text(unknown)} is not one of them." if unknown else None


def check_integer(column: Column, parsed: int) -> str | None:
    """Check that a whole number fits 32 bits and the column's range."""
    if not _MIN_INTEGER <= parsed <= _MAX_INTEGER:
        return f"Enter a number between {_MIN_INTEGER} and {_MAX_INTEGER}."
    return check_number(column, parsed)


def check_number(column: Column, parsed: Decimal | float | int) -> str | None:
    """Check a number against the column's minimum and maximum."""
    if column.minimum is not None and parsed < column.minimum:
        return f"Enter at least {canonical.plain(column.minimum)}."
    if column.maximum is not None and parsed > column.maximum:
        return f"Enter at most {canonical.plain(column.maximum)}."
    return None


def check_decimal_places(column: Column, text: str) -> str | None:
    """Check that the column keeps all decimal places of the number `text`."""
    if column.precision is None or _decimal_places(Decimal(text)) <= column.precision:
        return None
    if column.precision == 0:
        return "Enter a whole number."
    return f"Use at most {column.precision} decimal place{'' if column.precision == 1 else 's'}."


def check_date(column: Column, parsed: date) -> str | None:
    """Check that the CRM's database can hold a date."""
    return None if parsed.year >= _FIRST_YEAR else f"Enter a date in {_FIRST_YEAR} or later."


def check_lookup(column: Column, parsed: tuple[str, UUID]) -> str | None:
    """Check that the column can point to rows of this table."""
    if column.targets and parsed[0] not in column.targets:
        return f"This field cannot refer to a row of {parsed[0]}."
    return None


def is_rounded_number(column: Column, sent: str, held: str) -> bool:
    """Return whether `held` is `sent`, rounded to the decimal places of the column."""
    # A currency's precision is not in the definitions; nearly all currencies have two decimal places.
    precision = _CURRENCY_DECIMAL_PLACES if column.precision is None else column.precision
    given, kept = Decimal(sent), Decimal(held)
    fits = _decimal_places(kept) <= precision < _decimal_places(given)
    return fits and abs(given - kept) <= Decimal(5).scaleb(-precision - 1)


def is_rounded_time(column: Column, sent: str, held: str) -> bool:
    """Return whether `held` is `sent` without its fraction of a second, which the CRM does not keep."""
    return canonical.parse_date_time(sent).replace(microsecond=0) == canonical.parse_date_time(held)


def _decimal_places(number: Decimal) -> int:
    """Count the decimal places of a number, without trailing zeros."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
