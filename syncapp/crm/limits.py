"""What a column takes: the answer to "can this text become the value?" in words for a reviewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from syncapp.crm import canonical
from syncapp.crm.records import Column, ColumnType

# SQL Server's datetime, on which the CRM's date columns rest, starts here.
_FIRST_YEAR = 1753
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**31), 2**31 - 1


def check(column: Column, text: str | None) -> str | None:
    """Why `text` cannot become the column's value, in words for a reviewer; None when it can."""
    if not column.writable or column.type is ColumnType.OTHER:
        return "This field cannot be written."
    if text is None or text == "":
        return None
    try:
        parsed = canonical.parse(column.type, text)
    except ValueError:
        return _COMPLAINTS[column.type]
    return _LIMITS.get(column.type, _no_limit)(column, parsed)


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
    return None if _SMALLEST_INTEGER <= parsed <= _LARGEST_INTEGER else "This number is out of range."


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
