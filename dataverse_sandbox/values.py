"""The four forms of a value: as JSON of a request, as stored, as canonical text for staging, as a label.

`checked` refuses what Dataverse refuses. Stored: yes/no as 0 or 1, several choices as "1,3" in order, times as UTC
with seconds, lookups as the bare id (its table in a second column where there are several).
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal

from dataverse_sandbox import errors
from dataverse_sandbox.catalog import Column, Kind, Table
from dataverse_sandbox.errors import ApiError

_EARLIEST = datetime.datetime(1753, 1, 1, tzinfo=datetime.UTC)


def guid(text: object) -> str:
    """Return a GUID in the Web API's form. Raises ValueError for other text."""
    if not isinstance(text, str):
        raise ValueError("a GUID is text")
    return str(uuid.UUID(text.strip("{}")))


def bound(moment: datetime.datetime) -> str:
    """Return a time to compare with stored ones, which have whole seconds; fractions sort between two."""
    text = moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{text}~" if moment.microsecond else text


def choices_text(text: str) -> str:
    """Return several choices in stored order. Raises ValueError for other values."""
    return ",".join(str(number) for number in sorted({int(part) for part in text.split(",")}))


def checked(table: Table, column: Column, value: object) -> object:
    """Convert a request's value to its stored form. Raises ApiError 400 as Dataverse would."""
    if value is None:
        _refuse_null_where_needed(table, column)
        return None
    check = _CHECKS.get(column.kind)
    if check is None:
        raise errors.bad_payload(f"The property '{column.name}' cannot be written.")
    return check(table, column, value)


def _refuse_null_where_needed(table: Table, column: Column) -> None:
    if column.kind in (Kind.STATE, Kind.STATUS, Kind.KEY) or column.required == "SystemRequired":
        raise errors.bad_payload(f"The property '{column.name}' of {table.name} cannot be null.")


def _mistyped(column: Column, value: object, edm_type: str) -> ApiError:
    return errors.bad_payload(
        f"Cannot convert the literal '{str(value)[:100]}' of '{column.name}' to the expected type '{edm_type}'."
    )


