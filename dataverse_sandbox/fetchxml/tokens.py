"""The tokens of a SELECT."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from dataverse_sandbox.errors import ApiError

_TOKEN = re.compile(
    r"\s*(?:(?P<text>N?'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|\[(?P<quoted>\w+)\]|(?P<word>\w+)"
    r"|(?P<sign><>|!=|<=|>=|[=<>(),.*]))"
)


RESERVED = frozenset({"select", "from", "where", "join", "inner", "left", "outer", "right", "full", "cross", "on"})
RESERVED |= frozenset({"group", "order", "by", "offset", "having", "union", "as", "and", "or", "not", "is", "in"})
Parsed = TypeVar("Parsed")


def bad_sql(message: str) -> ApiError:
    return ApiError(400, "", f"Error parsing the SQL query: {message}")


@dataclass(frozen=True)
class Token:
    """`kind` is text, number, word or sign; a word's `value` is in lower case."""

    kind: str
    value: str


def tokens_of(sql: str) -> list[Token]:
    found: list[Token] = []
    position, sql = 0, sql.strip()
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            raise bad_sql(f"'{sql[position : position + 20]}' is not understood.")
        found.append(_token(match))
        position = match.end()
    return found


def _token(match: re.Match[str]) -> Token:
    kind = str(match.lastgroup)
    value = match[kind]
    if kind == "text":
        return Token(kind, value.lstrip("N")[1:-1].replace("''", "'"))
    if kind in ("word", "quoted"):
        return Token("word", value.lower())
    return Token(kind, value)


@dataclass
class Tokens:
    """A cursor over the tokens."""

    found: list[Token]
    at: int = field(default=0)

    @property
    def next(self) -> Token:
        return self.found[self.at] if self.at < len(self.found) else Token("end", "")

    def sees(self, *words: str) -> bool:
        """Return whether these words or signs come next."""
        following = self.found[self.at : self.at + len(words)]
        return [token.value for token in following if token.kind in ("word", "sign")] == list(words)

    def take(self, *words: str) -> bool:
        """Skip these words if they come next."""
        if not self.sees(*words):
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        if not self.take(*words):
            raise bad_sql(f"'{' '.join(words).upper()}' expected at '{self.next.value[:40]}'.")

    def pop(self, *kinds: str) -> Token:
        """Return the next token, which must be of one of the kinds."""
        token = self.next
        if token.kind not in kinds:
            raise bad_sql(f"a {' or '.join(kinds)} expected at '{token.value[:40]}'.")
        self.at += 1
        return token


@dataclass(frozen=True)
class Name:
    """`alias.column`, or a column alone; the column of COUNT(*) is '*'."""

    column: str
    alias: str = ""


def read_name(tokens: Tokens) -> Name:
    first = tokens.pop("word").value
    if first in RESERVED:
        raise bad_sql(f"'{first.upper()}' is not the name of a column.")
    if tokens.sees("("):
        raise bad_sql(f"the function '{first}' is not supported.")
    return Name(tokens.pop("word").value, first) if tokens.take(".") else Name(first)


def listed(tokens: Tokens, read_one: Callable[[], Parsed]) -> tuple[Parsed, ...]:
    """Read one or more items separated by commas."""
    found = [read_one()]
    while tokens.take(","):
        found.append(read_one())
    return tuple(found)
