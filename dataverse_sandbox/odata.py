"""The expressions of `$filter`, `$orderby` and `$apply`: parsing of text to a tree.

The grammar is the part of OData 4.0, "Common Expression Syntax", that Dataverse uses: comparisons, arithmetic,
`in`, functions with positional or named arguments, paths, `any` and `all`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from dataverse_sandbox import errors
from dataverse_sandbox.errors import ApiError

MAX_DEPTH = 40
MAX_CONDITIONS = 500


@dataclass(frozen=True)
class Literal:
    """`kind` is null, bool, int, decimal, text, guid, date, datetime or time."""

    kind: str
    value: object


@dataclass(frozen=True)
class Path:
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        return "/".join(self.names)


@dataclass(frozen=True)
class Compare:
    word: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Arithmetic:
    word: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Logic:
    word: str
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    inner: Node


@dataclass(frozen=True)
class Items:
    values: tuple[Node, ...]


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Node, ...]
    named: Mapping[str, Node]


@dataclass(frozen=True)
class Lambda:
    """`path/any(variable:body)`; `body` None is `any()`."""

    path: Path
    word: str
    variable: str
    body: Node | None


Node = Literal | Path | Compare | Arithmetic | Logic | Not | Items | Call | Lambda

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>'(?:[^']|'')*')
    |(?P<json>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")
    |(?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})
    |(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d)?)
    |(?P<date>\d{4}-\d\d-\d\d)
    |(?P<time>\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?)
    |(?P<decimal>-?\d{1,30}(?:\.\d{1,30}(?:[eE][+-]?\d{1,3})?|[eE][+-]?\d{1,3}))
    |(?P<int>-?\d{1,30})
    |(?P<name>[@$A-Za-z_][\w.]*)
    |(?P<mark>[()\[\],:/=;-])""",
    re.VERBOSE | re.ASCII,
)
_COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le", "in"})
_WORDS: Mapping[str, Literal] = {
    "null": Literal("null", None),
    "true": Literal("bool", True),
    "false": Literal("bool", False),
}
Token = tuple[str, str]


