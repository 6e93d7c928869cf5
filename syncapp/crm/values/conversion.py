"""Canonical text: one written form for every value of a CRM column, and back again.

    text, memo         as it is                       choice             3
    yes/no             true, false                    several choices    1,3
    numbers            1234.5                         lookup             account:GUID (lower case)
    date               2026-11-20                     date and time      2026-11-20T09:30:00Z

None means empty; the CRM makes no difference between empty text and no value, nor do we. Values
are compared by type (`same`), never as loose strings, and a label is never written back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from syncapp.crm import odata
from syncapp.crm.errors import ProtocolError
from syncapp.crm.staging.records import Column, ColumnType, Navigation
from syncapp.crm.values import canonical
from syncapp.crm.values.limits import check, decimals

__all__ = ["check", "is_rounded", "same", "to_canonical", "to_wire", "wire_name"]


_ROUNDED = (ColumnType.MONEY, ColumnType.DECIMAL, ColumnType.FLOAT)
_CURRENCY_DECIMALS = 2


def wire_name(column: Column) -> str:
    """The name under which a read returns the column ("Select columns": lookups have their own form)."""
    return f"_{column.name}_value" if column.type is ColumnType.LOOKUP else column.name


def to_canonical(column: Column, raw: object, row: Mapping[str, Any]) -> str | None:
    """Canonical text of the JSON value `raw` found in `row`; ProtocolError when it is not of the type."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, odata.Unstorable):
        raise ProtocolError(f"The CRM's value of {column.table}.{column.name} {raw.why}.", code="value")
    try:
        return _READERS[column.type](column, raw, row)
    except ValueError as error:
        message = f"The CRM's value of {column.table}.{column.name} is not a {column.type}."
        raise ProtocolError(message, code="value") from error


def to_wire(column: Column, text: str | None) -> dict[str, object]:
    """The JSON body entries that write `text` into `column`.

    Raises ValueError when the text cannot be written in the column's type. Whether the CRM would
    take the value (length, options) is the question that `check` answers.
    """
    if column.type is ColumnType.OTHER:
        raise ValueError(f"{column.name} is of a type that cannot be written.")
    if column.type is ColumnType.LOOKUP:
        return _bind(column, text)
    if text is None or text == "":
        return {column.name: None}
    parsed = canonical.parse(column.type, text)
    return {column.name: _WRITERS.get(column.type, _as_parsed)(parsed)}


def same(column_type: ColumnType, a: str | None, b: str | None) -> bool:
    """Whether two canonical texts mean the same value; texts that are none are compared as they stand."""
    return canonical.key(column_type, a) == canonical.key(column_type, b)


def is_rounded(column: Column, sent: str | None, held: str | None) -> bool:
    """Return whether `held` is what the CRM keeps of `sent`: fewer decimals, or no fraction of a second."""
    if not sent or not held or same(column.type, sent, held):
        return False
    try:
        if column.type is ColumnType.DATE_TIME:
            given, kept = (canonical.parse_date_time(text) for text in (sent, held))
            return given.replace(microsecond=0) == kept
        return column.type in _ROUNDED and _is_rounded_number(column, Decimal(sent), Decimal(held))
    except (ValueError, ArithmeticError):
        return False


def _is_rounded_number(column: Column, sent: Decimal, held: Decimal) -> bool:
    # A currency's own precision is not in the definitions; two decimals are what nearly all of them have.
    precision = _CURRENCY_DECIMALS if column.precision is None else column.precision
    fits = decimals(held) <= precision < decimals(sent)
    return fits and abs(sent - held) <= Decimal(5).scaleb(-precision - 1)


def _read_text(column: Column, raw: object, row: Mapping[str, Any]) -> str:
    return raw if isinstance(raw, str) else canonical.refuse("not a text")


def _read_whole(column: Column, raw: object, row: Mapping[str, Any]) -> str:
    # bool is an int to Python and a different type to the CRM.
    if not isinstance(raw, int) or isinstance(raw, bool) or abs(raw) >= 2**63:
        raise ValueError("not a whole number")
    return str(raw)


