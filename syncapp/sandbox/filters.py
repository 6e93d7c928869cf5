"""`$filter` and `$orderby`: parsed by the grammar of odata-query, translated to SQL over the catalogue's columns.

Text compares without regard to case, as Dataverse's default collation does. Functions and operators that are not
listed here are refused with 501.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from syncapp.sandbox import errors
from syncapp.sandbox.catalogue import Column, Kind, Table

Parameters = tuple[object, ...]


@dataclass(frozen=True)
class Condition:
    """A piece of SQL with its parameters, over one table named in FROM."""

    sql: str
    parameters: Parameters = ()


@dataclass(frozen=True)
class Order:
    column: Column
    descending: bool


@lru_cache(maxsize=512)
def parse(text: str) -> ast._Node:
    """The syntax tree; ApiError 400 when it is not OData."""
    try:
        tree: ast._Node = ODataParser().parse(ODataLexer().tokenize(text))
    except ODataException as error:
        raise errors.bad_query(f"Syntax error in $filter: {str(error)[:200]}") from None
    return tree


def condition(table: Table, text: str) -> Condition:
    return _Translator(table).translate(parse(text))


def orders(table: Table, text: str) -> tuple[Order, ...]:
    """`name desc,createdon` to columns; only plain columns."""
    return tuple(_order(table, part.split()) for part in text.split(",") if part.strip())


def _order(table: Table, words: list[str]) -> Order:
    if len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
        raise errors.bad_query(f"Syntax error in $orderby: '{' '.join(words)}'.")
    return Order(column_of(table, words[0]), words[-1] == "desc")


def column_of(table: Table, name: str) -> Column:
    column = table.by_wire_name.get(name)
    if column is None:
        raise errors.no_such_property(name, table.name)
    return column


def identifier(node: ast.Identifier) -> str:
    return ".".join((*node.namespace, node.name))


_COMPARATORS: dict[type, str] = {
    ast.Eq: "IS",
    ast.NotEq: "IS NOT",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
# The pattern for instr and substr: ? is the text sought, twice where its length matters.
_TEXT_FUNCTIONS = {
    "contains": "instr(lower({0}), lower(?)) > 0",
    "startswith": "substr(lower({0}), 1, length(?)) = lower(?)",
    "endswith": "substr(lower({0}), -length(?)) = lower(?)",
}
_TEXT_KINDS = frozenset({Kind.TEXT, Kind.MEMO})
_ID_KINDS = frozenset({Kind.KEY, Kind.GUID, Kind.LOOKUP})


class _Translator:
    """One `$filter` over one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._handlers: dict[type, Callable[..., Condition]] = {
            ast.BoolOp: self._bool_op,
            ast.UnaryOp: self._unary_op,
            ast.Compare: self._compare,
            ast.Call: self._call,
        }

    def translate(self, node: ast._Node) -> Condition:
        handler = self._handlers.get(type(node))
        if handler is None:
            raise errors.unknown(f"'{type(node).__name__}' as a condition in $filter")
        return handler(node)

    def _bool_op(self, node: ast.BoolOp) -> Condition:
        left, right = self.translate(node.left), self.translate(node.right)
        word = "AND" if isinstance(node.op, ast.And) else "OR"
        return Condition(f"({left.sql} {word} {right.sql})", left.parameters + right.parameters)

    def _unary_op(self, node: ast.UnaryOp) -> Condition:
        if not isinstance(node.op, ast.Not):
            raise errors.unknown("arithmetic in $filter")
        inner = self.translate(node.operand)
        return Condition(f"NOT ({inner.sql})", inner.parameters)

    def _compare(self, node: ast.Compare) -> Condition:
        column = self._column(node.left)
        if isinstance(node.comparator, ast.In):
            return self._is_in(column, node.right)
        value = _literal(self._table, column, node.right)
        return Condition(f"{_compared(column)} {_COMPARATORS[type(node.comparator)]} ?", (value,))

    def _is_in(self, column: Column, node: ast._Node) -> Condition:
        items = node.val if isinstance(node, ast.List) else [node]
        found = tuple(_literal(self._table, column, item) for item in items)
        return Condition(f"{_compared(column)} IN ({', '.join('?' * len(found))})", found)

    def _call(self, node: ast.Call) -> Condition:
        name = identifier(node.func)
        if name not in _TEXT_FUNCTIONS or len(node.args) != 2:
            raise errors.unknown(f"the function '{name}' in $filter")
        column, sought = self._column(node.args[0]), node.args[1]
        if column.kind not in _TEXT_KINDS or not isinstance(sought, ast.String):
            raise errors.bad_query(f"'{name}' takes a text column and a text.")
        pattern = _TEXT_FUNCTIONS[name]
        return Condition(pattern.format(column.name), (sought.val,) * pattern.count("?"))

    def _column(self, node: ast._Node) -> Column:
        if isinstance(node, ast.Identifier):
            return column_of(self._table, identifier(node))
        raise errors.unknown(f"'{type(node).__name__}' on the left of a comparison in $filter")


def _compared(column: Column) -> str:
    return f"{column.name} COLLATE NOCASE" if column.kind in _TEXT_KINDS else column.name


def _literal(table: Table, column: Column, node: ast._Node) -> object:
    """A literal in the column's stored form; 400 when it is of another type."""
    if isinstance(node, ast.Null):
        return None
    if column.kind in _ID_KINDS and isinstance(node, ast.GUID | ast.String):
        return str(node.val).lower()
    if column.kind is Kind.DATE_TIME and isinstance(node, ast.DateTime | ast.Date):
        return _moment(node)
    wanted = _LITERALS.get(column.kind, ())
    if isinstance(node, wanted):
        return int(node.py_val) if column.kind is Kind.YES_NO else _plain(node)
    shown = str(getattr(node, "val", type(node).__name__))[:60]
    raise errors.bad_query(
        f"A binary operator with incompatible types was detected: '{table.name}.{column.name}' and '{shown}'."
    )


def _plain(node: ast._Literal) -> object:
    value = node.py_val
    return value.isoformat() if isinstance(value, datetime.date) else value


def _moment(node: ast.DateTime | ast.Date) -> str:
    value = node.py_val
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    return aware.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_NUMBER_LITERALS: tuple[type[ast._Literal], ...] = (ast.Integer, ast.Float)
_LITERALS: dict[Kind, tuple[type[ast._Literal], ...]] = {
    Kind.TEXT: (ast.String,),
    Kind.MEMO: (ast.String,),
    Kind.CHOICES: (ast.String,),
    Kind.YES_NO: (ast.Boolean,),
    Kind.CHOICE: (ast.Integer,),
    Kind.STATE: (ast.Integer,),
    Kind.STATUS: (ast.Integer,),
    Kind.INTEGER: (ast.Integer,),
    Kind.VERSION: (ast.Integer,),
    Kind.DECIMAL: _NUMBER_LITERALS,
    Kind.DOUBLE: _NUMBER_LITERALS,
    Kind.MONEY: _NUMBER_LITERALS,
    Kind.DATE: (ast.Date,),
}