def tokens(text: str) -> list[Token]:
    """Return kinds and texts without blanks. Raises ApiError 400 at an invalid token."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise syntax_error(text[place : place + 20])
        if match.lastgroup != "space":
            found.append((str(match.lastgroup), match[0]))
        place = match.end()
    return found


def syntax_error(near: str) -> ApiError:
    return errors.bad_query(f"Syntax error near '{ascii(near)[1:-1]}'.")


@lru_cache(maxsize=1_024)
def parse(text: str) -> Node:
    """Parse the text as one expression. Raises ApiError 400 when it is not OData."""
    parser = Parser(tokens(text))
    tree = parser.expression()
    parser.end()
    return tree


def resolved(node: Node, parameters: Mapping[str, str]) -> Node:
    """Return the value of an alias such as `@p1`; null without that option ("Use OData to query data")."""
    if not isinstance(node, Path) or not node.text.startswith("@"):
        return node
    parser = Parser(tokens(parameters.get(node.text, "null")))
    found = parser.argument()
    parser.end()
    return found


class Parser:
    """Recursive-descent parser; the methods are the grammar's rules, weakest binding first."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._place = 0
        self._depth = self._conditions = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "")

    def take(self, kind: str = "", text: str = "") -> str:
        """Return the next token's text. Raises ApiError 400 if it is not of this kind and text."""
        found = self.next
        if (kind and found[0] != kind) or (text and found[1] != text) or found[0] == "end":
            raise syntax_error(" ".join(part for _, part in self._tokens[self._place : self._place + 4]) or "the end")
        self._place += 1
        return found[1]

    def sees(self, text: str) -> bool:
        return self.next[1] == text and self.next[0] != "text"

    def skip(self, text: str) -> bool:
        if self.sees(text):
            self._place += 1
            return True
        return False

    def end(self) -> None:
        if self.next[0] != "end":
            raise syntax_error(self.next[1])

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise errors.bad_query("The expression is nested too deeply.")
        parts = [self._and()]
        while self.skip("or"):
            parts.append(self._and())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Logic("or", tuple(parts))

    def _and(self) -> Node:
        parts = [self._not()]
        while self.skip("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Logic("and", tuple(parts))

    def _not(self) -> Node:
        count = 0
        while self.skip("not"):
            count += 1
        inner = self._comparison()
        return Not(inner) if count % 2 else inner

    def _comparison(self) -> Node:
        left = self._sum()
        is_comparison = self.next[0] == "name" and self.next[1] in _COMPARISONS
        self._count(is_comparison or isinstance(left, Call | Lambda))
        if is_comparison:
            word = self.take()
            return Compare(word, left, self._items() if word == "in" and self.sees("(") else self._sum())
        return left

    def _count(self, one_more: bool) -> None:
        self._conditions += one_more
        if self._conditions > MAX_CONDITIONS:
            raise errors.too_many_conditions()

    def _items(self) -> Node:
        self.take("mark", "(")
        values = [self._sum()]
        while self.skip(","):
            values.append(self._sum())
        self.take("mark", ")")
        return Items(tuple(values))

    def _sum(self) -> Node:
        left = self._product()
        while self.next in (("name", "add"), ("name", "sub")):
            left = Arithmetic(self.take(), left, self._product())
        return left

    def _product(self) -> Node:
        left = self._single()
        while self.next in (("name", "mul"), ("name", "div"), ("name", "mod")):
            left = Arithmetic(self.take(), left, self._single())
        return left

    def _single(self) -> Node:
        kind, text = self.next
        if self.skip("("):
            inner = self.expression()
            self.take("mark", ")")
            return inner
        if kind == "name":
            return self._name()
        if kind in _VALUES:
            self.take()
            return Literal(kind, _value(kind, text))
        raise syntax_error(text or "the end")

    def _name(self) -> Node:
        name = self.take("name")
        if name in _WORDS:
            return _WORDS[name]
        if self.sees("("):
            return self._call(name)
        if self.next[0] == "text" and "." in name:
            return Literal("text", _value("text", self.take()))
        names = [name]
        while self.skip("/"):
            names.append(self.take("name"))
            if names[-1] in ("any", "all") and self.sees("("):
                return self._lambda(Path(tuple(names[:-1])), names[-1])
        return Path(tuple(names))

    def _call(self, name: str) -> Node:
        self.take("mark", "(")
        arguments: list[Node] = []
        named: dict[str, Node] = {}
        while not self.skip(")"):
            if arguments or named:
                self.take("mark", ",")
            if self.next[0] == "name" and self._tokens[self._place + 1 : self._place + 2] == [("mark", "=")]:
                key = self.take("name")
                self.take("mark", "=")
                named[key] = self.argument()
            else:
                arguments.append(self.argument())
        return Call(name, tuple(arguments), named)

    def argument(self) -> Node:
        if not self.skip("["):
            return self.expression()
        values: list[Node] = []
        while not self.skip("]"):
            if values:
                self.take("mark", ",")
            values.append(self._item())
        return Items(tuple(values))

    def _item(self) -> Node:
        """Parse one member of a list; lists are JSON, so texts may have double quotes."""
        if self.next[0] == "json":
            return Literal("text", json.loads(self.take("json")))
        return self._single()

    def _lambda(self, path: Path, word: str) -> Node:
        self.take("mark", "(")
        if word == "any" and self.skip(")"):
            return Lambda(path, word, "", None)
        variable = self.take("name")
        self.take("mark", ":")
        body = self.expression()
        self.take("mark", ")")
        return Lambda(path, word, variable, body)


_VALUES = frozenset({"text", "guid", "datetime", "date", "time", "decimal", "int"})


def _value(kind: str, text: str) -> object:
    if kind == "text":
        return text[1:-1].replace("''", "'")
    if kind == "int":
        return int(text)
    return float(text) if kind == "decimal" else text
