"""Tables for spreadsheets: CSV that is sent while it is made, and whose cells no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from syncapp.text import escaping

_BYTE_ORDER_MARK = "\ufeff"  # Excel takes the file for UTF-8 only with it


class _Line:
    """What the csv writer writes to: hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def lines(heads: Sequence[str], rows: Iterable[Sequence[object]], *, separator: str = ",") -> Iterator[str]:
    """Yield the lines of the file, each cell in quotes."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL, delimiter=separator)
    yield _BYTE_ORDER_MARK
    for row in chain([heads], rows):
        yield str(writer.writerow([escaping.csv_cell(cell) for cell in row]))


def download(
    request: HttpRequest, name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """Return the table as a file `name` of today, with the separator that the reader asks for."""
    separator = ";" if request.GET.get("separator") == "semicolon" else ","
    response = StreamingHttpResponse(lines(heads, rows, separator=separator), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.csv"'
    return response
