"""SQL expressions for columns, and the literals to compare with them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from dataverse_sandbox import errors, odata, values
from dataverse_sandbox.catalog import Column, Kind, Table
from dataverse_sandbox.conditions import Parameters

TEXT_KINDS = frozenset({Kind.TEXT, Kind.MEMO})
ID_KINDS = frozenset({Kind.KEY, Kind.GUID, Kind.LOOKUP})
_MAX_NUMBER = 2**63 - 1


@dataclass(frozen=True)
class Operand:
    """An SQL expression with its column."""

    sql: str
    column: Column
    parameters: Parameters = ()

    @property
    def compared(self) -> str:
        return f"{self.sql} COLLATE CI_AI" if self.column.kind in TEXT_KINDS else self.sql


def unicode_text(value: object) -> str:
    """Return a text that SQLite can hold. Raises ApiError 400 for half a surrogate pair."""
    text = str(value)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise errors.bad_query("The text is not Unicode.")
    return text


def column_of(table: Table, name: str) -> Column:
    column = table.by_wire_name.get(name)
    if column is None or not column.readable:
        raise errors.no_such_property(name[:100], table.name)
    return column


def literal(table: Table, column: Column, node: odata.Node) -> object:
    """Convert a literal to the column's stored form. Raises ApiError 400 when it is of another type."""
    if isinstance(node, odata.Literal):
        if node.kind == "null":
            return None
        if node.kind in LITERAL_KINDS.get(column.kind, ()):
            return stored(column, node)
    operand_text = str(node.value) if isinstance(node, odata.Literal) else type(node).__name__
    raise errors.incompatible(f"'{table.name}.{column.name}' and '{ascii(operand_text)[1:60]}'")


def stored(column: Column, node: odata.Literal) -> object:
    """Return the value as SQLite holds it. Raises ApiError 400 when it is out of range."""
    if node.kind == "text":
        return _text(column, unicode_text(node.value))
    if node.kind == "guid":
        return str(node.value).lower()
    if node.kind in ("date", "datetime"):
        return _moment(column, str(node.value))
    if isinstance(node.value, int) and abs(node.value) > _MAX_NUMBER:
        raise errors.bad_query(f"The number {str(node.value)[:40]} is too large.")
    return int(node.value) if isinstance(node.value, bool) else node.value


def _text(column: Column, text: str) -> str:
    form = values.guid if column.kind in ID_KINDS else values.choices_text if column.kind is Kind.CHOICES else str
    try:
        return form(text)
    except ValueError:
        raise errors.incompatible(f"'{column.name}' and '{ascii(text)[1:60]}'") from None


def _moment(column: Column, text: str) -> str:
    try:
        if column.kind is Kind.DATE:
            return datetime.date.fromisoformat(text[:10]).isoformat()
        value = datetime.datetime.fromisoformat(text)
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return values.bound(aware)
    except (ValueError, OverflowError):
        raise errors.bad_query(f"'{text[:40]}' is not a moment.") from None


_NUMBER = ("int", "decimal")
LITERAL_KINDS: Mapping[Kind, tuple[str, ...]] = {
    **dict.fromkeys(ID_KINDS, ("guid", "text")),
    Kind.TEXT: ("text",),
    Kind.MEMO: ("text",),
    Kind.CHOICES: ("text",),
    Kind.YES_NO: ("bool",),
    Kind.CHOICE: ("int",),
    Kind.STATE: ("int",),
    Kind.STATUS: ("int",),
    Kind.INTEGER: ("int",),
    Kind.VERSION: ("int",),
    Kind.DECIMAL: _NUMBER,
    Kind.DOUBLE: _NUMBER,
    Kind.MONEY: _NUMBER,
    Kind.DATE: ("date",),
    Kind.DATE_TIME: ("date", "datetime"),
}
