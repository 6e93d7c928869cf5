"""Conversion of values by the table of column types: from the CRM's JSON to canonical text, and back.

None means empty; like the CRM, we do not distinguish between empty text and no value. Values are compared by type
(`same`), never as plain strings, and a label is never written back.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from syncapp.crm import odata
from syncapp.crm.errors import ProtocolError
from syncapp.crm.staging.records import Column, ColumnType, Navigation
from syncapp.crm.values import canonical
from syncapp.crm.values.column_types import RULES


def wire_name(column: Column) -> str:
    """Return the name under which a read returns the column; that of a lookup is `_name_value`."""
    return RULES[column.type].wire_name.format(column.name)


def to_canonical(column: Column, raw: object, row: odata.Row) -> str | None:
    """Return the canonical text of the JSON value `raw` in `row`. Raises ProtocolError if it is of another type."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, odata.Unstorable):
        raise ProtocolError(f"The CRM's value of {column.table}.{column.name} {raw.why}.", code="value")
    try:
        return RULES[column.type].read(column, raw, row)
    except ValueError as error:
        message = f"The CRM's value of {column.table}.{column.name} is not a {column.type}."
        raise ProtocolError(message, code="value") from error


def to_wire(column: Column, text: str | None) -> dict[str, object]:
    """Return the JSON body entries that write `text` into `column`.

    Raises ValueError when the text cannot be written in the column's type. `check` says whether the CRM accepts
    the value (length, options).
    """
    rules = RULES[column.type]
    if not rules.is_writable:
        raise ValueError(f"{column.name} is of a type that cannot be written.")
    if column.type is ColumnType.LOOKUP:
        # A lookup is set and cleared through its navigation property ("Associate and disassociate table rows using the
        # Web API").
        if text:
            target, row_id = canonical.parse_lookup(text)
            navigation = _navigation(column, target)
            return {f"{navigation.property}@odata.bind": f"/{navigation.set_name}({row_id})"}
        # All properties of a lookup to several tables share one column, so clearing any of them clears it.
        first = column.navigation[0] if column.navigation else _navigation(column, next(iter(column.targets), ""))
        return {f"{first.property}@odata.bind": None}
    return {column.name: rules.to_json(rules.parse(text)) if text else None}


def parse(column_type: ColumnType, text: str) -> Any:
    """Return the Python value of `text`, which is not empty. Raises ValueError when it is not of the type."""
    return RULES[column_type].parse(text)


def comparison_key(column_type: ColumnType, text: str | None) -> Hashable:
    """Return a key that all texts of one value share; None for empty, the text itself if it is not of the type."""
    if not text:
        return None
    try:
        return (True, parse(column_type, text))
    except ValueError:
        return (False, text)


def same(column_type: ColumnType, a: str | None, b: str | None) -> bool:
    """Return whether two canonical texts mean the same value; texts of another type are compared as they are."""
    return comparison_key(column_type, a) == comparison_key(column_type, b)


def check(column: Column, text: str | None, *, exactly: bool = False) -> str | None:
    """Return why `text` cannot become the column's value, in words for a reviewer; None when it can.

    `exactly` refuses a value with more decimal places than the column keeps, which the CRM would round.
    """
    rules = RULES[column.type]
    if not column.writable or not rules.is_writable:
        return "This field cannot be written."
    if not text:
        return None
    try:
        parsed = rules.parse(text)
    except ValueError:
        return rules.message
    return rules.check(column, parsed) or (rules.check_exactly(column, text) if exactly else None)


def is_rounded(column: Column, sent: str | None, held: str | None) -> bool:
    """Return whether `held` is `sent` rounded to the column's decimal places, or without its fraction of a second."""
    if not sent or not held or same(column.type, sent, held):
        return False
    try:
        return RULES[column.type].is_rounded(column, sent, held)
    except (ValueError, ArithmeticError):
        return False


def _navigation(column: Column, target: str) -> Navigation:
    for known in column.navigation:
        if known.target == target:
            return known
    # The CRM's usual naming. An owner has one property for all targets.
    several = len(column.targets) > 1 and column.name != "ownerid"
    name = f"{column.name}_{target}" if several else column.name
    return Navigation(target, name, odata.entity_set_name(target) if target else "")
