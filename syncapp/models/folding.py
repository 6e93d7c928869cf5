"""Folding of names (case, accents, hidden characters) for search, sorting and comparison."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Protocol, TypeVar
from uuid import UUID

from django.db.models import F, Q, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

MAX_WORD = 100
MAX_KEY = 200
# Letters that Unicode does not decompose into a basic letter and a mark.
_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "ð": "d",
        "ø": "o",
        "þ": "th",
        "đ": "d",
        "ħ": "h",
        "ı": "i",
        "ł": "l",
        "ŋ": "n",
        "œ": "oe",
        "ŧ": "t",
        "ƀ": "b",
        "ɨ": "i",
    }
)


class Named(Protocol):
    """A row with a name."""

    @property
    def pk(self) -> UUID:
        """Return the key, which orders rows of the same name."""

    @property
    def name(self) -> str:
        """Return the name."""


Row = TypeVar("Row", bound=Named)
_ASCII_WORD = re.compile("[a-z0-9]+")


def folded(text: str) -> str:
    """Return the text without case, accents and hidden characters: "Åsa Großmann" gives "asa grossmann"."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text)
    kept = "".join(letter for letter in letters if unicodedata.category(letter) not in ("Mn", "Cf"))
    # Decomposed twice, because some letters gain a mark only through case folding.
    return unicodedata.normalize("NFKD", kept.casefold().translate(_LETTERS))


def search_key(name: str) -> str:
    """Return the key for sorting and comparing whole names."""
    return folded(name)[:MAX_KEY]


def by_name(rows: Iterable[Row]) -> list[Row]:
    """Return the rows sorted by name: Adèle before Adi, Åsa among the other names with A."""
    return sorted(rows, key=lambda row: (search_key(row.name), str(row.pk)))


def words_of(*texts: str) -> list[str]:
    """Return the distinct folded words of these texts, in order; "O’Neil-Åberg" has three."""
    found: list[str] = []
    for text in map(folded, texts):
        if text.isascii():
            found += _ASCII_WORD.findall(text)
        else:
            # Vowel signs of Indian scripts are marks: `\w` would split words at them.
            signs = (sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in text)
            found += "".join(signs).split()
    return list(dict.fromkeys(word[:MAX_WORD] for word in found))


def searchable(*texts: str) -> str:
    """Return the words of these texts, each after a space, so that a search for " mor" matches beginnings of words."""
    return "".join(f" {word}" for word in words_of(*texts))


def has_words(words: Iterable[str]) -> Q:
    """Match rows whose `search_words` contain, for each of these words, a word that begins with it.

    Compares positions instead of patterns: PostgreSQL expects a pattern to match few rows and chooses a slow plan.
    """
    condition = Q()
    for word in words:
        condition &= Q(GreaterThan(StrIndex(F("search_words"), Value(f" {word}")), 0))
    return condition
