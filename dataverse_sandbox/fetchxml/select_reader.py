"""Parser of the SDK's SQL into the parts of a SELECT (`selects` describes the dialect)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from dataverse_sandbox.fetchxml.parsing import MAX_LINKS
from dataverse_sandbox.fetchxml.query import Filter
from dataverse_sandbox.fetchxml.select_conditions import Conditions
from dataverse_sandbox.fetchxml.tokens import RESERVED, Name, Tokens, bad_sql, listed, read_name, tokens_of

MAX_TOP = 5_000
FUNCTIONS = ("count", "sum", "avg", "min", "max")


@dataclass(frozen=True)
class Item:
    """One entry of the SELECT list; `label` is the name after AS."""

    name: Name
    label: str = ""
    function: str = ""
    distinct: bool = False


@dataclass(frozen=True)
class JoinedTable:
    """A table of FROM or JOIN; a JOIN's condition compares its column `here` with the column `there`."""

    table: str
    alias: str
    kind: str = "inner"
    here: str = ""
    there: Name | None = None


@dataclass(frozen=True)
class Select:
    """The parts of one statement."""

    items: tuple[Item, ...]
    tables: tuple[JoinedTable, ...]
    where: Filter | None
    groups: tuple[Name, ...]
    orders: tuple[tuple[Name, bool], ...]
    distinct: bool
    limit: int | None
    skip: int


def read(sql: str) -> Select:
    """Read a SELECT. Raises ApiError 400 for any other text."""
    return _Reader(Tokens(tokens_of(sql))).select()


class _Reader:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def select(self) -> Select:
        tokens = self._tokens
        tokens.expect("select")
        distinct, top = tokens.take("distinct"), self._top()
        items = listed(tokens, self._item)
        tokens.expect("from")
        tables = [self._table("inner")]
        while (kind := self._join_kind()) is not None:
            tables.append(self._join(kind))
            if len(tables) > MAX_LINKS + 1:
                raise bad_sql(f"there are more than {MAX_LINKS} joins.")
        where = Conditions(tokens).read() if tokens.take("where") else None
        groups = listed(tokens, self._name) if tokens.take("group", "by") else ()
        orders = listed(tokens, self._order) if tokens.take("order", "by") else ()
        skip, count = self._offset()
        if tokens.next.kind != "end":
            raise bad_sql(f"'{tokens.next.value[:40]}' is not supported there.")
        return Select(items, tuple(tables), where, groups, orders, distinct, count if top is None else top, skip)

    def _top(self) -> int | None:
        if not self._tokens.take("top"):
            return None
        in_brackets = self._tokens.take("(")
        number = self._number()
        if in_brackets:
            self._tokens.expect(")")
        if number > MAX_TOP:
            raise bad_sql(f"TOP takes a number up to {MAX_TOP}.")
        return number

    def _number(self) -> int:
        text = self._tokens.pop("number").value
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise bad_sql(f"'{text[:20]}' is not a number of rows.")
        return int(text)

    def _offset(self) -> tuple[int, int | None]:
        tokens = self._tokens
        if not tokens.take("offset"):
            return 0, None
        skip = self._number()
        if not (tokens.take("rows") or tokens.take("row")):
            tokens.expect("rows")
        if not tokens.take("fetch", "next"):
            tokens.expect("fetch", "first")
        count = self._number()
        if not tokens.take("row"):
            tokens.expect("rows")
        tokens.expect("only")
        return skip, count

    def _item(self) -> Item:
        word = self._tokens.next.value
        if word in FUNCTIONS and self._tokens.take(word, "("):
            item = self._function(word)
        elif self._tokens.sees("*"):
            raise bad_sql("SELECT * is not supported; name the columns.")
        else:
            item = Item(self._name())
        return replace(item, label=self._alias())

    def _function(self, function: str) -> Item:
        distinct = self._tokens.take("distinct")
        name = Name("*") if function == "count" and self._tokens.take("*") else self._name()
        self._tokens.expect(")")
        return Item(name, function=function, distinct=distinct)

    def _alias(self) -> str:
        """Read an alias after an optional AS; a quoted text is an alias, too."""
        has_as = self._tokens.take("as")
        token = self._tokens.next
        if has_as or (token.kind == "word" and token.value not in RESERVED):
            return self._tokens.pop("word", "text").value
        return ""

    def _name(self) -> Name:
        return read_name(self._tokens)

    def _table(self, kind: str) -> JoinedTable:
        name = self._tokens.pop("word").value
        alias = self._alias() or name
        return JoinedTable(name, alias, kind)

    def _join_kind(self) -> str | None:
        tokens = self._tokens
        if tokens.take("inner", "join") or tokens.take("join"):
            return "inner"
        if tokens.take("left", "join") or tokens.take("left", "outer", "join"):
            return "outer"
        return None

    def _join(self, kind: str) -> JoinedTable:
        table = self._table(kind)
        self._tokens.expect("on")
        first = self._name()
        self._tokens.expect("=")
        second = self._name()
        here, there = (first, second) if first.alias == table.alias else (second, first)
        if here.alias != table.alias or not there.alias or there.alias == here.alias:
            raise bad_sql(f"the condition after ON does not join '{table.alias}' to another table.")
        return replace(table, here=here.column, there=there)

    def _order(self) -> tuple[Name, bool]:
        name = self._name()
        descending = self._tokens.take("desc")
        if not descending:
            self._tokens.take("asc")
        return name, descending
