"""Readers of JSON values: a column, its raw value and the whole row become canonical text.

Each raises ValueError when the value is not of its type.
"""

from __future__ import annotations

import json
from decimal import Decimal

from syncapp.crm import odata
from syncapp.crm.staging.records import Column
from syncapp.crm.values import canonical


def read_text(column: Column, raw: object, row: odata.Row) -> str:
    """Return a text as it is."""
    if not isinstance(raw, str):
        raise ValueError("not a text")
    return raw


def read_whole_number(column: Column, raw: object, row: odata.Row) -> str:
    """Read a whole number of 64 bits: an integer or the value of an option."""
    # In Python a bool is an int; in the CRM it is another type.
    if not isinstance(raw, int) or isinstance(raw, bool) or abs(raw) >= 2**63:
        raise ValueError("not a whole number")
    return str(raw)


def read_choices(column: Column, raw: object, row: odata.Row) -> str:
    """Read option values, which the Web API sends as one text separated by commas."""
    return canonical.choices_text(canonical.parse_choices(read_text(column, raw, row)))


def read_yes_no(column: Column, raw: object, row: odata.Row) -> str:
    """Read a boolean."""
    if not isinstance(raw, bool):
        raise ValueError("not yes or no")
    return str(raw).lower()


def read_number(column: Column, raw: object, row: odata.Row) -> str:
    """Read a number with or without decimal places."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise ValueError("not a number")
    return canonical.plain(Decimal(str(raw)))


def read_date(column: Column, raw: object, row: odata.Row) -> str:
    """Read a date."""
    # A service between the CRM and us may convert the value and append midnight.
    return canonical.parse_date(read_text(column, raw, row).removesuffix("T00:00:00Z")).isoformat()


def read_date_time(column: Column, raw: object, row: odata.Row) -> str:
    """Read a date and time with a zone."""
    return canonical.instant_text(canonical.parse_date_time(read_text(column, raw, row)))


def read_lookup(column: Column, raw: object, row: odata.Row) -> str:
    """Read a row's id; its table is in an annotation, or is the only one that the column can point to."""
    table = row.get(f"_{column.name}_value{odata.LOOKUP_TABLE}")
    if table is None and len(column.targets) == 1:
        table = column.targets[0]
    if not isinstance(table, str):
        raise ValueError("a reference to an unknown table")
    target, row_id = canonical.parse_lookup(f"{table}:{raw}")
    return f"{target}:{row_id}"


def read_other(column: Column, raw: object, row: odata.Row) -> str:
    """Return a value of an unknown type as it is, or as JSON."""
    return raw if isinstance(raw, str) else json.dumps(raw, default=str, ensure_ascii=False, sort_keys=True)
