"""FetchXML's paging cookie, which stores the end of a page ("Page results using FetchXml").

The cookie names the first and the last row's sort values and the page they were on. It travels URL-encoded twice inside
an attribute of an outer element, and comes back decoded as the attribute `paging-cookie`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from dataverse_sandbox import values
from dataverse_sandbox.catalog import Column
from dataverse_sandbox.fetchxml.parsing import bad
from dataverse_sandbox.fetchxml.sources import ID_KINDS

_PAGE = re.compile(r'<cookie page="(\d+)"')
_ELEMENT = re.compile(r'<(\w+)((?:\s+\w+="[^"]*")+)\s*/>')
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Mark:
    """A sort column of a cookie; `is_label` if rows sort by label instead of by value."""

    column: Column
    is_label: bool = False


@dataclass(frozen=True)
class Cookie:
    """The number of the cookie's page, and the sort values of its last row."""

    page: int
    last: tuple[object, ...]


def write(page: int, marks: Sequence[Mark], first: Sequence[object], last: Sequence[object]) -> str:
    """Return the annotation's text, ready for the next page."""
    pieces = [
        f"<{mark.column.name} {_side('last', mark, end)} {_side('first', mark, begin)} />"
        for mark, begin, end in zip(marks, first, last, strict=True)
    ]
    inner = f'<cookie page="{page}">{"".join(pieces)}</cookie>'
    encoded = quote(quote(inner, safe=""), safe="")
    return f'<cookie pagenumber="{page + 1}" pagingcookie="{encoded}" istracking="False" />'


def _side(name: str, mark: Mark, value: object) -> str:
    if value is None:
        return f'{name}null="1"'
    text = f"{{{str(value).upper()}}}" if _is_id(mark) else str(value)
    return f"{name}={quoteattr(text, {chr(34): '&quot;'})}"


def _is_id(mark: Mark) -> bool:
    return mark.column.kind in ID_KINDS and not mark.is_label


def read(text: str, marks: Sequence[Mark]) -> Cookie:
    """Read a cookie. Raises ApiError 400 when it is not one of this query."""
    page = _PAGE.search(text)
    found = {match[1]: dict(_ATTRIBUTE.findall(match[2])) for match in _ELEMENT.finditer(text)}
    if page is None or list(found) != [mark.column.name for mark in marks]:
        raise bad("Malformed XML in the Paging Cookie.")
    return Cookie(int(page[1]), tuple(_value(mark, found[mark.column.name]) for mark in marks))


def _value(mark: Mark, attributes: dict[str, str]) -> object:
    if "last" not in attributes:
        return None
    text = html.unescape(attributes["last"])
    try:
        return values.guid(text) if _is_id(mark) else text
    except ValueError:
        raise bad("Malformed XML in the Paging Cookie.") from None