def _read_choices(column: Column, raw: object, row: Mapping[str, Any]) -> str:
    return canonical.choices_text(canonical.parse_choices(_read_text(column, raw, row)))


def _read_yes_no(column: Column, raw: object, row: Mapping[str, Any]) -> str:
    return str(raw).lower() if isinstance(raw, bool) else canonical.refuse("not yes or no")


def _read_number(column: Column, raw: object, row: Mapping[str, Any]) -> str:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise ValueError("not a number")
    return canonical.plain(Decimal(str(raw)))


def _read_date(column: Column, raw: object, row: Mapping[str, Any]) -> str:
    # A service that converts on the way may attach midnight.
    return canonical.parse_date(_read_text(column, raw, row).removesuffix("T00:00:00Z")).isoformat()


def _read_date_time(column: Column, raw: object, row: Mapping[str, Any]) -> str:
    return canonical.instant_text(canonical.parse_date_time(_read_text(column, raw, row)))


def _read_lookup(column: Column, raw: object, row: Mapping[str, Any]) -> str:
    table = row.get(wire_name(column) + odata.LOOKUP_TABLE)
    if table is None and len(column.targets) == 1:
        table = column.targets[0]
    if not isinstance(table, str):
        raise ValueError("a reference to an unknown table")
    target, row_id = canonical.parse_lookup(f"{table}:{raw}")
    return f"{target}:{row_id}"


def _read_other(column: Column, raw: object, row: Mapping[str, Any]) -> str:
    return raw if isinstance(raw, str) else json.dumps(raw, default=str, ensure_ascii=False, sort_keys=True)


_READERS: Mapping[ColumnType, Callable[[Column, object, Mapping[str, Any]], str]] = {
    ColumnType.TEXT: _read_text,
    ColumnType.MEMO: _read_text,
    ColumnType.CHOICE: _read_whole,
    ColumnType.CHOICES: _read_choices,
    ColumnType.YES_NO: _read_yes_no,
    ColumnType.INTEGER: _read_whole,
    ColumnType.DECIMAL: _read_number,
    ColumnType.MONEY: _read_number,
    ColumnType.FLOAT: _read_number,
    ColumnType.DATE: _read_date,
    ColumnType.DATE_TIME: _read_date_time,
    ColumnType.LOOKUP: _read_lookup,
    ColumnType.OTHER: _read_other,
}


def _as_parsed(parsed: object) -> object:
    return parsed


_WRITERS: Mapping[ColumnType, Callable[[Any], object]] = {
    ColumnType.CHOICES: canonical.choices_text,
    ColumnType.DATE: date.isoformat,
    ColumnType.DATE_TIME: canonical.instant_text,
    ColumnType.FLOAT: lambda number: Decimal(repr(number)),
}


def _bind(column: Column, text: str | None) -> dict[str, object]:
    # A lookup is written through its navigation property, also when it is emptied ("Associate and
    # disassociate table rows using the Web API").
    if text is None or text == "":
        return {f"{_cleared_through(column).property}@odata.bind": None}
    target, row_id = canonical.parse_lookup(text)
    navigation = _navigation(column, target)
    return {f"{navigation.property}@odata.bind": f"/{navigation.set_name}({row_id})"}


def _cleared_through(column: Column) -> Navigation:
    # All properties of a lookup to several tables are views of one column; emptying any empties it.
    if column.navigation:
        return column.navigation[0]
    return _navigation(column, column.targets[0] if column.targets else "")


def _navigation(column: Column, target: str) -> Navigation:
    for known in column.navigation:
        if known.target == target:
            return known
    # The CRM's usual naming. An owner is one property whatever it points at.
    several = len(column.targets) > 1 and column.name != "ownerid"
    name = f"{column.name}_{target}" if several else column.name
    return Navigation(target, name, odata.set_name(target) if target else "")
