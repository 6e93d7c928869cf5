"""The comparison of texts: regardless of case and accents, as in an environment whose base language is English.

"Dataverse language collations" says CI_AI for English (1033). Simplified: letters that differ by more than case, width
or accent are in the order of Unicode, not in that of SQL Server.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from functools import lru_cache

from dataverse_sandbox.conditions import Condition

COLLATION = "CI_AI"
_PIECE = re.compile(r"%|\[(\^?)([^\]]*)\]|(.)", re.DOTALL)
_RANGE = re.compile(r"(.)(?:-(.))?", re.DOTALL)
_NOTHING = re.compile(r"(?!)")


def install(connection: sqlite3.Connection) -> None:
    """Define the collation CI_AI and the function `matches(pattern, text)` for a connection."""
    connection.create_collation(COLLATION, _compared)
    connection.create_function("matches", 2, _matches, deterministic=True)


def fold(text: str) -> str:
    """Return the text folded for comparison."""
    return text.lower() if text.isascii() else _folded(text)


@lru_cache(maxsize=262_144)
def _folded(text: str) -> str:
    return text.translate(_PLAIN).casefold()


def _without_accents(letter: str) -> str:
    parts = unicodedata.normalize("NFKD", letter)
    return "".join(part for part in parts if not unicodedata.combining(part))


# Latin, Greek, Cyrillic and their neighbors, and the letters of full width.
_PLAIN = {number: _without_accents(chr(number)) for number in (*range(0x80, 0x2000), *range(0xFF00, 0xFFF0))}


def _compared(left: str, right: str) -> int:
    first, second = fold(left), fold(right)
    return (first > second) - (first < second)


def like(expression: str, pattern: str) -> Condition:
    """Match a LIKE pattern of SQL Server; a plain beginning uses an index."""
    beginning = pattern.removesuffix("%")
    if beginning == pattern or not beginning or any(letter in beginning for letter in "%_["):
        return Condition(f"matches(?, {expression})", (pattern,))
    bounds = f"{expression} COLLATE CI_AI >= ? AND {expression} COLLATE CI_AI < ?"
    return Condition(f"({bounds} AND matches(?, {expression}))", (beginning, f"{beginning}\U0010ffff", pattern))


def _matches(pattern: str, text: object) -> bool | None:
    return None if text is None else _compiled(pattern).match(fold(str(text))) is not None


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a LIKE pattern of SQL Server; each part between two `%` is searched once, in linear time."""
    stretches = [""]
    for match in _PIECE.finditer(pattern):
        if match[0] == "%":
            stretches.append("")
        else:
            stretches[-1] += _one_letter(match)
    first, *rest = stretches
    if not rest:
        return _regex(f"{first}\\Z")
    *between, last = rest
    return _regex(first + "".join(f"(?>.*?{stretch})" for stretch in between if stretch) + f".*{last}\\Z")


def _regex(text: str) -> re.Pattern[str]:
    """Return a regular expression; an invalid pattern, such as an open bracket, matches nothing."""
    try:
        return re.compile(text, re.DOTALL)
    except re.error:
        return _NOTHING


def _one_letter(match: re.Match[str]) -> str:
    if match[3] is not None:
        return {"_": ".", "[": "(?!)"}.get(match[3]) or re.escape(fold(match[3]))
    letters = "".join(_range(part) for part in _RANGE.finditer(match[2]))
    return f"[{match[1]}{letters}]" if letters else "(?!)"


def _range(match: re.Match[str]) -> str:
    first, last = re.escape(fold(match[1])), match[2]
    return first if last is None else f"{first}-{re.escape(fold(last))}"
