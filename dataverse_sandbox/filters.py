"""Translation of `$filter` and `$orderby` to SQL over the catalog's columns ("Filter rows using OData").

See `texts` for the comparison of texts. Syntax that Dataverse does not support either, such as arithmetic or
`year(...)`, is refused with 501, like every function unknown to the sandbox.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from dataverse_sandbox import errors, odata, query_functions, texts, visibility
from dataverse_sandbox.catalog import BY_NAME, Column, Kind, ManyToMany, Table, current
from dataverse_sandbox.conditions import Condition, both, joined
from dataverse_sandbox.fetchxml.sources import lookup_name
from dataverse_sandbox.operands import ID_KINDS, TEXT_KINDS, Operand, column_of, literal, unicode_text
from dataverse_sandbox.rights import UNRESTRICTED, Rights

__all__ = ["Condition", "Operand", "Order", "Scope", "column_of", "condition", "orders"]

MAX_ORDERS = 50
_OPERATORS: Mapping[str, str] = {"eq": "IS", "ne": "IS NOT", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


@dataclass(frozen=True)
class Order:
    """One column of `$orderby`; `sql` is the sorted expression, for a lookup the name of its row."""

    column: Column
    descending: bool
    path: str = ""
    sql: str = ""

    @property
    def is_plain(self) -> bool:
        """Return whether the expression is a value of the row itself."""
        return "/" not in self.path and self.column.kind is not Kind.LOOKUP

    @property
    def alias(self) -> str:
        """Return the name under which the value is read for the paging cookie."""
        return self.column.name if self.is_plain else f"order_{self.path.replace('/', '_')}"

    @property
    def collated(self) -> str:
        """Return the expression, collated to ignore case if it is text, see `texts`."""
        is_text = self.column.kind in TEXT_KINDS or self.column.kind is Kind.LOOKUP
        return f"{self.sql} COLLATE CI_AI" if is_text else self.sql

    @property
    def term(self) -> str:
        """Return the term for ORDER BY."""
        return f"{self.collated} {'DESC' if self.descending else 'ASC'}"


@dataclass(frozen=True)
class Scope:
    """The start of a path: a table under an alias, the variables of enclosing lambdas, and the caller."""

    table: Table
    alias: str
    rights: Rights = UNRESTRICTED
    parameters: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Scope] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def inside(self, table: Table, prefix: str) -> Scope:
        return replace(self, table=table, alias=f"{prefix}{next(self.numbers)}")

    def operand(self, path: odata.Path) -> Operand:
        """Return the column at the end of a path. Raises ApiError 400 when there is none."""
        first, *rest = path.names
        if first in self.variables:
            if not rest:
                raise errors.bad_query(f"'{first}' is not a value.")
            return self.variables[first].operand(odata.Path(tuple(rest)))
        if not rest:
            column = column_of(self.table, first)
            return Operand(f"{self.alias}.{column.name}", column)
        return self._through(first, odata.Path(tuple(rest)))

    def _through(self, navigation: str, rest: odata.Path) -> Operand:
        """Return the value in a lookup's row, as in `parentcustomerid_account/name`."""
        if navigation not in self.table.navigations:
            raise errors.no_such_property(navigation, self.table.name)
        column, targets = self.table.navigations[navigation]
        if len(targets) > 1:
            raise errors.unknown(f"a path through '{navigation}', which leads to several tables")
        inner = self.inside(BY_NAME[targets[0]], "n")
        found = inner.operand(rest)
        link = f"{inner.alias}.{inner.table.key.name} = {self.alias}.{column.name}"
        if column.is_polymorphic:
            link += f" AND {self.alias}.{column.type_column} = '{targets[0]}'"
        statement = f"(SELECT {found.sql} FROM {inner.table.name} {inner.alias} WHERE {link})"  # noqa: S608 - catalog
        return replace(found, sql=statement)

    def collection(self, path: odata.Path) -> tuple[Scope, str]:
        """Return the scope of a collection-valued path, and the FROM and WHERE that link its rows to this row."""
        if path.names and path.names[0] in self.variables:
            return self.variables[path.names[0]].collection(odata.Path(path.names[1:]))
        if path.names and path.names[0] in self.table.navigations:
            raise errors.unknown(f"'{path.text[:80]}', nor does Dataverse: a collection behind a lookup")
        found = current().collections(self.table).get(path.text)
        if found is None:
            raise errors.no_such_property(path.text, self.table.name)
        key = f"{self.alias}.{self.table.key.name}"
        if isinstance(found, ManyToMany):
            inner = self.inside(found.other, "r")
            pair = f"p{next(self.numbers)}"
            joined_by = f"{pair}.{found.far} = {inner.alias}.{found.other.key.name}"
            tables = f"{found.intersect.name} {pair} JOIN {found.other.name} {inner.alias} ON {joined_by}"
            return inner, f"{tables} WHERE {pair}.{found.near} = {key}"
        inner = self.inside(found.referencing, "r")
        link = f"{inner.alias}.{found.column.name} = {key}"
        if found.column.is_polymorphic:
            link += f" AND {inner.alias}.{found.column.type_column} = '{self.table.name}'"
        return inner, f"{found.referencing.name} {inner.alias} WHERE {link}"


def condition(
    table: Table, text: str, *, rights: Rights = UNRESTRICTED, parameters: Mapping[str, str] | None = None
) -> Condition:
    """Return the SQL of a `$filter` over a table without an alias; `parameters` are the `@name` options."""
    return translated(Scope(table, table.name, rights, parameters or {}), odata.parse(text))


