"""Streamed CSV exports whose cells spreadsheets do not interpret as formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from syncapp.text import escaping

_BYTE_ORDER_MARK = "\ufeff"  # without it Excel does not recognize UTF-8


class _Echo:
    """A file for the csv writer that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def lines(headers: Sequence[str], rows: Iterable[Sequence[object]], *, separator: str = ",") -> Iterator[str]:
    """Yield the lines of the file, each cell in quotes."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL, delimiter=separator)
    yield _BYTE_ORDER_MARK
    for row in chain([headers], rows):
        yield str(writer.writerow([escaping.csv_cell(cell) for cell in row]))


def download(
    request: HttpRequest, name: str, headers: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """Return the table as a download named after `name` and today's date, with the requested separator."""
    separator = ";" if request.GET.get("separator") == "semicolon" else ","
    response = StreamingHttpResponse(lines(headers, rows, separator=separator), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.csv"'
    return response
