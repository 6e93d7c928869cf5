"""What a column takes: the answer to "can this text become the value?" in words for a reviewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.crm.values import canonical

# SQL Server's datetime, on which the CRM's date columns rest, starts here.
_FIRST_YEAR = 1753
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**31), 2**31 - 1
_NUMBERS = (ColumnType.DECIMAL, ColumnType.MONEY, ColumnType.FLOAT)


def check(column: Column, text: str | None, *, exactly: bool = False) -> str | None:
    """Return why `text` cannot become the column's value, in words for a reviewer; None when it can.

    `exactly`: nor may the CRM round it, which it does to a value with more decimals than the column keeps.
    """
    if not column.writable or column.type is ColumnType.OTHER:
        return "This field cannot be written."
    if text is None or text == "":
        return None
    try:
        parsed = canonical.parse(column.type, text)
    except ValueError:
        return _COMPLAINTS[column.type]
    problem = _LIMITS.get(column.type, _no_limit)(column, parsed)
    return problem or (_limit_decimals(column, text) if exactly else None)


def decimals(number: Decimal) -> int:
    """Return how many decimals a number has, trailing zeros apart."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _limit_decimals(column: Column, text: str) -> str | None:
    if column.type not in _NUMBERS or column.precision is None or decimals(Decimal(text)) <= column.precision:
        return None
    return f"Too many decimals: at most {column.precision} fit."


def _no_limit(column: Column, parsed: Any) -> str | None:
    return None


def _limit_length(column: Column, parsed: str) -> str | None:
    # The CRM counts UTF-16 units, as .NET and SQL Server do: an emoji counts twice.
    length = len(parsed.encode("utf-16-le")) // 2
    if column.max_length is not None and length > column.max_length:
        return f"Too long: {length} characters, at most {column.max_length} fit."
    return None


def _limit_option(column: Column, parsed: int) -> str | None:
    return _limit_options(column, frozenset({parsed}))


def _limit_options(column: Column, parsed: frozenset[int]) -> str | None:
    unknown = parsed - {value for value, _ in column.options}
    return f"Not one of the options: {canonical.choices_text(unknown)}." if unknown else None


def _limit_integer(column: Column, parsed: int) -> str | None:
    if not _SMALLEST_INTEGER <= parsed <= _LARGEST_INTEGER:
        return "This number is out of range."
    return _limit_number(column, parsed)


def _limit_number(column: Column, parsed: Decimal | float | int) -> str | None:
    if column.minimum is not None and parsed < column.minimum:
        return f"Too small: at least {canonical.plain(column.minimum)}."
    if column.maximum is not None and parsed > column.maximum:
        return f"Too large: at most {canonical.plain(column.maximum)}."
    return None


def _limit_date(column: Column, parsed: date) -> str | None:
    return None if parsed.year >= _FIRST_YEAR else f"The CRM knows no dates before {_FIRST_YEAR}."


def _limit_lookup(column: Column, parsed: tuple[str, UUID]) -> str | None:
    if column.targets and parsed[0] not in column.targets:
        return f"This field cannot point to a row of {parsed[0]}."
    return None


_LIMITS: Mapping[ColumnType, Callable[[Column, Any], str | None]] = {
    ColumnType.TEXT: _limit_length,
    ColumnType.MEMO: _limit_length,
    ColumnType.CHOICE: _limit_option,
    ColumnType.CHOICES: _limit_options,
    ColumnType.INTEGER: _limit_integer,
    ColumnType.DECIMAL: _limit_number,
    ColumnType.MONEY: _limit_number,
    ColumnType.FLOAT: _limit_number,
    ColumnType.DATE: _limit_date,
    ColumnType.DATE_TIME: _limit_date,
    ColumnType.LOOKUP: _limit_lookup,
}

_COMPLAINTS: Mapping[ColumnType, str] = {
    ColumnType.TEXT: "This text holds characters that the CRM cannot store.",
    ColumnType.MEMO: "This text holds characters that the CRM cannot store.",
    ColumnType.CHOICE: "Not one of the options.",
    ColumnType.CHOICES: "Not a list of options.",
    ColumnType.YES_NO: "Neither yes nor no.",
    ColumnType.INTEGER: "Not a whole number.",
    ColumnType.DECIMAL: "Not a number such as 1234.5.",
    ColumnType.MONEY: "Not an amount such as 1234.5.",
    ColumnType.FLOAT: "Not a number such as 1234.5.",
    ColumnType.DATE: "Not a date such as 2026-11-20.",
    ColumnType.DATE_TIME: "Not a date and time such as 2026-11-20T09:30:00Z.",
    ColumnType.LOOKUP: "Not a reference to a row of the CRM.",
}
