"""What a change means for values that can be written in several ways: phone numbers, mail addresses, postal addresses.

Pure functions on text. They only add words to a change; `differences` marks what differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_PHONE = re.compile(r"phone|mobile|fax|pager")
_MAIL = re.compile(r"e?mailaddress")
_POSTAL = re.compile(r"^address\d?_")
_SIGNS = re.compile(r"[\W_]+")


def words_for(column_name: str, was: str, will: str) -> str:
    """One short remark about the change, '' where there is none to make."""
    if not was or not will or was == will:
        return ""
    name = column_name.casefold()
    return next((remark(was, will) for kind, remark in _REMARKS.items() if kind.search(name)), "")


def _phone(was: str, will: str) -> str:
    same_number, same_format = _digits(was) == _digits(will), _pattern(was) == _pattern(will)
    if same_number:
        return "same digits, only the format changes"
    return "format unchanged" if same_format else ""


def _digits(text: str) -> str:
    """What is dialled: a number that loses its plus, or another extension, is another number."""
    return "".join(letter for letter in text.casefold() if letter.isalnum() or letter == "+")


def _pattern(text: str) -> str:
    """The signs between the digits, however many digits there are."""
    return re.sub(r"\d+", "0", text)


def _mail(was: str, will: str) -> str:
    if was.strip().casefold() == will.strip().casefold():
        return "same address, only the format changes"
    _, _, old = was.strip().casefold().rpartition("@")
    _, _, new = will.strip().casefold().rpartition("@")
    return "another domain" if old != new else "same domain"


def _postal(was: str, will: str) -> str:
    folded = [_SIGNS.sub(" ", text.casefold()).split() for text in (was, will)]
    return "same words, only the format changes" if folded[0] == folded[1] else ""


_REMARKS: Mapping[re.Pattern[str], Callable[[str, str], str]] = {_PHONE: _phone, _MAIL: _mail, _POSTAL: _postal}
