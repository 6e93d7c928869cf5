"""Kinds of change: only the format, a value added, a value removed, or another value.

Used for sorting, bulk decisions and rules, so a doubtful change counts as "Changed": hidden characters, signs that a
telephone dials, lost accents and other separators between digits are never "format only".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from django.db import models


class ChangeKind(models.TextChoices):
    """The relation of the proposed value to the original."""

    FORMAT = "format", "Format only"
    FILLED = "filled", "Filled in"
    CLEARED = "cleared", "Cleared"
    OTHER = "other", "Changed"


_PHONE = re.compile(r"phone|mobile|fax|pager")
_MAIL = re.compile(r"e?mail")
_WEB_ADDRESS = re.compile(r"url|website|ftpsite")
# Between two digits a sign may carry the meaning: 1.5 and 15, 1,3 and 13, 2026-11-20.
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[^\w]+(?=\d)")
_MINUS = re.compile(r"(?<![\w)])[-\u2212](?=\d)")
_KEPT_PUNCTUATION = "#&@%*/\\"
_ACCENTS = range(0x300, 0x370)
# Case folding turns ß into "ss", but a name that loses its ß is damaged like one that loses accents, so it is marked.
_SHARP_S = {ord("ß"): "s\u030ds", ord("ẞ"): "s\u030ds"}
# Blanks, dashes, brackets and invisible characters. Other signs may be dialed: , and ; pause, * # + are keys.
_NOT_DIALED = ("Z", "Pd", "Ps", "Pe", "C")
_SEPARATORS_OF_A_NUMBER = "./·"
_HIDDEN = ("Cf", "Co", "Cn", "Cs")


def kind_of(column_name: str, original: str | None, proposed: str | None) -> ChangeKind:
    """Return the kind of change between two canonical texts of a column; None and '' both count as empty."""
    if not original or not proposed:
        if original or proposed:
            return ChangeKind.FILLED if proposed else ChangeKind.CLEARED
        return ChangeKind.FORMAT
    if original == proposed:
        return ChangeKind.FORMAT
    if not proposed.isascii() and any(unicodedata.category(letter) in _HIDDEN for letter in proposed):
        return ChangeKind.OTHER
    name = column_name.casefold()
    is_same = next((same for pattern, same in _COMPARISONS.items() if pattern.search(name)), _same_text)
    return ChangeKind.FORMAT if is_same(original, proposed) else ChangeKind.OTHER


def dialed(number: str) -> str:
    """Return what a telephone would dial: digits, letters, and all signs that are not known formatting."""
    return "".join(
        letter
        for letter in number.casefold()
        if letter not in _SEPARATORS_OF_A_NUMBER and not unicodedata.category(letter).startswith(_NOT_DIALED)
    )


def _same_text(original: str, proposed: str) -> bool:
    """Compare without case, blanks and punctuation; letters may gain accents but not lose any."""
    old, new = _letters(original), _letters(proposed)
    if not old or len(old) != len(new):
        return False
    return all(
        before[0] == after[0] and set(before[1:]) <= set(after[1:]) for before, after in zip(old, new, strict=True)
    )


def _letters(value: str) -> list[str]:
    """Return each letter that counts, with its accents after it."""
    marked = _BETWEEN_DIGITS.sub(_separator, _MINUS.sub("%", value))
    if marked.isascii():
        return [letter for letter in marked.casefold() if not _is_sign(letter)]
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", marked).translate(_SHARP_S).casefold())
    found: list[str] = []
    for letter in folded:
        if ord(letter) in _ACCENTS:
            found[-1:] = [(found[-1] if found else "") + letter]
        elif not _is_sign(letter):
            found.append(letter)
    return found


def _separator(between: re.Match[str]) -> str:
    """Return a code for the signs between two digits; all blanks count as equal, also after a comma."""
    signs = "".join(between[0].split())
    meaning = signs.strip(",;") if len(signs) < len(between[0]) else signs
    return f"#{'@'.join(f'{ord(sign):x}' for sign in meaning)}#"


def _is_sign(letter: str) -> bool:
    if letter.isascii() and letter.isalnum():
        return False
    return letter not in _KEPT_PUNCTUATION and unicodedata.category(letter)[0] in "PZC"


_COMPARISONS: Mapping[re.Pattern[str], Callable[[str, str], bool]] = {
    # Not casefold: straße@ and strasse@ are two addresses.
    _MAIL: lambda old, new: old.strip().lower() == new.strip().lower() != "",
    _PHONE: lambda old, new: dialed(old) == dialed(new) != "",
    _WEB_ADDRESS: lambda old, new: old.strip() == new.strip() != "",
}
