"""The rows of a pasted or uploaded text: CSV, TSV, a table with semicolons, or one name per line."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from syncapp.sync_filters.errors import NotPossible
from syncapp.text.localization import number

MAX_LINES = 100_000
_DELIMITERS = ("\t", ";", ",")
_SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)
_TYPE_LINE = re.compile(r'\s*"?#TYPE\b', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row, and the number of its first line, counted from 1."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows with content. `is_table`: the text declares itself a table, by `sep=` or `#TYPE`."""

    rows: list[Row]
    delimiter: str
    is_table: bool = False


def rows_of(text: str) -> Rows:
    """Read the text with the delimiter it names, or the one that fits most rows. Raises NotPossible."""
    lines = list(io.StringIO(text.replace("\x00", "").removeprefix("\ufeff"), newline=""))
    if len(lines) > MAX_LINES:
        count, limit = number(len(lines)), number(MAX_LINES)
        raise NotPossible(f"This text has {count} lines; at most {limit} can be read at once.")
    skipped, declared = 0, ""
    while skipped < len(lines) and (_SEPARATOR_LINE.fullmatch(lines[skipped]) or _TYPE_LINE.match(lines[skipped])):
        match = _SEPARATOR_LINE.fullmatch(lines[skipped])
        declared = match[1] if match else declared
        skipped += 1
    if declared:
        return Rows(list(_rows(lines, declared, skipped)), declared, is_table=True)
    delimiters = [each for each in _DELIMITERS if each in text] or [","]
    candidates = [Rows(list(_rows(lines, each, skipped)), each, is_table=skipped > 0) for each in delimiters]
    return max(candidates, key=_quality)


def _quality(rows: Rows) -> tuple[int, int]:
    """Return a measure of how well a delimiter fits: few quotes left inside cells, and many rows of equal width."""
    left_quotes = sum('"' in cell for row in rows.rows for cell in row.cells)
    widths = Counter(len(row.cells) for row in rows.rows if len(row.cells) > 1)
    return -left_quotes, max(widths.values(), default=0)


class _Lines:
    """An iterator for the csv reader. `next_index` is that of the next line. `ran_out`: the reader asked for more."""

    def __init__(self, lines: list[str], first: int) -> None:
        self._lines = lines
        self.next_index = first
        self.ran_out = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.next_index >= len(self._lines):
            self.ran_out = True
            raise StopIteration
        self.next_index += 1
        return self._lines[self.next_index - 1]


def _rows(lines: list[str], delimiter: str, first: int) -> Iterator[Row]:
    source = _Lines(lines, first)
    reader = csv.reader(source, delimiter=delimiter, skipinitialspace=True)
    while source.next_index < len(lines):
        start = source.next_index
        try:
            cells = next(reader, [])
            has_open_quote = sum(line.count('"') for line in lines[start : source.next_index]) % 2 == 1
            is_whole = not (source.ran_out and has_open_quote)
        except csv.Error:  # a cell beyond csv.field_size_limit
            cells, is_whole = [], False
        parts = [(start, cells)]
        if not is_whole:  # the quotes do not match: each line becomes a row, so that no cell spans lines
            parts = [(index, lines[index].rstrip("\r\n").split(delimiter)) for index in range(start, source.next_index)]
        for index, cells in parts:
            if any(map(str.strip, cells)):
                yield Row(index + 1, tuple(cells))
