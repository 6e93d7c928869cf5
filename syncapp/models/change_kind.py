"""What kind of change a proposal is: only the format, something for nothing, nothing for something, or other.

Meant for sorting and for deciding many alike, so it errs on the side of "Changed": hidden characters, a phone number
that lost its plus, another separator between digits are never "format only".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from django.db import models


class ChangeKind(models.TextChoices):
    """How the proposed value relates to the original."""

    FORMAT = "format", "Format only"
    FILLED = "filled", "Filled"
    CLEARED = "cleared", "Cleared"
    OTHER = "other", "Changed"


_PHONE = re.compile(r"phone|mobile|fax|pager")
_MAIL = re.compile(r"e?mail")
_ADDRESS_OF_A_PAGE = re.compile(r"url|website|ftpsite")
# Between two digits a sign may carry the meaning: 1.5 and 15, 1,3 and 13, 2026-11-20.
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[^\w]+(?=\d)")
_MINUS = re.compile(r"(?<![\w)])[-\u2212](?=\d)")
_KEPT_SIGNS = "#&@%*/\\"
_ACCENTS = range(0x300, 0x370)


def kind_of(column_name: str, original: str | None, proposed: str | None) -> ChangeKind:
    """Compare two canonical texts of a column; null and '' are both empty."""
    if not original or not proposed:
        if original or proposed:
            return ChangeKind.FILLED if proposed else ChangeKind.CLEARED
        return ChangeKind.FORMAT
    same = original == proposed or _same_but_for_format(column_name, original, proposed)
    return ChangeKind.FORMAT if same else ChangeKind.OTHER


def _same_but_for_format(column_name: str, original: str, proposed: str) -> bool:
    if _hides_something(proposed):
        return False
    fold = _fold_of(column_name)
    return bool(folded := fold(original)) and folded == fold(proposed)


def _fold_of(column_name: str) -> Callable[[str], str]:
    name = column_name.casefold()
    if _MAIL.search(name):
        return _mail
    if _PHONE.search(name):
        return _phone
    return _page if _ADDRESS_OF_A_PAGE.search(name) else _text


def _mail(value: str) -> str:
    return value.strip().casefold()


def _page(value: str) -> str:
    return value.strip()


def _phone(value: str) -> str:
    """Digits, the letters of an extension, and whether it begins with a plus."""
    plus = "+" if value.strip().startswith("+") else ""
    return plus + "".join(letter for letter in value.casefold() if letter.isalnum())


def _text(value: str) -> str:
    """Without case, blanks, punctuation and accents."""
    marked = _BETWEEN_DIGITS.sub(_separator, _MINUS.sub("%", value))
    letters = unicodedata.normalize("NFD", unicodedata.normalize("NFD", marked).casefold())
    return "".join(letter for letter in letters if ord(letter) not in _ACCENTS and not _is_sign(letter))


def _separator(between: re.Match[str]) -> str:
    """Blanks are one sign, whatever their width, a comma before them as well; any other separator stands for itself."""
    signs = "".join(between[0].split())
    meaning = signs.strip(",;") if len(signs) < len(between[0]) else signs
    return f"#{'@'.join(f'{ord(sign):x}' for sign in meaning)}#"


def _is_sign(letter: str) -> bool:
    if letter.isascii() and letter.isalnum():
        return False
    return letter not in _KEPT_SIGNS and unicodedata.category(letter)[0] in "PZC"


def _hides_something(value: str) -> bool:
    return not value.isascii() and any(unicodedata.category(letter) in ("Cf", "Co", "Cn", "Cs") for letter in value)
