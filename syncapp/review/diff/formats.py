"""Notes about changed formats: phone numbers, e-mail addresses and postal addresses.

Pure functions on text that describe a change; `text.py` marks the differences.
"""

from __future__ import annotations

import re
from datetime import timedelta

from syncapp.crm.values import canonical
from syncapp.models.mirror.change_kind import ChangeKind, kind_of

_PHONE = re.compile(r"phone|mobile|fax|pager")
_MAIL = re.compile(r"e?mailaddress")
_POSTAL = re.compile(r"^address\d?_")
_YEARLY = re.compile(r"birth|anniversary")
_QUOTES = "'\"\u2018\u2019\u201c\u201d\u201e"
_PUNCTUATION = re.compile(r"[\W_]+")


def describe_change(column_name: str, before: str, after: str) -> str:
    """Return a short note about the change; '' if there is nothing to say."""
    if not before or not after or before == after:
        return ""
    name = column_name.casefold()
    is_format = kind_of(column_name, before, after) is ChangeKind.FORMAT
    if _PHONE.search(name):
        if is_format:
            return "same digits, only the format changes"
        alphanumerics = [
            [character for character in text.casefold() if character.isalnum()] for text in (before, after)
        ]
        if alphanumerics[0] == alphanumerics[1]:
            return "same digits, but other dialed characters change"
        patterns = [re.sub(r"\d+", "0", text) for text in (before, after)]  # the punctuation between the numbers
        return "same format" if patterns[0] == patterns[1] else ""
    if _MAIL.search(name):
        if is_format:
            return "same address, only the format changes"
        old, new = before.strip().casefold(), after.strip().casefold()
        if new.startswith("/o="):
            return "an internal Exchange address: outside mail does not reach it"
        if new[0] in _QUOTES and new[-1] in _QUOTES:
            return "in quotation marks: mail to it bounces"
        return "same domain" if old.rpartition("@")[2] == new.rpartition("@")[2] else "another domain"
    if _POSTAL.search(name) and is_format:
        words = [_PUNCTUATION.sub(" ", text.casefold()).split() for text in (before, after)]
        return "same words, only the format changes" if words[0] == words[1] else ""
    return ""


def is_off_by_one_day(column_name: str, before: str | None, after: str | None) -> bool:
    """Return whether a birthday or anniversary (canonical dates) moves by one day, a common time zone error."""
    if not before or not after or not _YEARLY.search(column_name):
        return False
    try:
        return abs(canonical.parse_date(after) - canonical.parse_date(before)) == timedelta(days=1)
    except ValueError:
        return False
