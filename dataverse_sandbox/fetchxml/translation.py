"""Translation of a query to one SELECT over the store: joins, conditions, columns, groups and order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dataverse_sandbox import visibility
from dataverse_sandbox.catalog import Column, Kind
from dataverse_sandbox.conditions import Condition
from dataverse_sandbox.fetchxml import access, operators, outputs
from dataverse_sandbox.fetchxml.operators import Requester
from dataverse_sandbox.fetchxml.outputs import Output
from dataverse_sandbox.fetchxml.parsing import FIRST_MATCH, bad
from dataverse_sandbox.fetchxml.query import Fetch, Filter, Link, Node, OrderBy, Test
from dataverse_sandbox.fetchxml.sources import Scope, Source, collated, label
from dataverse_sandbox.rights import UNRESTRICTED, Rights

_JOIN_WORDS = {"inner": "INNER JOIN", "outer": "LEFT JOIN", FIRST_MATCH: "LEFT JOIN"}
# "all" finds parents that have related rows, none of which matches; "not all" is the same as "any".
_EXISTENCE = {"in": "any", "exists": "any", "any": "any", "not all": "any", "not any": "not any", "all": "all"}


@dataclass(frozen=True)
class Sort:
    """One term of the order; `column` is the one to name in a paging cookie."""

    sql: str
    descending: bool
    column: Column
    source: Source
    is_label: bool = False


@dataclass(frozen=True)
class Statement:
    """The parts of the SELECT. `one_each` means that each row of the first table appears at most once."""

    root: Source
    outputs: tuple[Output, ...]
    origin: Condition
    where: Condition
    groups: tuple[str, ...]
    sorts: tuple[Sort, ...]
    one_each: bool


def translate(fetch: Fetch, requester: Requester, rights: Rights = UNRESTRICTED) -> Statement:
    """Translate a query to SQL. Raises ApiError for unknown names and for tables that the caller may not read."""
    return _Translator(fetch, requester, rights).statement()


def joined(conditions: Sequence[Condition], word: str = " AND ") -> Condition:
    """Join conditions; none at all is true."""
    parameters = tuple(value for condition in conditions for value in condition.parameters)
    return Condition(word.join(condition.sql for condition in conditions) or "1", parameters)


class _Translator:
    def __init__(self, fetch: Fetch, requester: Requester, rights: Rights) -> None:
        self._fetch, self._asker, self._rights = fetch, requester, rights
        self._scope = Scope()
        self._joins: list[Condition] = []
        self._where: list[Condition] = []
        self._linked: list[tuple[Node, Source]] = []
        self._one_each = True

    def statement(self) -> Statement:
        fetch = self._fetch
        root = self._scope.add(fetch.root.table, fetch.root_alias)
        if not access.may_query_others(fetch, self._rights):
            self._where.append(self._seen(root))
        for link in fetch.root.links:
            self._join(self._scope, root, link, self._joins)
        self._where += [self._filter(self._scope, root, part) for part in fetch.root.filters]
        selected = tuple(self._outputs(root))
        tables = Condition(f"{root.table.name} AS {root.sql}")
        return Statement(
            root=root,
            outputs=selected,
            origin=joined([tables, *self._joins], " "),
            where=joined(self._where),
            groups=tuple(self._groups(root)),
            sorts=tuple(self._sorts(root, selected)),
            one_each=self._one_each,
        )

    def _join(self, scope: Scope, parent: Source, link: Link, joins: list[Condition]) -> None:
        if link.kind in _EXISTENCE:
            self._where.append(self._existence(scope, parent, link))
            return
        source = scope.add(link.node.table, link.alias)
        on = (self._first if link.kind == FIRST_MATCH else self._on)(scope, parent, source, link)
        joins.append(
            Condition(f"{_JOIN_WORDS[link.kind]} {source.table.name} AS {source.sql} ON {on.sql}", on.parameters)
        )
        self._linked.append((link.node, source))
        if link.here != source.table.key.name and link.kind != FIRST_MATCH:
            self._one_each = False
        for inner in link.node.links:
            self._join(scope, source, inner, joins)

    def _on(self, scope: Scope, parent: Source, source: Source, link: Link) -> Condition:
        here, there = source.column(link.here), parent.column(link.there)
        own = Condition(f"{collated(here, source.expression(here))} = {parent.expression(there)}")
        return joined([own, self._seen(source), *(self._filter(scope, source, part) for part in link.node.filters)])

    def _first(self, scope: Scope, parent: Source, source: Source, link: Link) -> Condition:
        """Select one matching row; Dataverse does not document which, here it has the smallest key."""
        sought, key = replace(source, sql=f"{source.sql}m"), source.table.key.name
        on = self._on(scope, parent, sought, link)
        rows = f"SELECT {sought.sql}.{key} FROM {source.table.name} AS {sought.sql} WHERE {on.sql} ORDER BY 1 LIMIT 1"  # noqa: S608 - catalog
        return Condition(f"{source.sql}.{key} = ({rows})", on.parameters)

    def _seen(self, source: Source) -> Condition:
        """Select the rows that the caller can see. Raises ApiError 403 without the read privilege."""
        self._rights.require(visibility.privilege("Read", source.table), source.table.name)
        return visibility.condition(source.table, source.sql, self._rights)

    def _existence(self, outer: Scope, parent: Source, link: Link) -> Condition:
        """Test whether related rows exist, without returning them."""
        kind = _EXISTENCE[link.kind]
        passing = self._exists(Scope(outer), parent, link)
        if kind == "any":
            return passing
        none_passes = Condition(f"NOT {passing.sql}", passing.parameters)
        if kind == "not any":
            return none_passes
        related = self._exists(Scope(outer), parent, replace(link, node=Node(link.node.table)))
        return joined([related, none_passes])

    def _exists(self, scope: Scope, parent: Source, link: Link) -> Condition:
        source = scope.add(link.node.table, link.alias)
        joins: list[Condition] = []
        for inner in link.node.links:
            self._join(scope, source, inner, joins)
        on = self._on(scope, parent, source, link)
        origin = joined([Condition(f"{source.table.name} AS {source.sql}"), *joins], " ")
        sql = f"EXISTS (SELECT 1 FROM {origin.sql} WHERE {on.sql})"  # noqa: S608 - names of the catalog
        return Condition(sql, origin.parameters + on.parameters)

    def _filter(self, scope: Scope, own: Source, part: Test | Filter | Link) -> Condition:
        if isinstance(part, Link):
            return self._existence(scope, own, part)
        if isinstance(part, Test):
            return self._test(scope, own, part)
        inner = [self._filter(scope, own, one) for one in part.parts]
        found = joined(inner, " OR " if part.any_of else " AND ")
        return Condition(f"({found.sql})", found.parameters)

    def _test(self, scope: Scope, own: Source, test: Test) -> Condition:
        """Translate one condition."""
        source = scope.named(test.entity) if test.entity else own
        column = source.column(test.name)
        expression = source.expression(column)
        if not test.other:
            return operators.condition(column, expression, test, self._asker)
        alias, _, name = test.other.rpartition(".")
        other = scope.named(alias) if alias else source
        return operators.same_row(column, expression, test, other.expression(other.column(name)))

    def _outputs(self, root: Source) -> Iterator[Output]:
        seen: set[str] = set()
        for node, source in [(self._fetch.root, root), *self._linked]:
            for attribute in outputs.attributes(self._fetch, node, source, is_root=source is root):
                output = outputs.output(self._fetch, source, attribute, is_root=source is root)
                if output.name not in seen:
                    seen.add(output.name)
                    yield output

    def _groups(self, root: Source) -> Iterator[str]:
        for node, source in [(self._fetch.root, root), *self._linked]:
            for attribute in node.attributes:
                if attribute.groupby:
                    column = source.column(attribute.name)
                    yield collated(column, outputs.grouped(source, column, attribute))

    def _sorts(self, root: Source, selected: tuple[Output, ...]) -> Iterator[Sort]:
        named = {output.name: output for output in selected}
        for node, source in [(self._fetch.root, root), *self._linked]:
            for order in node.orders:
                if order.alias:
                    yield _sort_by_output(order, named)
                else:
                    yield self._sort(self._scope.named(order.entity) if order.entity else source, order)

    def _sort(self, source: Source, order: OrderBy) -> Sort:
        """Sort lookups and choices by label ("Order rows using FetchXml")."""
        if self._fetch.aggregate:
            raise bad("An aggregate query is ordered by an alias.")
        column = source.column(order.name)
        expression = source.expression(column)
        by_label = column.kind is Kind.LOOKUP or bool(column.options and not self._fetch.raw_order)
        if by_label and column.kind is not Kind.CHOICES:
            return Sort(f"{label(source, column)} COLLATE CI_AI", order.descending, column, source, is_label=True)
        return Sort(collated(column, expression), order.descending, column, source)


def _sort_by_output(order: OrderBy, named: dict[str, Output]) -> Sort:
    output = named.get(order.alias)
    if output is None:
        raise bad(f"The query has no attribute with the alias '{order.alias}'.")
    return Sort(collated(output.column, output.sql), order.descending, output.column, output.source)
