"""Reading a SELECT of the SDK's SQL into its parts (`selects` says which dialect that is)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from syncapp.sandbox.fetchxml.parsing import DEEPEST_FILTER, MOST_CONDITIONS, MOST_LINKS, MOST_VALUES
from syncapp.sandbox.fetchxml.query import Filter, Test
from syncapp.sandbox.fetchxml.tokens import Tokens, bad_sql, tokens_of

LARGEST_TOP = 5_000
FUNCTIONS = ("count", "sum", "avg", "min", "max")
_COMPARISONS = {"=": "eq", "<>": "ne", "!=": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le"}
_RESERVED = frozenset({"select", "from", "where", "join", "inner", "left", "outer", "right", "full", "cross", "on"})
_RESERVED |= frozenset({"group", "order", "by", "offset", "having", "union", "as", "and", "or", "not", "is", "in"})
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Name:
    """`alias.column`, or a column alone; the column of COUNT(*) is '*'."""

    column: str
    alias: str = ""


@dataclass(frozen=True)
class Item:
    """One entry of the SELECT list; `label` is what follows AS."""

    name: Name
    label: str = ""
    function: str = ""
    distinct: bool = False


@dataclass(frozen=True)
class Joined:
    """A table of FROM or JOIN. A joined one has its own column and the other side of the equation."""

    table: str
    alias: str
    kind: str = "inner"
    here: str = ""
    there: Name | None = None


@dataclass(frozen=True)
class Select:
    """The parts of one statement."""

    items: tuple[Item, ...]
    tables: tuple[Joined, ...]
    where: Filter | None
    groups: tuple[Name, ...]
    orders: tuple[tuple[Name, bool], ...]
    distinct: bool
    limit: int | None
    skip: int


def read(sql: str) -> Select:
    """ApiError 400 for whatever is not such a SELECT."""
    return _Reader(Tokens(tokens_of(sql))).select()


class _Reader:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._depth = self._conditions = 0

    def select(self) -> Select:
        tokens = self._tokens
        tokens.expect("select")
        distinct, top = tokens.take("distinct"), self._top()
        items = self._listed(self._item)
        tokens.expect("from")
        tables = [self._table("inner")]
        while (kind := self._join_kind()) is not None:
            tables.append(self._join(kind))
            if len(tables) > MOST_LINKS + 1:
                raise bad_sql(f"there are more than {MOST_LINKS} joins.")
        where = self._condition() if tokens.take("where") else None
        groups = self._listed(self._name) if tokens.take("group", "by") else ()
        orders = self._listed(self._order) if tokens.take("order", "by") else ()
        skip, count = self._offset()
        if tokens.next.kind != "end":
            raise bad_sql(f"'{tokens.next.value[:40]}' is not supported there.")
        return Select(items, tuple(tables), where, groups, orders, distinct, count if top is None else top, skip)

    def _listed(self, read_one: Callable[[], Thing]) -> tuple[Thing, ...]:
        found = [read_one()]
        while self._tokens.take(","):
            found.append(read_one())
        return tuple(found)

    def _top(self) -> int | None:
        if not self._tokens.take("top"):
            return None
        in_brackets = self._tokens.take("(")
        number = self._number()
        if in_brackets:
            self._tokens.expect(")")
        if number > LARGEST_TOP:
            raise bad_sql(f"TOP takes a number up to {LARGEST_TOP}.")
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
        """What follows AS, which may be left out; a text in quotes is an alias too."""
        said = self._tokens.take("as")
        token = self._tokens.next
        if said or (token.kind == "word" and token.value not in _RESERVED):
            return self._tokens.pop("word", "text").value
        return ""

    def _name(self) -> Name:
        first = self._tokens.pop("word").value
        if first in _RESERVED:
            raise bad_sql(f"'{first.upper()}' is not the name of a column.")
        if self._tokens.sees("("):
            raise bad_sql(f"the function '{first}' is not supported.")
        return Name(self._tokens.pop("word").value, first) if self._tokens.take(".") else Name(first)

    def _table(self, kind: str) -> Joined:
        name = self._tokens.pop("word").value
        alias = self._alias() or name
        return Joined(name, alias, kind)

    def _join_kind(self) -> str | None:
        tokens = self._tokens
        if tokens.take("inner", "join") or tokens.take("join"):
            return "inner"
        if tokens.take("left", "join") or tokens.take("left", "outer", "join"):
            return "outer"
        return None

    def _join(self, kind: str) -> Joined:
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

    def _condition(self) -> Filter:
        parts = [self._all_of()]
        while self._tokens.take("or"):
            parts.append(self._all_of())
        return Filter(tuple(parts), any_of=True)

    def _all_of(self) -> Filter:
        parts = [self._one()]
        while self._tokens.take("and"):
            parts.append(self._one())
        return Filter(tuple(parts))

    def _one(self) -> Filter:
        if self._tokens.take("("):
            return self._in_brackets()
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise bad_sql(f"there are more than {MOST_CONDITIONS} conditions.")
        name = self._name()
        if self._tokens.take("is"):
            operator = "not-null" if self._tokens.take("not") else "null"
            self._tokens.expect("null")
            return Filter((Test(name.column, operator, entity=name.alias),))
        return self._comparison(name)

    def _in_brackets(self) -> Filter:
        self._depth += 1
        if self._depth > DEEPEST_FILTER:
            raise bad_sql(f"brackets are nested more than {DEEPEST_FILTER} deep.")
        inner = self._condition()
        self._tokens.expect(")")
        self._depth -= 1
        return inner

    def _comparison(self, name: Name) -> Filter:
        negative = self._tokens.take("not")
        for word, read_values in (("like", self._single), ("in", self._several), ("between", self._pair)):
            if self._tokens.take(word):
                operator = f"not-{word}" if negative else word
                return _known(name, Test(name.column, operator, read_values(), entity=name.alias), negative=negative)
        sign = self._tokens.pop("sign").value
        if negative or sign not in _COMPARISONS:
            raise bad_sql(f"'{sign}' is not a comparison.")
        operator = _COMPARISONS[sign]
        if self._tokens.next.kind == "word":
            other = self._name()
            path = f"{other.alias}.{other.column}" if other.alias else other.column
            return Filter((Test(name.column, operator, entity=name.alias, other=path),))
        return _known(name, Test(name.column, operator, self._single(), entity=name.alias), negative=operator == "ne")

    def _value(self) -> str:
        return self._tokens.pop("text", "number").value

    def _single(self) -> tuple[str, ...]:
        return (self._value(),)

    def _several(self) -> tuple[str, ...]:
        self._tokens.expect("(")
        found = self._listed(self._value)
        if len(found) > MOST_VALUES:
            raise bad_sql(f"IN takes at most {MOST_VALUES} values.")
        self._tokens.expect(")")
        return found

    def _pair(self) -> tuple[str, ...]:
        low = self._value()
        self._tokens.expect("and")
        return low, self._value()


def _known(name: Name, test: Test, *, negative: bool) -> Filter:
    """In SQL a row without a value differs from nothing; in FetchXML it differs from everything."""
    return Filter((test, Test(name.column, "not-null", entity=name.alias)) if negative else (test,))
