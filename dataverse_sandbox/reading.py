"""Rendering of rows as JSON of the Web API: selected columns, ETag and requested annotations."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from dataverse_sandbox import errors, values
from dataverse_sandbox.catalog import AUDIT, CURRENCY, Column, Kind, Table
from dataverse_sandbox.fetchxml.sources import lookup_name
from dataverse_sandbox.messages import wants
from dataverse_sandbox.operands import column_of
from dataverse_sandbox.operations import etag

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"


def selected(table: Table, select: str | None) -> tuple[Column, ...]:
    """Return the columns of `$select`, always with the key, and money with its currency ("Select columns")."""
    if not select or not select.strip(", ") or select.strip() == "*":
        return table.readable
    selected_columns = [column_of(table, name.strip()) for name in select.split(",") if name.strip()]
    currency = table.by_name.get(CURRENCY.key.name)
    if currency is not None and any(column.kind is Kind.MONEY for column in selected_columns):
        selected_columns.append(currency)
    return tuple(dict.fromkeys([*selected_columns, table.key]))


@lru_cache(maxsize=512)
def _plan(columns: tuple[Column, ...]) -> tuple[tuple[Column, str, str, bool], ...]:
    """Return the rendering steps per column, computed once for all rows."""
    return tuple((column, column.name, column.wire_name, column.kind is Kind.YES_NO) for column in columns)


@dataclass(frozen=True)
class Shape:
    """The form of the rows of one answer; `annotations` are the patterns of odata.include-annotations.

    `fetched` are lookups that are read but not returned.
    """

    table: Table
    columns: tuple[Column, ...]
    annotations: tuple[str, ...] = ()
    fetched: tuple[Column, ...] = ()

    def _wants(self, annotation: str) -> bool:
        return wants(self.annotations, annotation)

    @cached_property
    def formatted(self) -> bool:
        return self._wants(FORMATTED)

    @cached_property
    def sql_columns(self) -> str:
        """Return the SELECT list, including names of lookups when labels are wanted."""
        names = dict.fromkeys([self.table.key.name, "versionnumber"])
        for column in (*self.columns, *self.fetched):
            names[column.name] = None
            if column.is_polymorphic:
                names[column.type_column] = None
        parts = [f"{self.table.name}.{name}" for name in names]
        if self.formatted:
            parts += [self._name_of(column) for column in self.columns if column.kind is Kind.LOOKUP]
        return ", ".join(parts)

    def _name_of(self, column: Column) -> str:
        found = lookup_name(column, f"{self.table.name}.{column.name}", f"{self.table.name}.{column.type_column}")
        return f"{found} AS {column.name}_name"

    @cached_property
    def _annotated(self) -> tuple[bool, bool]:
        return self._wants(LOOKUP_TABLE), self._wants(NAVIGATION)

    def render(self, row: sqlite3.Row | Mapping[str, object]) -> dict[str, object]:
        """Return one row as JSON."""
        item: dict[str, object] = {"@odata.etag": etag(row)}  # type: ignore[arg-type]  # sqlite3.Row has no Mapping type
        for column, name, wire_name, is_yes_no in _plan(self.columns):
            value = row[name]
            if self.annotations and value is not None:
                item |= self._annotations(column, value, row)
            item[wire_name] = bool(value) if is_yes_no and value is not None else value
        return item

    def _annotations(self, column: Column, value: object, row: sqlite3.Row | Mapping[str, object]) -> dict[str, object]:
        wire = column.wire_name
        found: dict[str, object] = {}
        if self.formatted and values.has_formatted_value(column):
            name = row[f"{column.name}_name"] if column.kind is Kind.LOOKUP else None
            text = values.formatted(column, value, name=name)  # type: ignore[arg-type]  # a name column holds text
            if text is not None:
                found[f"{wire}@{FORMATTED}"] = text
        if column.kind is Kind.LOOKUP:
            target = str(row[column.type_column]) if column.is_polymorphic else column.targets[0]
            wants_table, wants_navigation = self._annotated
            found |= {f"{wire}@{LOOKUP_TABLE}": target} if wants_table else {}
            # Audit entries have none ("Retrieve the history of audited data changes").
            has_navigation = not column.is_mirror and self.table.name != AUDIT.name
            found |= {f"{wire}@{NAVIGATION}": column.navigation(target)} if wants_navigation and has_navigation else {}
        return found


def fetch(connection: sqlite3.Connection, shape: Shape, row_id: str) -> sqlite3.Row:
    """Return one row by its key. Raises ApiError 404 when it does not exist."""
    table = shape.table
    statement = f"SELECT {shape.sql_columns} FROM {table.name} WHERE {table.key.name} = ?"  # noqa: S608 - catalog
    row: sqlite3.Row | None = connection.execute(statement, (row_id,)).fetchone()
    if row is None:
        raise errors.does_not_exist(table.name, row_id)
    return row