def _text(table: Table, column: Column, value: object) -> str | None:
    if not isinstance(value, str):
        raise _mistyped(column, value, "Edm.String")
    try:
        length = len(value.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        raise _mistyped(column, ascii(value), "Edm.String") from None
    if column.max_length is not None and length > column.max_length:
        raise ApiError(
            400,
            errors.STRING_TOO_LONG,
            f"A validation error occurred. The length of the '{column.name}' attribute of the '{table.name}' entity "
            f"exceeded the maximum allowed length of '{column.max_length}'.",
        )
    return value or None


def _require_integer(column: Column, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mistyped(column, value, "Edm.Int32")
    return value


def _choice(table: Table, column: Column, value: object) -> int:
    number = _require_integer(column, value)
    if number not in {option.value for option in column.options}:
        raise _not_an_option(table, column, number)
    return number


def _not_an_option(table: Table, column: Column, value: object) -> ApiError:
    accepted = ",".join(str(option.value) for option in column.options)
    return ApiError(
        400,
        errors.OPTION_OUT_OF_RANGE,
        f"A validation error occurred. The value '{value}' of '{column.name}' on record of type '{table.name}' is "
        f"outside the valid range. Accepted Values: {accepted}",
    )


def _choices(table: Table, column: Column, value: object) -> str | None:
    if not isinstance(value, str):
        raise _mistyped(column, value, "Edm.String")
    parts = [part.strip() for part in value.split(",")] if value.strip() else []
    if not all(re.fullmatch(r"\d{1,10}", part) for part in parts):
        raise _not_an_option(table, column, value)
    numbers = sorted({_choice(table, column, int(part)) for part in parts})
    return ",".join(str(number) for number in numbers) or None


def _yes_no(_table: Table, column: Column, value: object) -> int:
    if not isinstance(value, bool):
        raise _mistyped(column, value, "Edm.Boolean")
    return int(value)


def _in_range(table: Table, column: Column, value: float) -> None:
    if not column.minimum <= value <= column.maximum:
        code = errors.MONEY_OUT_OF_RANGE if column.kind is Kind.MONEY else errors.NUMBER_OUT_OF_RANGE
        raise ApiError(400, code, f"The value {value} of '{column.name}' on {table.name} is outside the valid range.")


def _integer(table: Table, column: Column, value: object) -> int:
    number = _require_integer(column, value)
    _in_range(table, column, number)
    return number


def _number(table: Table, column: Column, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mistyped(column, value, "Edm.Decimal")
    _in_range(table, column, value)
    return round(float(value), column.precision)


def _date(_table: Table, column: Column, value: object) -> str:
    try:
        return datetime.date.fromisoformat(_matching(r"\d{4}-\d\d-\d\d", value)).isoformat()
    except ValueError:
        raise _mistyped(column, value, "Edm.Date") from None


def _date_time(_table: Table, column: Column, value: object) -> str:
    try:
        # Without a zone it is stored as UTC ("Behavior and format of the date and time column"), a date alone as its
        # midnight, which Microsoft's own client for Python relies on.
        shape = r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)?)?"
        given = datetime.datetime.fromisoformat(_matching(shape, value))
        moment = given.astimezone(datetime.UTC) if given.tzinfo else given.replace(tzinfo=datetime.UTC)
    except (ValueError, OverflowError):
        raise _mistyped(column, value, "Edm.DateTimeOffset") from None
    if column.behavior == "TimeZoneIndependent" and given.utcoffset():
        raise errors.unknown("a value with an offset in a column that is independent of time zones")
    if moment < _EARLIEST:
        raise ApiError(400, "0x80040239", "DateTime is less than minimum value supported by CrmDateTime.")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _matching(pattern: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise ValueError("not of this form")
    return value


def _guid(_table: Table, column: Column, value: object) -> str:
    try:
        return guid(value)
    except ValueError:
        raise _mistyped(column, value, "Edm.Guid") from None


_CHECKS: dict[Kind, Callable[[Table, Column, object], object]] = {
    Kind.KEY: _guid,
    Kind.GUID: _guid,
    Kind.TEXT: _text,
    Kind.MEMO: _text,
    Kind.CHOICE: _choice,
    Kind.STATE: _choice,
    Kind.STATUS: _choice,
    Kind.CHOICES: _choices,
    Kind.YES_NO: _yes_no,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _number,
    Kind.DOUBLE: _number,
    Kind.MONEY: _number,
    Kind.DATE: _date,
    Kind.DATE_TIME: _date_time,
}


def wire(column: Column, value: object) -> object:
    """Return the stored value as JSON of the Web API."""
    return bool(value) if column.kind is Kind.YES_NO and value is not None else value


def plain_number(value: object) -> str:
    """Return a number without exponent or trailing zeros: `1234.5`."""
    return format(Decimal(repr(value)).normalize(), "f")


def canonical(column: Column, row: Mapping[str, object]) -> str | None:
    """Return the canonical text that staging rows hold; None for empty."""
    value = row[column.name]
    if value is None:
        return None
    if column.kind is Kind.YES_NO:
        return "true" if value else "false"
    if column.kind in (Kind.DECIMAL, Kind.DOUBLE, Kind.MONEY):
        return plain_number(value)
    if column.kind is Kind.LOOKUP:
        target = row[column.type_column] if column.is_polymorphic else column.targets[0]
        return f"{target}:{value}"
    return str(value)


def formatted(column: Column, value: object, *, name: str | None = None, symbol: str = "€") -> str | None:
    """Return the FormattedValue annotation; `name` is the name of a lookup's row."""
    if value is None:
        return None
    if column.kind is Kind.LOOKUP:
        return name
    if column.options:
        return "; ".join(column.label_of(int(part)) for part in str(value).split(","))
    if column.kind is Kind.MONEY:
        return f"{symbol}{value:,.{column.precision}f}"
    return _formatted_plainly(column, value)


def _formatted_plainly(column: Column, value: object) -> str:
    if column.kind in (Kind.DECIMAL, Kind.DOUBLE):
        return f"{value:,.{column.precision}f}"
    if column.kind in (Kind.INTEGER, Kind.VERSION):
        return f"{value:,}"
    if column.kind is Kind.DATE:
        return _american_date(datetime.date.fromisoformat(str(value)))
    if column.kind is Kind.DATE_TIME:
        moment = datetime.datetime.fromisoformat(str(value))
        if column.date_format == "DateOnly":
            return _american_date(moment)
        half = "AM" if moment.hour < 12 else "PM"
        return f"{_american_date(moment)} {moment.hour % 12 or 12}:{moment:%M} {half}"
    return str(value)


def _american_date(day: datetime.date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def has_formatted_value(column: Column) -> bool:
    """Return whether a value has a FormattedValue annotation; text, keys and GUIDs have none."""
    return column.kind not in (Kind.TEXT, Kind.MEMO, Kind.KEY, Kind.GUID)


def stored_from_canonical(table: Table, column: Column, text: object) -> dict[str, object]:
    """Convert canonical text to the stored columns. Raises ApiError 400 when it does not fit the column."""
    if text is None:
        return {column.name: None, **({column.type_column: None} if column.is_polymorphic else {})}
    if column.kind is Kind.LOOKUP:
        target, _, row_id = str(text).partition(":")
        return {column.name: guid(row_id), **({column.type_column: target} if column.is_polymorphic else {})}
    return {column.name: checked(table, column, as_json(column, str(text)))}


def as_json(column: Column, text: str) -> object:
    if column.kind is Kind.YES_NO:
        return {"true": True, "false": False}.get(text, text)
    if column.kind in (Kind.INTEGER, Kind.CHOICE, Kind.STATE, Kind.STATUS):
        return int(text)
    return float(text) if column.kind in (Kind.DECIMAL, Kind.DOUBLE, Kind.MONEY) else text
