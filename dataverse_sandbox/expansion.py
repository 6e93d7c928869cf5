"""`$expand`: related rows inside a row ("Join tables using OData").

A collection is returned whole, up to 5,000 rows per parent, and its link returns the same rows again. Inside another
`$expand` the page size applies to each collection, and the link of a full page leads to the next.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from dataverse_sandbox import errors, filters, reading, skiptoken, visibility
from dataverse_sandbox.catalog import AUDIT, BY_NAME, Column, ManyToMany, OneToMany, Table, current
from dataverse_sandbox.conditions import EVERYTHING, Condition, both
from dataverse_sandbox.expansion_syntax import Expansion, is_nested
from dataverse_sandbox.messages import Request
from dataverse_sandbox.reading import Shape

MAX_ROWS = 5_000
_CHUNK = 500

Item = dict[str, object]
Rows = Sequence[sqlite3.Row | Mapping[str, object]]


def shape(table: Table, select: str | None, request: Request, expanded: Sequence[Expansion]) -> Shape:
    """Return the properties that rows show, and the lookups that must be read for them."""
    single = [part for part in expanded if part.name in table.navigations]
    fetched = tuple(table.navigations[part.name][0] for part in single)
    referenced = (table.navigations[part.name][0] for part in single if part.only_reference)
    columns = dict.fromkeys((*reading.selected(table, select), *referenced))
    return Shape(table, tuple(columns), request.annotations, fetched)


def below(found: OneToMany | ManyToMany, row_id: str) -> tuple[Table, Condition]:
    """Return the table and the condition for the rows of a collection under one row."""
    if isinstance(found, ManyToMany):
        pairs = f"SELECT {found.far} FROM {found.intersect.name} WHERE {found.near} = ?"  # noqa: S608 - catalog
        key = f"{found.other.name}.{found.other.key.name}"
        return found.other, Condition(f"{key} IN ({pairs})", (row_id,))
    column = f"{found.referencing.name}.{found.column.name}"
    if not found.column.is_polymorphic:
        return found.referencing, Condition(f"{column} = ?", (row_id,))
    kind = f"{found.referencing.name}.{found.column.type_column}"
    return found.referencing, Condition(f"({column} = ? AND {kind} = ?)", (row_id, found.referenced.name))


def attach(
    connection: sqlite3.Connection,
    request: Request,
    table: Table,
    rows: Rows,
    items: list[Item],
    expanded: tuple[Expansion, ...],
    *,
    nested: bool = False,
) -> None:
    """Put the related rows into the items. Raises ApiError 403 when the caller may not read their table."""
    follow = _Follow(connection, request, nested or is_nested(expanded))
    for part in expanded:
        for target in part.targets:
            request.rights.require(visibility.privilege("Read", target), target.name)
        if part.name in table.navigations:
            follow.single(table, rows, items, part)
        else:
            follow.collection(table, rows, items, part)


@dataclass(frozen=True)
class _Follow:
    connection: sqlite3.Connection
    request: Request
    nested: bool

    def single(self, table: Table, rows: Rows, items: list[Item], part: Expansion) -> None:
        column = table.navigations[part.name][0]
        found: dict[tuple[str, str], Item] = {}
        for target in part.targets:
            ids = {str(row[column.name]) for row in rows if _leads_to(column, row, target)}
            found |= {(target.name, row_id): item for row_id, item in self._by_id(target, sorted(ids), part).items()}
        for row, item in zip(rows, items, strict=True):
            kind = str(row[column.type_column]) if column.is_polymorphic else column.targets[0]
            # The users of audit entries are null there ("Retrieve the history of audited data changes").
            related = found.get((kind, str(row[column.name]))) if table.name != AUDIT.name else None
            address = f"{self.request.base_url}{BY_NAME[kind].set_name}({row[column.name]})" if related else ""
            item[part.name] = {"@odata.id": address} if related and part.only_reference else related

    def _by_id(self, target: Table, ids: list[str], part: Expansion) -> dict[str, Item]:
        found: dict[str, Item] = {}
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            places = ", ".join("?" * len(chunk))
            where = Condition(f"{target.name}.{target.key.name} IN ({places})", tuple(chunk))
            for item in self._rows(target, where, part, limited=False):
                found[str(item[target.key.name])] = item
        return found

    def collection(self, table: Table, rows: Rows, items: list[Item], part: Expansion) -> None:
        found = current().collections(table)[part.name]
        for row, item in zip(rows, items, strict=True):
            row_id = str(row[table.key.name])
            target, where = below(found, row_id)
            related = self._rows(target, where, part)
            item[part.name] = related
            cookie = self._cookie(target, related)
            item[f"{part.name}@odata.nextLink"] = self._link(f"{table.set_name}({row_id})/{part.name}", part, cookie)

    @property
    def _page(self) -> int | None:
        """Return the page size of a collection, or None for all rows."""
        sized = "odata.maxpagesize" in self.request.preferences
        return skiptoken.page_size(self.request) if self.nested and sized else None

    def _cookie(self, target: Table, related: list[Item]) -> str:
        """Return the position after a full page; '' when the collection is complete."""
        if self._page is None or len(related) < self._page:
            return ""
        return skiptoken.write_cookie(2, [related[-1][target.key.name]])

    def _link(self, path: str, part: Expansion, cookie: str) -> str:
        """Return the link to the collection as a list, with the options of the parentheses."""
        options = {**part.options, **({"$skiptoken": cookie} if cookie else {})}
        query = urlencode(options, quote_via=quote, safe="$,()/'=;")
        return f"{self.request.base_url}{path}{'?' if query else ''}{query}"

    def _rows(self, target: Table, where: Condition, part: Expansion, *, limited: bool = True) -> list[Item]:
        options, rights = part.options, self.request.rights
        rows_shape = shape(target, options.get("$select"), self.request, part.inner)
        text = options.get("$filter")
        own = filters.condition(target, text, rights=rights, parameters=self.request.parameters) if text else EVERYTHING
        wanted = both(where, own, visibility.condition(target, target.name, rights))
        limit = (self._page or _limit(options)) if limited else MAX_ROWS
        statement = (
            f"SELECT {rows_shape.sql_columns} FROM {target.name} WHERE {wanted.sql} "  # noqa: S608 - names of the catalog
            f"ORDER BY {_order(target, options, self.request)} LIMIT {limit}"
        )
        rows = self.connection.execute(statement, wanted.parameters).fetchall()
        items = [rows_shape.render(row) for row in rows]
        attach(self.connection, self.request, target, rows, items, part.inner, nested=self.nested)
        return items


def _leads_to(column: Column, row: sqlite3.Row | Mapping[str, object], target: Table) -> bool:
    if row[column.name] is None:
        return False
    return not column.is_polymorphic or row[column.type_column] == target.name


def _limit(options: Mapping[str, str]) -> int:
    text = options.get("$top", str(MAX_ROWS))
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise errors.bad_query(f"'{text[:20]}' is not a number of rows.")
    return min(int(text), MAX_ROWS)


def _order(target: Table, options: Mapping[str, str], request: Request) -> str:
    found = filters.orders(target, options.get("$orderby", ""), rights=request.rights)
    return ", ".join([*(part.term for part in found), f"{target.name}.{target.key.name}"])
