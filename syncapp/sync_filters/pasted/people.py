"""The people named in a pasted or uploaded text, each once, and the parts that could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from syncapp.sync_filters.pasted.cells import mailboxes, plain, read_cell
from syncapp.sync_filters.pasted.columns import Kind, columns_of
from syncapp.sync_filters.pasted.rows import Row, rows_of

LONGEST = 320  # the longest address ("RFC 5321", 64 + 1 + 255), and the length of a list's entry
_BREAKS = re.compile(r"[;\t\r\n]+")
_LINE_ENDS = re.compile(r"[\r\n]+")
_MAX_QUOTED = 60


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """One person named in a text: the forms to try, in order, and the unread cells `beside` them.

    `is_names`: the line holds only texts without an address, each of which may be a person's name.
    """

    line: int
    forms: tuple[str, ...]
    beside: tuple[str, ...] = ()
    is_names: bool = False

    @property
    def text(self) -> str:
        """Return the form to show for the person if none of the forms is known."""
        return self.forms[0]


@dataclass(slots=True)
class PastedPeople:
    """The people read from a text. `unread`: parts that name no person, with their line and the reason."""

    people: list[PersonEntry] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    columns: str = ""


def read(text: str, *, login_first: bool = False) -> PastedPeople:
    """Read the people named in a text; `login_first` prefers a table's logins to its addresses."""
    found, read_in = rows_of(text), PastedPeople()
    if not found.rows:
        return read_in
    columns, seen = columns_of(found), set[str]()
    read_in.columns = columns.words if columns else ""
    for row in found.rows:
        if columns and row is columns.heading:
            continue
        # A table has several columns; a row with a single cell, or with too many, is read as a line outside it.
        is_table = columns and columns.width > 1 and len(row.cells) > 1
        if columns and is_table and not any(map(str.strip, row.cells[columns.width :])):
            people = iter([PersonEntry(row.line, _forms_of(row, columns.places, login_first))])
        else:
            people = _of_row(row, found.delimiter)
        for each in people:
            if not each.text:
                read_in.unread.append(f"Line {each.line}: no address, login or name in this row.")
            elif len(each.text) > LONGEST:
                start = each.text[:_MAX_QUOTED]
                read_in.unread.append(f"Line {each.line}: longer than {LONGEST} characters (“{start}…”).")
            elif each.text.casefold() not in seen:
                seen.add(each.text.casefold())
                read_in.people.append(each)
    return read_in


def _forms_of(row: Row, places: dict[Kind, int], login_first: bool) -> tuple[str, ...]:
    """Return the accounts in a row, or its name if it has none; a name is never a second form of an account."""
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
    """Yield the people in a line outside a table: every address, or else the names.

    A name may hold a comma, but no other delimiter.
    """
    cells = [read_cell(part) for cell in row.cells for part in _BREAKS.split(cell) if part.strip()]
    groups = mailboxes([address for cell in cells for address in cell.addresses])
    if not groups and len(row.cells) == 1:
        for line in filter(None, map(str.strip, _LINE_ENDS.split(row.cells[0]))):
            texts = [text for part in _BREAKS.split(line) if (text := plain(part))]
            yield PersonEntry(row.line, tuple(texts[:1]) or ("",), tuple(texts), is_names=True)
        return
    if not groups:
        names = [text for cell in row.cells if (text := plain(cell))]
        whole = ", ".join(names) if delimiter == "," else (names or [""])[0]
        yield PersonEntry(row.line, (whole,), tuple(names), is_names=True)
        return
    beside = []  # the words of each cell, without display names of addresses in angle brackets
    for cell, follows in zip(cells, [*cells[1:], None], strict=True):
        # "Abel, Ann <…>" arrives as two cells if commas separate them: the first belongs to the second.
        is_last_name = not cell.addresses and follows is not None and follows.labels and " " not in cell.words
        beside.append("" if cell.labels or is_last_name else cell.words)
    if len(groups) == 1:
        yield PersonEntry(row.line, groups[0], tuple(filter(None, beside)))
        return
    group_of = {text: group for group in groups for text in group}
    for cell, words in zip(cells, beside, strict=True):
        if words:
            yield PersonEntry(row.line, (words,))
        yield from (PersonEntry(row.line, group_of[address.text]) for address in cell.addresses)
