"""Names without case, accents and hidden characters: one form for searching, sorting and comparing them."""

from __future__ import annotations

import re
import unicodedata

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


def _split(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text)
    # Marks that stay are vowels of Indian scripts: `\w` would break words at them.
    return "".join(sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in text).split()