def translated(scope: Scope, node: odata.Node) -> Condition:
    match node:
        case odata.Logic():
            return joined(node.word.upper(), (translated(scope, part) for part in node.parts))
        case odata.Not():
            inner = translated(scope, node.inner)
            return Condition(f"NOT ({inner.sql})", inner.parameters)
        case odata.Compare():
            return _comparison(scope, node)
        case odata.Call() if node.name in _TEXT_FUNCTIONS:
            return _text_function(scope, node)
        case odata.Call():
            return query_functions.condition(scope, node)
        case odata.Lambda():
            return _lambda(scope, node)
        case odata.Arithmetic():
            raise errors.unknown("arithmetic in $filter")
        case _:
            raise errors.bad_query("A condition in $filter must be true or false.")


def _comparison(scope: Scope, node: odata.Compare) -> Condition:
    if node.word == "in":
        raise errors.not_implemented("the operator 'in'; there is the function Microsoft.Dynamics.CRM.In")
    left, right = _resolved(scope, node.left), _resolved(scope, node.right)
    if isinstance(left, odata.Literal) and not isinstance(right, odata.Literal):
        mirrored = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
        return _comparison(scope, odata.Compare(mirrored.get(node.word, node.word), right, left))
    operand = _operand(scope, left)
    if isinstance(right, odata.Path):
        return _columns(operand, node.word, scope.operand(right))
    value = literal(scope.table, operand.column, right)
    return Condition(f"{operand.compared} {_OPERATORS[node.word]} ?", (*operand.parameters, value))


def _columns(left: Operand, word: str, right: Operand) -> Condition:
    """Compare two columns of the same kind."""
    kinds = {left.column.kind, right.column.kind}
    if len(kinds) > 1 and not (kinds <= TEXT_KINDS or kinds <= ID_KINDS):
        raise errors.bad_query(f"'{left.column.name}' and '{right.column.name}' are of different types.")
    return Condition(f"{left.compared} {_OPERATORS[word]} {right.sql}", left.parameters + right.parameters)


def _resolved(scope: Scope, node: odata.Node) -> odata.Node:
    return odata.resolved(node, scope.parameters)


def _operand(scope: Scope, node: odata.Node) -> Operand:
    if isinstance(node, odata.Path):
        return scope.operand(node)
    if isinstance(node, odata.Literal):
        raise errors.bad_query("A comparison needs a column.")
    if isinstance(node, odata.Call):
        raise errors.function_not_supported(node.name[:80])
    raise errors.unknown(f"{type(node).__name__} on the left of a comparison in $filter")


def _lambda(scope: Scope, node: odata.Lambda) -> Condition:
    inner, link = scope.collection(node.path)
    scope.rights.require(visibility.privilege("Read", inner.table), inner.table.name)
    visible = visibility.condition(inner.table, inner.alias, scope.rights)
    if node.body is None:
        return Condition(f"EXISTS (SELECT 1 FROM {link} AND {visible.sql})", visible.parameters)  # noqa: S608 - catalog
    if node.variable in scope.variables:
        raise errors.bad_query(f"'{node.variable}' is the variable of two lambdas.")
    body = translated(replace(inner, variables={**scope.variables, node.variable: inner}), node.body)
    wanted = body if node.word == "any" else Condition(f"({body.sql}) IS NOT 1", body.parameters)
    found = both(visible, wanted)
    word = "EXISTS" if node.word == "any" else "NOT EXISTS"
    return Condition(f"{word} (SELECT 1 FROM {link} AND {found.sql})", found.parameters)  # noqa: S608 - catalog


# All three interpret wildcards ("Use wildcard characters in conditions for string values").
_TEXT_FUNCTIONS: Mapping[str, str] = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}


def _text_function(scope: Scope, node: odata.Call) -> Condition:
    if len(node.arguments) != 2 or node.named:
        raise errors.bad_query(f"'{node.name}' takes two arguments.")
    operand, sought = _operand(scope, node.arguments[0]), _resolved(scope, node.arguments[1])
    if operand.column.kind not in TEXT_KINDS or not isinstance(sought, odata.Literal) or sought.kind != "text":
        raise errors.bad_query(f"'{node.name}' takes a text column and a text.")
    found = texts.like(operand.sql, _TEXT_FUNCTIONS[node.name].format(unicode_text(sought.value)))
    return Condition(found.sql, (*operand.parameters, *found.parameters))


def orders(
    table: Table, text: str, *, rights: Rights = UNRESTRICTED, parameters: Mapping[str, str] | None = None
) -> tuple[Order, ...]:
    """Parse `name desc,createdon`; lookups sort by name, choices by number ("Order rows using OData")."""
    scope = Scope(table, table.name, rights, parameters or {})
    parts = [part.split() for part in text.split(",") if part.strip()]
    if len(parts) > MAX_ORDERS:
        raise errors.bad_query(f"$orderby names more than {MAX_ORDERS} columns.")
    return tuple(_order(scope, words) for words in parts)


def _order(scope: Scope, words: list[str]) -> Order:
    if len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
        raise errors.bad_query(f"Syntax error in $orderby: '{' '.join(words)[:100]}'.")
    node = _resolved(scope, odata.parse(words[0]))
    if not isinstance(node, odata.Path):
        raise errors.unknown(f"'{words[0][:80]}' in $orderby")
    operand = scope.operand(node)
    sql = _name_of(scope, node, operand) if operand.column.kind is Kind.LOOKUP else operand.sql
    return Order(operand.column, words[-1] == "desc", node.text, sql)


def _name_of(scope: Scope, path: odata.Path, lookup: Operand) -> str:
    if len(path.names) > 1 and lookup.column.is_polymorphic:
        raise errors.unknown(f"'{path.text[:80]}' in $orderby, which leads to several tables")
    return lookup_name(lookup.column, lookup.sql, f"{scope.alias}.{lookup.column.type_column}")
