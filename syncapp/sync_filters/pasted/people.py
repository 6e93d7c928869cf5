"""People that a pasted or uploaded text names, each once, and the parts that could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from syncapp.sync_filters.pasted.cells import Cell, mailboxes, plain, read_cell
from syncapp.sync_filters.pasted.columns import Columns, Kind, columns_of
from syncapp.sync_filters.pasted.rows import Row, Rows, rows_of

LONGEST = 320  # of an address ("RFC 5321", 64 + 1 + 255), and what an entry of a list keeps
_BREAKS = re.compile(r"[;\t\r\n]+")
_LINE_ENDS = re.compile(r"[\r\n]+")
_MOST_QUOTED = 60


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """One person as a text names them: the forms to try in order, and the unread cells `beside` them.

    `is_names`: the line holds only texts without an address, each of which may be a person's name.
    """

    line: int
    forms: tuple[str, ...]
    beside: tuple[str, ...] = ()
    is_names: bool = False

    @property
    def text(self) -> str:
        """Return the form that stands for the person if none is known."""
        return self.forms[0]


@dataclass(slots=True)
class PastedPeople:
    """The people read from a text. `unread`: parts that name no person, with their line and the reason."""

    people: list[PersonEntry] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    columns: str = ""


def read(text: str, *, login_first: bool = False) -> PastedPeople:
    """Read the people of a text; `login_first` prefers a table's logins to its addresses."""
    found, read_in = rows_of(text), PastedPeople()
    if not found.rows:
        return read_in
    columns = columns_of(found)
    read_in.columns = _columns_words(columns) if columns else ""
    if columns:
        people = _of_table(found, columns, login_first)
    else:
        people = (person for row in found.rows for person in _of_row(row, found.delimiter))
    seen: set[str] = set()
    for each in people:
        _keep(each, read_in, seen)
    return read_in


def _keep(each: PersonEntry, read_in: PastedPeople, seen: set[str]) -> None:
    if not each.text:
        read_in.unread.append(f"Line {each.line}: no address, login or name in this row.")
    elif len(each.text) > LONGEST:
        start = each.text[:_MOST_QUOTED]
        read_in.unread.append(f"Line {each.line}: longer than {LONGEST} characters (“{start}…”).")
    elif each.text.casefold() not in seen:
        seen.add(each.text.casefold())
        read_in.people.append(each)


def _columns_words(columns: Columns) -> str:
    if columns.heading is None:
        place = min(columns.places.values()) + 1
        return f"Column {place} was read, the others were not."
    names = [plain(columns.heading.cells[place]) for place in sorted(columns.places.values())]
    return f"Line {columns.heading.line} holds headings; of the columns, {' and '.join(names)} were read."


def _of_table(found: Rows, columns: Columns, login_first: bool) -> Iterator[PersonEntry]:
    for row in found.rows:
        if row is columns.heading:
            continue
        if _does_not_fit(row, columns):
            yield from _of_row(row, found.delimiter)
        else:
            yield PersonEntry(row.line, _forms_of(row, columns.places, login_first) or ("",))


def _does_not_fit(row: Row, columns: Columns) -> bool:
    """Return whether a line does not fit the table: a single cell, too many cells, or a table of one column."""
    return columns.width == 1 or len(row.cells) == 1 or any(map(str.strip, row.cells[columns.width :]))


def _forms_of(row: Row, places: dict[Kind, int], login_first: bool) -> tuple[str, ...]:
    """Return the accounts of a row, or its name if it has none; a name is never a second form of an account."""
    cells = {kind: read_cell(row.cells[place]) for kind, place in places.items() if place < len(row.cells)}
    order = sorted(cells, key=lambda kind: (kind is not Kind.LOGIN if login_first else False, kind))
    accounts: list[str] = []
    for kind in order:
        cell = cells[kind]
        if cell.addresses:
            accounts += [text for group in mailboxes(cell.addresses) for text in group]
        elif kind is Kind.LOGIN and cell.words:
            accounts.append(cell.words)
    if accounts:
        return tuple(dict.fromkeys(accounts))
    words = [cells[kind].words for kind in (Kind.FIRST_NAME, Kind.LAST_NAME) if kind in cells]
    name = cells[Kind.NAME].words if Kind.NAME in cells else " ".join(words).strip()
    return (name or next((cell.words for cell in cells.values() if cell.words), ""),)


def _of_row(row: Row, delimiter: str) -> Iterator[PersonEntry]:
    """Yield the people of a line outside a table: every address, or else the names."""
    cells = [read_cell(part) for cell in row.cells for part in _BREAKS.split(cell) if part.strip()]
    groups = mailboxes([address for cell in cells for address in cell.addresses])
    if not groups:
        yield from _of_names(row, delimiter)
        return
    beside = _beside(cells)
    if len(groups) == 1:
        yield PersonEntry(row.line, groups[0], tuple(filter(None, beside)))
        return
    group_of = {text: group for group in groups for text in group}
    for cell, words in zip(cells, beside, strict=True):
        if words:
            yield PersonEntry(row.line, (words,))
        yield from (PersonEntry(row.line, group_of[address.text]) for address in cell.addresses)


def _beside(cells: Sequence[Cell]) -> list[str]:
    """Return the words of each cell, without display names of addresses in angle brackets.

    "Abel, Ann <…>" arrives as two cells if commas separate them: the first belongs to the second.
    """
    found = []
    for cell, follows in zip(cells, [*cells[1:], None], strict=True):
        is_last_name = not cell.addresses and follows is not None and follows.labels and " " not in cell.words
        found.append("" if cell.labels or is_last_name else cell.words)
    return found


def _of_names(row: Row, delimiter: str) -> Iterator[PersonEntry]:
    """Yield the people of a line without an address; a name may hold a comma, but no other delimiter."""
    if len(row.cells) == 1:
        for line in filter(None, map(str.strip, _LINE_ENDS.split(row.cells[0]))):
            texts = [text for part in _BREAKS.split(line) if (text := plain(part))]
            yield PersonEntry(row.line, tuple(texts[:1]) or ("",), tuple(texts), is_names=True)
        return
    cells = [text for cell in row.cells if (text := plain(cell))]
    whole = ", ".join(cells) if delimiter == "," else (cells or [""])[0]
    yield PersonEntry(row.line, (whole,), tuple(cells), is_names=True)
