"""The people named in a pasted or uploaded text, each once, and the parts that could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from syncapp.sync_filters.pasted.cells import clean, group_by_mailbox, read_cell
from syncapp.sync_filters.pasted.columns import Kind, columns_of
from syncapp.sync_filters.pasted.rows import Row, rows_of

MAX_LENGTH = 320  # of an address ("RFC 5321", 64 + 1 + 255), and the length of a list's entry
_TEXT_SEPARATORS = re.compile(r"[;\t\r\n]+")
_LINE_ENDS = re.compile(r"[\r\n]+")
_MAX_QUOTED = 60


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """One person named in a text. `forms`: the addresses, logins or names to look up, in order.

    `row_texts`: the texts in the person's row that are not addresses. `is_names`: the row has no address, so each of
    them may be a person's name.
    """

    line: int
    forms: tuple[str, ...]
    row_texts: tuple[str, ...] = ()
    is_names: bool = False

    @property
    def text(self) -> str:
        """Return the form to show for the person if none of the forms is known."""
        return self.forms[0]


@dataclass(slots=True)
class PastedPeople:
    """The people read from a text. `unread`: parts that name no person, with their line and the reason.

    `columns`: a sentence about which columns of a table were read.
    """

    people: list[PersonEntry] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    columns: str = ""


def read(text: str, *, login_first: bool = False) -> PastedPeople:
    """Read the people named in a text; `login_first` prefers a table's logins to its addresses."""
    found, result = rows_of(text), PastedPeople()
    if not found.rows:
        return result
    columns, seen = columns_of(found), set[str]()
    result.columns = columns.words if columns else ""
    for row in found.rows:
        if columns and row is columns.heading:
            continue
        # A table has several columns. A row with a single cell, or with too many, is not part of it.
        is_table = columns and columns.width > 1 and len(row.cells) > 1
        if columns and is_table and not any(map(str.strip, row.cells[columns.width :])):
            people = iter([PersonEntry(row.line, _search_texts(row, columns.indexes, login_first))])
        else:
            people = _people_in_row(row, found.delimiter)
        for each in people:
            if not each.text:
                result.unread.append(f"Line {each.line}: no address, login or name in this row.")
            elif len(each.text) > MAX_LENGTH:
                start = each.text[:_MAX_QUOTED]
                result.unread.append(f"Line {each.line}: longer than {MAX_LENGTH} characters (“{start}…”).")
            elif each.text.casefold() not in seen:
                seen.add(each.text.casefold())
                result.people.append(each)
    return result


def _search_texts(row: Row, indexes: dict[Kind, int], login_first: bool) -> tuple[str, ...]:
    """Return the addresses and logins of a row, which may mean the same user; its name if it has neither."""
    cells = {kind: read_cell(row.cells[index]) for kind, index in indexes.items() if index < len(row.cells)}
    order = sorted(cells, key=lambda kind: (kind is not Kind.LOGIN if login_first else False, kind))
    accounts: list[str] = []
    for kind in order:
        cell = cells[kind]
        if cell.addresses:
            accounts += [text for group in group_by_mailbox(cell.addresses) for text in group]
        elif kind is Kind.LOGIN and cell.words:
            accounts.append(cell.words)
    if accounts:
        return tuple(dict.fromkeys(accounts))
    words = [cells[kind].words for kind in (Kind.FIRST_NAME, Kind.LAST_NAME) if kind in cells]
    name = cells[Kind.NAME].words if Kind.NAME in cells else " ".join(words).strip()
    return (name or next((cell.words for cell in cells.values() if cell.words), ""),)


def _people_in_row(row: Row, delimiter: str) -> Iterator[PersonEntry]:
    """Yield the people in a row that is not part of a table: every address, or else the names.

    A name may contain a comma, but no other delimiter.
    """
    cells = [read_cell(part) for cell in row.cells for part in _TEXT_SEPARATORS.split(cell) if part.strip()]
    groups = group_by_mailbox([address for cell in cells for address in cell.addresses])
    if not groups and len(row.cells) == 1:
        for line in filter(None, map(str.strip, _LINE_ENDS.split(row.cells[0]))):
            texts = [text for part in _TEXT_SEPARATORS.split(line) if (text := clean(part))]
            yield PersonEntry(row.line, tuple(texts[:1]) or ("",), tuple(texts), is_names=True)
        return
    if not groups:
        names = [text for cell in row.cells if (text := clean(cell))]
        whole = ", ".join(names) if delimiter == "," else (names or [""])[0]
        yield PersonEntry(row.line, (whole,), tuple(names), is_names=True)
        return
    row_texts = []  # the words of each cell, except display names of addresses in angle brackets
    for cell, next_cell in zip(cells, [*cells[1:], None], strict=True):
        # "Abel, Ann <…>" arrives as two cells if commas separate them: the first belongs to the second.
        is_last_name = not cell.addresses and next_cell is not None and next_cell.has_label and " " not in cell.words
        row_texts.append("" if cell.has_label or is_last_name else cell.words)
    if len(groups) == 1:
        yield PersonEntry(row.line, groups[0], tuple(filter(None, row_texts)))
        return
    group_of = {text: group for group in groups for text in group}
    for cell, words in zip(cells, row_texts, strict=True):
        if words:
            yield PersonEntry(row.line, (words,))
        yield from (PersonEntry(row.line, group_of[address.text]) for address in cell.addresses)
