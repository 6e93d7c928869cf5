"""`$expand`: related rows inside a row ("Join tables using OData").

Nested options are separated by semicolons: `$select`, `$filter`, `$orderby`, `$top`, `$expand`. Simplified: a
collection comes whole, up to 5,000 rows a parent, without a link to a next page.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from syncapp.sandbox import errors, filters, reading, visibility
from syncapp.sandbox.catalogue import BY_NAME, Column, ManyToMany, OneToMany, Table, current
from syncapp.sandbox.conditions import EVERYTHING, Condition, both
from syncapp.sandbox.messages import Request
from syncapp.sandbox.reading import Shape

MOST_ROWS = 5_000
DEEPEST = 5
_MOST_EXPANDED = 15
_CHUNK = 500
_NESTED = frozenset({"$select", "$filter", "$orderby", "$top", "$expand"})

Item = dict[str, object]
Rows = Sequence[sqlite3.Row | Mapping[str, object]]


@dataclass(frozen=True)
class Expansion:
    """One navigation property to be followed; `options` are those in its parentheses."""

    name: str
    options: Mapping[str, str]
    inner: tuple[Expansion, ...] = ()
    targets: tuple[Table, ...] = field(default=())


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that stand outside of parentheses and quotes; ApiError 400 when those are open."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif not quoted and depth == 0 and letter == separator:
            parts.append(text[start:place])
            start = place + 1
        if depth < 0:
            break
    if depth or quoted:
        raise errors.bad_query("The parentheses or quotes do not match.")
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def parse(table: Table, text: str, depth: int = 1) -> tuple[Expansion, ...]:
    """ApiError 400 when a name is no navigation property, 501 for what is not known in the parentheses."""
    parts = split(text, ",")
    if len(parts) > _MOST_EXPANDED or depth > DEEPEST:
        raise errors.bad_query(f"More than {_MOST_EXPANDED} $expand options, or more than {DEEPEST} levels of them.")
    return tuple(_one(table, part, depth) for part in parts)


def _one(table: Table, text: str, depth: int) -> Expansion:
    name, _, rest = text.partition("(")
    name = name.strip()
    if rest and not rest.endswith(")"):
        raise errors.bad_query("The parentheses in $expand do not match.")
    if "/" in name:
        raise errors.unknown(f"'{name[:80]}' in $expand")
    targets = _targets(table, name)
    options = dict(_option(part) for part in split(rest[:-1], ";")) if rest else {}
    inner = parse(targets[0], options.get("$expand", ""), depth + 1)
    return Expansion(name, options, inner, targets)


def _option(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if name.strip() not in _NESTED:
        raise errors.unknown(f"'{name.strip()[:40]}' in $expand")
    return name.strip(), value.strip()


def _targets(table: Table, name: str) -> tuple[Table, ...]:
    if name in table.navigations:
        return tuple(BY_NAME[target] for target in table.navigations[name][1])
    found = current().collections(table).get(name)
    if found is None:
        raise errors.no_such_property(name[:100], table.name)
    return (found.other if isinstance(found, ManyToMany) else found.referencing,)


def needed(table: Table, expanded: Iterable[Expansion]) -> tuple[Column, ...]:
    """The lookups that must be fetched although nobody selected them."""
    return tuple(table.navigations[part.name][0] for part in expanded if part.name in table.navigations)


def below(found: OneToMany | ManyToMany, row_id: str) -> tuple[Table, Condition]:
    """The rows of a collection under one row."""
    if isinstance(found, ManyToMany):
        pairs = f"SELECT {found.far} FROM {found.intersect.name} WHERE {found.near} = ?"  # noqa: S608 - catalogue
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
) -> None:
    """Put the related rows into the items; ApiError 403 when the caller may not read their table."""
    follow = _Follow(connection, request)
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

    def single(self, table: Table, rows: Rows, items: list[Item], part: Expansion) -> None:
        column = table.navigations[part.name][0]
        found: dict[tuple[str, str], Item] = {}
        for target in part.targets:
            ids = {str(row[column.name]) for row in rows if _leads_to(column, row, target)}
            found |= {(target.name, row_id): item for row_id, item in self._by_id(target, sorted(ids), part).items()}
        for row, item in zip(rows, items, strict=True):
            kind = str(row[column.type_column]) if column.is_polymorphic else column.targets[0]
            item[part.name] = found.get((kind, str(row[column.name])))

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
            target, where = below(found, str(row[table.key.name]))
            item[part.name] = self._rows(target, where, part)

    def _rows(self, target: Table, where: Condition, part: Expansion, *, limited: bool = True) -> list[Item]:
        options, rights = part.options, self.request.rights
        columns = reading.selected(target, options.get("$select"))
        shape = Shape(target, columns, self.request.annotations, needed(target, part.inner))
        text = options.get("$filter")
        own = filters.condition(target, text, rights=rights, parameters=self.request.parameters) if text else EVERYTHING
        wanted = both(where, own, visibility.condition(target, target.name, rights))
        limit = _limit(options) if limited else MOST_ROWS
        statement = (
            f"SELECT {shape.sql_columns} FROM {target.name} WHERE {wanted.sql} "  # noqa: S608 - names of the catalogue
            f"ORDER BY {_order(target, options, self.request)} LIMIT {limit}"
        )
        rows = self.connection.execute(statement, wanted.parameters).fetchall()
        items = [shape.render(row) for row in rows]
        attach(self.connection, self.request, target, rows, items, part.inner)
        return items


def _leads_to(column: Column, row: sqlite3.Row | Mapping[str, object], target: Table) -> bool:
    if row[column.name] is None:
        return False
    return not column.is_polymorphic or row[column.type_column] == target.name


def _limit(options: Mapping[str, str]) -> int:
    text = options.get("$top", str(MOST_ROWS))
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise errors.bad_query(f"'{text[:20]}' is not a number of rows.")
    return min(int(text), MOST_ROWS)


def _order(target: Table, options: Mapping[str, str], request: Request) -> str:
    found = filters.orders(target, options.get("$orderby", ""), rights=request.rights)
    return ", ".join([*(part.term for part in found), f"{target.name}.{target.key.name}"])
