"""Conversion of the SDK's SQL, `GET <set>?sql=SELECT ...`, to a query.

Microsoft does not document the dialect. This follows the Python SDK's statements about what works and what the server
rejects (`QueryOperations.sql` and the SDK's own SQL examples): one SELECT with columns and aggregates, inner and left
joins, WHERE, GROUP BY, ORDER BY, TOP and OFFSET. Everything else is a 400.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dataverse_sandbox.fetchxml.query import Attribute, Fetch, Filter, Link, Node, OrderBy, Test
from dataverse_sandbox.fetchxml.select_reader import Item, JoinedTable, Select, read
from dataverse_sandbox.fetchxml.sources import table_named
from dataverse_sandbox.fetchxml.tokens import Name, bad_sql


def parse(sql: str) -> Fetch:
    """Parse a SELECT into a query. Raises ApiError 400 for any other text."""
    select = read(sql)
    aggregate = bool(select.groups) or any(item.function for item in select.items)
    return _Maker(select, aggregate=aggregate).fetch()


class _Maker:
    """Converter of a SELECT: a query has columns and links below their tables."""

    def __init__(self, select: Select, *, aggregate: bool) -> None:
        self._select, self._aggregate = select, aggregate
        self._columns = {table.alias: table_named(table.table).by_name for table in select.tables}
        if len(self._columns) < len(select.tables):
            raise bad_sql("two tables have the same name; give them aliases.")

    def fetch(self) -> Fetch:
        select, first = self._select, self._select.tables[0]
        root = self._node(first)
        filters = (self._owned(select.where),) if select.where else ()
        return Fetch(
            root=replace(root, orders=tuple(self._orders()), filters=filters),
            root_alias=first.alias,
            aggregate=self._aggregate,
            distinct=select.distinct,
            limit=select.limit,
            skip=select.skip,
            flat_names=True,
        )

    def _node(self, table: JoinedTable) -> Node:
        return Node(
            table=table.table,
            attributes=tuple(self._attributes(table.alias)),
            links=tuple(self._link(other) for other in self._select.tables if self._hangs_below(other, table)),
        )

    def _hangs_below(self, other: JoinedTable, table: JoinedTable) -> bool:
        return other.there is not None and other.there.alias == table.alias

    def _link(self, table: JoinedTable) -> Link:
        there = table.there.column if table.there else ""
        return Link(self._node(table), here=table.here, there=there, alias=table.alias, kind=table.kind)

    def _owner(self, name: Name) -> str:
        """Return the alias of the table that a name belongs to."""
        if name.alias:
            if name.alias not in self._columns:
                raise bad_sql(f"there is no table '{name.alias}'.")
            return name.alias
        owners = [alias for alias, columns in self._columns.items() if name.column in columns]
        if len(owners) > 1:
            raise bad_sql(f"the column '{name.column}' is in several tables; give its alias.")
        return owners[0] if owners else self._select.tables[0].alias

    def _attributes(self, alias: str) -> Iterator[Attribute]:
        first = self._select.tables[0]
        for item in self._select.items:
            if item.name.column == "*":
                key = table_named(first.table).key.name
                if alias == first.alias:
                    yield Attribute(key, alias=_label(item), aggregate="count")
            elif self._owner(item.name) == alias:
                yield self._attribute(item)
        grouped = {(self._owner(item.name), item.name.column) for item in self._select.items if not item.function}
        for name in self._select.groups:
            if self._owner(name) == alias and (alias, name.column) not in grouped:
                yield Attribute(name.column, alias=f"group {alias}.{name.column}", groupby=True, is_returned=False)

    def _attribute(self, item: Item) -> Attribute:
        name = item.name.column
        if item.function:
            function = "countcolumn" if item.function == "count" else item.function
            return Attribute(name, alias=_label(item), aggregate=function, distinct=item.distinct)
        if not self._aggregate:
            return Attribute(name, alias=item.label)
        if not any(
            group.column == name and self._owner(group) == self._owner(item.name) for group in self._select.groups
        ):
            raise bad_sql(f"the column '{name}' is neither in GROUP BY nor inside an aggregate.")
        return Attribute(name, alias=item.label or name, groupby=True)

    def _orders(self) -> Iterator[OrderBy]:
        labels = {item.label or (item.name.column if self._aggregate else "") for item in self._select.items} - {""}
        for name, descending in self._select.orders:
            if not name.alias and name.column in labels:
                yield OrderBy(alias=name.column, descending=descending)
            elif self._aggregate:
                yield OrderBy(alias=self._grouped_as(name), descending=descending)
            else:
                yield OrderBy(name.column, entity=self._owner(name), descending=descending)

    def _grouped_as(self, name: Name) -> str:
        """Return the alias of a group."""
        wanted = (self._owner(name), name.column)
        for item in self._select.items:
            if not item.function and (self._owner(item.name), item.name.column) == wanted:
                return item.label or item.name.column
        return f"group {wanted[0]}.{wanted[1]}"

    def _owned(self, part: Filter) -> Filter:
        """Return the conditions, each with the table of its column."""
        parts: list[Test | Filter | Link] = []
        for one in part.parts:
            if isinstance(one, Filter):
                parts.append(self._owned(one))
            elif isinstance(one, Test):
                parts.append(replace(one, entity=self._owner(Name(one.name, one.entity))))
        return Filter(tuple(parts), any_of=part.any_of)


def _label(item: Item) -> str:
    if not item.label:
        raise bad_sql(f"{item.function.upper()} lacks an alias; the name that it would get is not documented.")
    return item.label
