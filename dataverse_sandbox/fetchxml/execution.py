"""Execution of a translated query: a page of rows, whether more follow, and the total."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from dataverse_sandbox.catalog import Kind
from dataverse_sandbox.conditions import Condition
from dataverse_sandbox.fetchxml.cookies import Mark
from dataverse_sandbox.fetchxml.outputs import Output
from dataverse_sandbox.fetchxml.parsing import MAX_PAGE_SIZE, bad
from dataverse_sandbox.fetchxml.query import Fetch
from dataverse_sandbox.fetchxml.sources import collated, label
from dataverse_sandbox.fetchxml.translation import Sort, Statement

MAX_WITHOUT_COOKIE = 50_000
TOO_MANY_TO_AGGREGATE = "0x8004E023"


@dataclass(frozen=True)
class Position:
    """The beginning of a page: after a row with these sort values, and `skip` more rows."""

    after: tuple[object, ...] | None = None
    skip: int = 0


@dataclass(frozen=True)
class Page:
    """The rows of a page, without the extra one that shows whether `more` follow."""

    rows: list[sqlite3.Row]
    more: bool


class Runner:
    """One statement on one snapshot."""

    def __init__(self, connection: sqlite3.Connection, fetch: Fetch, statement: Statement, *, labels: bool) -> None:
        self._connection, self._fetch, self._statement = connection, fetch, statement
        self._labels = labels

    @property
    def keeps_place(self) -> bool:
        """Return whether a page's last row determines the next page; otherwise pages use offsets."""
        own = all(sort.source is self._statement.root for sort in self._statement.sorts)
        return own and self._statement.one_each and not (self._fetch.distinct or self._fetch.aggregate)

    @property
    def sorts(self) -> tuple[Sort, ...]:
        """Return the order, ending with the key so that no two rows tie."""
        statement, root = self._statement, self._statement.root
        if not self.keeps_place or any(sort.column is root.table.key for sort in statement.sorts):
            return statement.sorts
        return (*statement.sorts, Sort(root.expression(root.table.key), False, root.table.key, root))

    @property
    def marks(self) -> tuple[Mark, ...]:
        return tuple(Mark(sort.column, sort.is_label) for sort in self.sorts)

    def place(self, row: sqlite3.Row) -> list[object]:
        """Return the row's values of the order."""
        return [row[f"o{index}"] for index in range(len(self.sorts))]

    def page(self, position: Position, size: int) -> Page:
        self._refuse_too_many()
        where = self._statement.where
        beyond = _beyond(self.sorts, position.after) if position.after is not None else Condition("1")
        sql = (
            f"SELECT {'DISTINCT ' if self._fetch.distinct else ''}{', '.join(self._columns())} "  # noqa: S608 - catalog
            f"FROM {self._statement.origin.sql} WHERE ({where.sql}) AND {beyond.sql}"
            f"{self._grouping()}{_ordering(self.sorts)} LIMIT ? OFFSET ?"
        )
        parameters = (*self._statement.origin.parameters, *where.parameters, *beyond.parameters)
        rows = self._connection.execute(sql, (*parameters, size + 1, position.skip)).fetchall()
        return Page(rows[:size], len(rows) > size)

    def count(self) -> int:
        """Count all rows of the query up to 5,000, and whether there are more."""
        distinct = "DISTINCT " if self._fetch.distinct else ""
        return self._counted(f"SELECT {distinct}{', '.join(self._columns())}", self._grouping(), MAX_PAGE_SIZE + 1)

    def _counted(self, select: str, grouping: str, limit: int) -> int:
        origin, where = self._statement.origin, self._statement.where
        inner = f"{select} FROM {origin.sql} WHERE {where.sql}{grouping} LIMIT {limit}"
        found = self._connection.execute(f"SELECT count(*) FROM ({inner})", origin.parameters + where.parameters)  # noqa: S608 - as above
        return int(found.fetchone()[0])

    def _refuse_too_many(self) -> None:
        limit = self._fetch.aggregate_limit
        if self._fetch.aggregate and self._counted("SELECT 1", "", limit + 1) > limit:
            raise bad("AggregateQueryRecordLimit exceeded. Cannot perform this operation.", TOO_MANY_TO_AGGREGATE)

    def _columns(self) -> list[str]:
        found: list[str] = []
        for index, output in enumerate(self._statement.outputs):
            found += _output_columns(index, output, labels=self._labels, distinct=self._fetch.distinct)
        if not (self._fetch.aggregate or self._fetch.distinct):
            found.append(f"{self._statement.root.sql}.versionnumber AS versionnumber")
        if self.keeps_place:
            found += [f"{sort.sql} AS o{index}" for index, sort in enumerate(self.sorts)]
        return found or ["1"]

    def _grouping(self) -> str:
        return f" GROUP BY {', '.join(self._statement.groups)}" if self._statement.groups else ""


def _output_columns(index: int, output: Output, *, labels: bool, distinct: bool) -> list[str]:
    """Return a column's output: value, target table if there are several, and name for labels."""
    column = output.column
    found = [f"{collated(column, output.sql) if distinct else output.sql} AS c{index}"]
    if column.kind is Kind.LOOKUP and not output.counts:
        target = f"{output.source.sql}.{column.type_column}" if column.is_polymorphic else f"'{column.targets[0]}'"
        found.append(f"{target} AS y{index}")
        if labels:
            found.append(f"{label(output.source, column)} AS n{index}")
    return found


def _ordering(sorts: Sequence[Sort]) -> str:
    terms = [f"{sort.sql} {'DESC' if sort.descending else 'ASC'}" for sort in sorts]
    return f" ORDER BY {', '.join(terms)}" if terms else ""


def _beyond(sorts: Sequence[Sort], after: Sequence[object]) -> Condition:
    """Select rows that sort after the given values: equal in the first n terms and beyond in the next."""
    arms: list[str] = []
    parameters: list[object] = []
    for index, sort in enumerate(sorts):
        equal = [f"{earlier.sql} IS ?" for earlier in sorts[:index]]
        arms.append(" AND ".join([*equal, _follows(sort, after[index])]))
        parameters += after[:index] if after[index] is None else after[: index + 1]
    return Condition("(" + " OR ".join(arms) + ")", tuple(parameters))


def _follows(sort: Sort, value: object) -> str:
    if value is None:
        return "0" if sort.descending else f"{sort.sql} IS NOT NULL"
    return f"({sort.sql} < ? OR {sort.sql} IS NULL)" if sort.descending else f"{sort.sql} > ?"
