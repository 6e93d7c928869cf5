"""Tables for spreadsheets: CSV that is sent while it is made, and whose cells no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from django.http import StreamingHttpResponse
from django.utils import timezone

# What a spreadsheet calculates or splits ("CSV Injection", OWASP), also in its full-width forms.
_DANGEROUS = tuple("=+-@\t\r\n＝＋－＠")
_BYTE_ORDER_MARK = "\ufeff"  # Excel takes the file for UTF-8 only with it


class _Line:
    """What the csv writer writes to: hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def safe(value: object) -> str:
    """The cell's text; one that begins like a formula gets an apostrophe, which spreadsheets read as "a text"."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_DANGEROUS) else text


def lines(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file's lines, each cell in quotes."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield _BYTE_ORDER_MARK
    for row in chain([heads], rows):
        yield str(writer.writerow([safe(cell) for cell in row]))


def download(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """The table as a file `name` of today."""
    response = StreamingHttpResponse(lines(heads, rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.csv"'
    return response
