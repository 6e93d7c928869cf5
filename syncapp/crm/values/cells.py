"""Strict readers of single JSON values: a value of an unexpected type raises ProtocolError.

`Cells` reads rows of lists, in which one bad row must not stop the others. It keeps all readable values, and the
reason why the first unreadable one could not be read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.errors import ProtocolError
from syncapp.crm.staging.records import Unreadable
from syncapp.crm.values import canonical
from syncapp.text.ids import parse_uuid

_MAX_INTEGER = 2**63 - 1

Value = TypeVar("Value")
Record = TypeVar("Record")


class Cells:
    """The values of one row; one that cannot be read counts as empty, and `problem` keeps the first reason."""

    def __init__(self, row: odata.Row) -> None:
        self.row = row
        self.problem = ""

    def id(self, name: str) -> UUID:
        """Return the row's own id. Raises ProtocolError: without an id the row cannot be identified."""
        return guid(self.row, name)

    def text(self, name: str) -> str:
        return self.read(text, name, "")

    def optional_text(self, name: str) -> str | None:
        return self.read(optional_text, name, None)

    def integer(self, name: str, default: int = 0) -> int:
        return self.read(integer, name, default)

    def integer_or_zero(self, name: str) -> int:
        return self.read(integer_or_zero, name, 0)

    def flag(self, name: str) -> bool:
        return self.read(flag, name, False)

    def guid(self, name: str) -> UUID | None:
        """Return a GUID; an empty one is None."""
        return self.read(optional_guid, name, None)

    def moment(self, name: str) -> datetime | None:
        return self.read(moment, name, None)

    def etag(self) -> str:
        return self.read(lambda row, name: etag(row), "@odata.etag", "")

    def read(self, read_cell: Callable[[odata.Row, str], Value], name: str, default: Value) -> Value:
        """Return the cell, or `default` if it cannot be read."""
        try:
            return read_cell(self.row, name)
        except ProtocolError as error:
            self.problem = self.problem or error.message
            return default


def read_all(
    rows: Iterable[odata.Row], read: Callable[[odata.Row], Record]
) -> tuple[tuple[Record, ...], tuple[Unreadable, ...]]:
    """Read the rows of a list; return the rows without a readable id separately."""
    found: list[Record] = []
    unreadable: list[Unreadable] = []
    for row in rows:
        try:
            found.append(read(row))
        except ProtocolError as error:
            # The key by which the row is recognized when it is read again.
            content = json.dumps(row, default=str, sort_keys=True).encode("utf-8", "replace")
            unreadable.append(Unreadable(f"?{hashlib.sha256(content).hexdigest()[:16]}", error.message))
    return tuple(found), tuple(unreadable)


def text(row: odata.Row, name: str) -> str:
    """Return a text, '' when empty."""
    return optional_text(row, name) or ""


def optional_text(row: odata.Row, name: str) -> str | None:
    """Return a text, None when empty: the CRM does not distinguish between no value and an empty text."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise bad_value(name, value)
    return value or None


def integer(row: odata.Row, name: str) -> int:
    """Return a whole number that fits a database column."""
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MAX_INTEGER:
        raise bad_value(name, value)
    return value


def integer_or_zero(row: odata.Row, name: str) -> int:
    """Return a whole number, 0 when empty, for choices whose first value means "nothing yet"."""
    return 0 if row.get(name) is None else integer(row, name)


def flag(row: odata.Row, name: str) -> bool:
    """Return a boolean; empty is False."""
    value = row.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_value(name, value)
    return bool(value)


def guid(row: odata.Row, name: str) -> UUID:
    """Return a GUID that must not be empty."""
    found = optional_guid(row, name)
    if found is None:
        raise bad_value(name)
    return found


def optional_guid(row: odata.Row, name: str) -> UUID | None:
    """Return a GUID, None when empty."""
    value = row.get(name)
    found = parse_uuid(value)
    if value is not None and found is None:
        raise bad_value(name, value)
    return found


def moment(row: odata.Row, name: str) -> datetime | None:
    """Return a point in time in UTC, None when empty."""
    value = optional_text(row, name)
    try:
        return None if value is None else canonical.parse_date_time(value)
    except ValueError as error:
        raise bad_value(name, value) from error


def etag(row: odata.Row) -> str:
    """Return the row's ETag, which a write needs."""
    value = row.get("@odata.etag")
    try:
        return odata.require_etag(value if isinstance(value, str) else "")
    except ValueError as error:
        raise bad_value("@odata.etag", value) from error


def bad_value(name: str, value: object = None) -> ProtocolError:
    """Return the error for a value that cannot be read; it names the column and never repeats the value."""
    why = value.why if isinstance(value, odata.Unstorable) else "is not of its type"
    return ProtocolError(f"The CRM's value of {name} {why}.", code="value")
