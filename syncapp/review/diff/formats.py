"""Remarks on changed formats: phone numbers, e-mail addresses and postal addresses.

Pure functions on text that describe a change; `text.py` marks the differences.
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


def describe_change(column_name: str, before: str, after: str) -> str:
    """Return a short remark about the change; '' if there is nothing to say."""
    if not before or not after or before == after:
        return ""
    name = column_name.casefold()
    is_format = kind_of(column_name, before, after) is ChangeKind.FORMAT
    remark = next((remark for kind, remark in _REMARKS.items() if kind.search(name)), None)
    return remark(before, after, is_format=is_format) if remark else ""


def _phone(before: str, after: str, *, is_format: bool) -> str:
    if is_format:
        return "same digits, only the format changes"
    if _digits(before) == _digits(after):
        return "same digits, but dialed signs change"
    return "format unchanged" if _pattern(before) == _pattern(after) else ""


def _digits(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _pattern(text: str) -> str:
    """Return the signs between the digits, with every number as 0."""
    return re.sub(r"\d+", "0", text)


def _mail(before: str, after: str, *, is_format: bool) -> str:
    if is_format:
        return "same address, only the format changes"
    new_address = after.strip().casefold()
    if new_address.startswith("/o="):
        return "an internal Exchange address: outside mail does not reach it"
    if new_address[0] in _QUOTES and new_address[-1] in _QUOTES:
        return "in quotation marks: mail to it bounces"
    _, _, old = before.strip().casefold().rpartition("@")
    _, _, new = new_address.rpartition("@")
    return "another domain" if old != new else "same domain"


def _postal(before: str, after: str, *, is_format: bool) -> str:
    folded = [_SIGNS.sub(" ", text.casefold()).split() for text in (before, after)]
    return "same words, only the format changes" if is_format and folded[0] == folded[1] else ""


def is_off_by_one_day(column_name: str, before: str | None, after: str | None) -> bool:
    """Return whether a birthday or anniversary (canonical dates) moves by one day, a common time zone error."""
    if not before or not after or not _YEARLY.search(column_name):
        return False
    try:
        return abs(canonical.parse_date(after) - canonical.parse_date(before)) == timedelta(days=1)
    except ValueError:
        return False


class _Remark(Protocol):
    def __call__(self, before: str, after: str, *, is_format: bool) -> str: ...


_REMARKS: Mapping[re.Pattern[str], _Remark] = {_PHONE: _phone, _MAIL: _mail, _POSTAL: _postal}
