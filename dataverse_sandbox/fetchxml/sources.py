"""Resolution of a query's names to tables, columns and SQL expressions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from dataverse_sandbox import catalog
from dataverse_sandbox.catalog import Column, Kind, Table
from dataverse_sandbox.fetchxml.parsing import bad

NO_ENTITY = "0x80041102"
NO_ATTRIBUTE = "0x80041103"
TEXT_KINDS = frozenset({Kind.TEXT, Kind.MEMO})
ID_KINDS = frozenset({Kind.KEY, Kind.GUID, Kind.LOOKUP})


@dataclass(frozen=True)
class Source:
    """A table of the statement under its SQL name; `alias` is its name in the query."""

    table: Table
    sql: str
    alias: str

    def column(self, name: str) -> Column:
        """Return a column. Raises ApiError 400 when the table has none of that name."""
        column = self.table.by_name.get(name)
        if column is None or not column.readable:
            raise bad(
                f"'{self.table.name}' entity doesn't contain attribute with Name = '{name}' and "
                "NameMapping = 'Logical'.",
                NO_ATTRIBUTE,
            )
        return column

    def expression(self, column: Column) -> str:
        return f"{self.sql}.{column.name}"


def table_named(name: str) -> Table:
    """Return a table by name. Raises ApiError 400 when there is none."""
    table = catalog.BY_NAME.get(name)
    if table is None:
        raise bad(f"The entity with a name = '{name}' with namemapping = 'Logical' was not found.", NO_ENTITY)
    return table


class Scope:
    """The sources that a condition can name; inside an EXISTS also the outer ones."""

    def __init__(self, outer: Scope | None = None) -> None:
        self._numbers: Iterator[int] = outer._numbers if outer else itertools.count()
        self._sources: dict[str, Source] = dict(outer._sources) if outer else {}

    def add(self, table_name: str, alias: str) -> Source:
        source = Source(table_named(table_name), f"t{next(self._numbers)}", alias)
        self._sources[alias] = source
        return source

    def named(self, word: str) -> Source:
        """Return a source by alias, or by table name if no alias matches."""
        found = self._sources.get(word)
        if found is None:
            found = next((source for source in self._sources.values() if source.table.name == word), None)
        if found is None:
            raise bad(f"The query has no entity or link-entity '{word}'.")
        return found


def quoted(text: str) -> str:
    """Return a text literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def label(source: Source, column: Column) -> str:
    """Return the SQL for a value's label: a lookup's primary name, a choice's label."""
    value = source.expression(column)
    if column.kind is Kind.LOOKUP:
        return lookup_name(column, value, f"{source.sql}.{column.type_column}")
    arms = " ".join(f"WHEN {option.value} THEN {quoted(option.label)}" for option in column.options)
    return f"CASE {value} {arms} END"


def lookup_name(column: Column, value: str, table: str) -> str:
    """Return the SQL for the primary name of a lookup's row; `table` is SQL for its table's name."""
    if not column.is_polymorphic:
        return f"({_primary_name(column.targets[0], value)})"
    arms = " ".join(f"WHEN '{name}' THEN ({_primary_name(name, value)})" for name in column.targets)
    return f"CASE {table} {arms} END"


def _primary_name(table_name: str, value: str) -> str:
    target = catalog.BY_NAME[table_name]
    return f"SELECT p.{target.primary_name} FROM {table_name} p WHERE p.{target.key.name} = {value}"  # noqa: S608 - catalog


def collated(column: Column, expression: str) -> str:
    """Return the expression, collated to ignore case if it is text, as in Dataverse's default collation."""
    return f"{expression} COLLATE CI_AI" if column.kind in TEXT_KINDS else expression
