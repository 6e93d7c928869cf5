"""What a change means for values that can be written in several ways: phone numbers, mail addresses, postal addresses.

Pure functions on text. They only add words to a change; `differences` marks what differs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from syncapp.crm.values import canonical
from syncapp.models.mirror.change_kind import ChangeKind, kind_of

_PHONE = re.compile(r"phone|mobile|fax|pager")
_MAIL = re.compile(r"e?mailaddress")
_POSTAL = re.compile(r"^address\d?_")
_YEARLY = re.compile(r"birth|anniversary")
_QUOTES = "'\"\u2018\u2019\u201c\u201d\u201e"
_SIGNS = re.compile(r"[\W_]+")


def describe_change(column_name: str, was: str, will: str) -> str:
    """Return one short remark about the change, '' where there is none to make."""
    if not was or not will or was == will:
        return ""
    name = column_name.casefold()
    is_format = kind_of(column_name, was, will) is ChangeKind.FORMAT
    remark = next((remark for kind, remark in _REMARKS.items() if kind.search(name)), None)
    return remark(was, will, is_format=is_format) if remark else ""


def _phone(was: str, will: str, *, is_format: bool) -> str:
    if is_format:
        return "same digits, only the format changes"
    if _digits(was) == _digits(will):
        return "same digits, but signs that are dialed change"
    return "format unchanged" if _pattern(was) == _pattern(will) else ""


def _digits(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _pattern(text: str) -> str:
    """Return the signs between the digits, however many digits there are."""
    return re.sub(r"\d+", "0", text)


def _mail(was: str, will: str, *, is_format: bool) -> str:
    if is_format:
        return "same address, only the format changes"
    new_address = will.strip().casefold()
    if new_address.startswith("/o="):
        return "an internal address of Exchange: mail from outside does not reach it"
    if new_address[0] in _QUOTES and new_address[-1] in _QUOTES:
        return "in quotation marks: mail to it is returned"
    _, _, old = was.strip().casefold().rpartition("@")
    _, _, new = new_address.rpartition("@")
    return "another domain" if old != new else "same domain"


def _postal(was: str, will: str, *, is_format: bool) -> str:
    folded = [_SIGNS.sub(" ", text.casefold()).split() for text in (was, will)]
    return "same words, only the format changes" if is_format and folded[0] == folded[1] else ""


def is_off_by_one_day(column_name: str, was: str | None, will: str | None) -> bool:
    """Return whether a birthday or anniversary (canonical dates) moves by one day, the usual time zone fault."""
    if not was or not will or not _YEARLY.search(column_name):
        return False
    try:
        return abs(canonical.parse_date(will) - canonical.parse_date(was)) == timedelta(days=1)
    except ValueError:
        return False


class _Remark(Protocol):
    def __call__(self, was: str, will: str, *, is_format: bool) -> str: ...


_REMARKS: Mapping[re.Pattern[str], _Remark] = {_PHONE: _phone, _MAIL: _mail, _POSTAL: _postal}
