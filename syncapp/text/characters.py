"""Characters that people cannot see or distinguish, and their names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

# "Unicode Security Considerations" (UTR 36) and "Unicode Security Mechanisms" (UTS 39): format and control
# characters, and letters without a visible form.
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_CONFUSABLE_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})
_NAMES = {
    "\t": "tab",
    "\n": "line break",
    "\r": "carriage return",
    "\r\n": "line break (CR LF)",
    "\u00a0": "no-break space",
    "\u00ad": "soft hyphen",
    "\u200b": "zero-width space",
    "\u200c": "zero-width non-joiner",
    "\u200d": "zero-width joiner",
    "\u200e": "left-to-right mark",
    "\u200f": "right-to-left mark",
    "\u202a": "left-to-right embedding",
    "\u202b": "right-to-left embedding",
    "\u202c": "end of embedding",
    "\u202d": "left-to-right override",
    "\u202e": "right-to-left override",
    "\u2060": "word joiner",
    "\u2066": "left-to-right isolate",
    "\u2067": "right-to-left isolate",
    "\u2068": "first strong isolate",
    "\u2069": "end of isolate",
    "\u202f": "narrow no-break space",
    "\ufeff": "byte order mark",
}


def clusters(text: str) -> Iterator[str]:
    """Split a text into clusters: a letter with its accents, or a line end of two characters."""
    if text.isascii() and "\r" not in text:
        yield from text
        return
    piece = ""
    for letter in text:
        joins = unicodedata.category(letter).startswith("M") or (piece == "\r" and letter == "\n")
        if piece and not joins:
            yield piece
            piece = ""
        piece += letter
    if piece:
        yield piece


def is_hidden(cluster: str) -> bool:
    """Return whether a cluster is invisible or changes how its surroundings are displayed."""
    first = cluster[0]
    return first in _INVISIBLE_LETTERS or unicodedata.category(first) in _HIDDEN_CATEGORIES


def is_unusual_space(cluster: str) -> bool:
    """Return whether a cluster looks like a space but is another character."""
    return cluster[0] != " " and unicodedata.category(cluster[0]) == "Zs"


def name(cluster: str) -> str:
    """Return a name for a hidden character: a common one, else its Unicode name or number."""
    return _NAMES.get(cluster) or unicodedata.name(cluster[0], "").lower() or code(cluster)


def code(cluster: str) -> str:
    """Return the code points, such as U+200B."""
    return " ".join(f"U+{ord(letter):04X}" for letter in cluster)


def has_hidden_characters(text: str) -> bool:
    """Return whether a text has hidden characters other than line ends and tabs."""
    return any(is_hidden(cluster) for cluster in clusters(text) if cluster not in ("\n", "\r\n", "\t"))


def mixed_scripts(text: str) -> tuple[str, ...]:
    """Return the scripts of the first word that mixes alphabets with look-alike letters, or ()."""
    for word in text.split():
        # The Unicode name of a letter begins with its script.
        scripts = {unicodedata.name(letter, "").split(" ", 1)[0] for letter in word if letter.isalpha()}
        scripts &= _CONFUSABLE_SCRIPTS
        if len(scripts) > 1:
            return tuple(sorted(script.capitalize() for script in scripts))
    return ()
