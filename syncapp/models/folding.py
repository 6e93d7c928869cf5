"""Names without case, accents and hidden characters: one form for searching, sorting and comparing them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Protocol, TypeVar
from uuid import UUID

from django.db.models import F, Q, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

LONGEST_WORD = 100
LONGEST_KEY = 200
# Letters that Unicode does not decompose into a letter of the alphabet and a mark.
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
    """A row that people know by a name."""

    @property
    def pk(self) -> UUID:
        """Its key, which puts rows of one name in an order."""

    @property
    def name(self) -> str:
        """Its name."""


Row = TypeVar("Row", bound=Named)
_ASCII_WORD = re.compile("[a-z0-9]+")


def folded(text: str) -> str:
    """Return the text without case, accents and hidden characters: "Åsa Großmann" gives "asa grossmann"."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text)
    kept = "".join(letter for letter in letters if unicodedata.category(letter) not in ("Mn", "Cf"))
    # Some letters get a mark only when their case is folded.
    return unicodedata.normalize("NFKD", kept.casefold().translate(_LETTERS))


def search_key(name: str) -> str:
    """Return the key by which names are sorted and compared as a whole."""
    return folded(name)[:LONGEST_KEY]


def by_name(rows: Iterable[Row]) -> list[Row]:
    """Return the rows sorted by name: Adèle before Adi, Åsa among the other names with A."""
    return sorted(rows, key=lambda row: (search_key(row.name), str(row.pk)))


def words_of(*texts: str) -> list[str]:
    """Return the different words of these texts, folded and in their order; "O’Neil-Åberg" has three."""
    found: dict[str, None] = {}
    for text in texts:
        for word in _split(folded(text)):
            found.setdefault(word[:LONGEST_WORD])
    return list(found)


def searchable(*texts: str) -> str:
    """Return the words of these texts in one text, each after a space, so that " mor" in it finds a beginning."""
    return "".join(f" {word}" for word in words_of(*texts))


def has_words(words: Iterable[str]) -> Q:
    """Return the condition that each of these words begins a word of a row's `search_words`.

    It compares positions, not patterns, which PostgreSQL would take to match few rows, and then plan for few.
    """
    condition = Q()
    for word in words:
        condition &= Q(GreaterThan(StrIndex(F("search_words"), Value(f" {word}")), 0))
    return condition


def _split(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text)
    # Marks that stay are vowels of Indian scripts: `\w` would break words at them.
    return "".join(sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in text).split()
