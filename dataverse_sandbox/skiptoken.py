"""The size of a page, and the cookie with its end ("Page results using OData")."""

from __future__ import annotations

import base64
import binascii
import json
import re
from urllib.parse import quote, unquote

from dataverse_sandbox import errors
from dataverse_sandbox.messages import Request

MAX_PAGE_SIZE = 5_000
_COOKIE = re.compile(r'pagenumber="(\d{1,9})" pagingcookie="([\w\-=]*)"', re.ASCII)


def page_size(request: Request) -> int:
    """Return the page size; the preference wins over `$top`, as documented."""
    text = request.preferences.get("odata.maxpagesize") or request.options.get("$top") or str(MAX_PAGE_SIZE)
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise errors.bad_query(f"'{text[:20]}' is not a number of rows.")
    return min(int(text), MAX_PAGE_SIZE)


def write_cookie(number: int, values: list[object], *, tracking: bool = False) -> str:
    inner = base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode()
    cookie = f'<cookie pagenumber="{number}" pagingcookie="{inner}" istracking="{tracking}" />'
    return quote(cookie, safe="")


def read_cookie(text: str) -> tuple[int, list[object]]:
    match = _COOKIE.search(unquote(text))
    if match is None:
        raise errors.bad_query("Malformed paging cookie.")
    try:
        found = json.loads(base64.urlsafe_b64decode(match[2]))
    except (ValueError, binascii.Error, RecursionError):
        raise errors.bad_query("Malformed paging cookie.") from None
    if not isinstance(found, list) or any(isinstance(value, int) and abs(value) >= 2**63 for value in found):
        raise errors.bad_query("Malformed paging cookie.")
    return int(match[1]), found
