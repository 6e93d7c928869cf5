"""The columns of a table that name each row's person, found by headings and by content."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from syncapp.sync_filters.pasted.cells import clean, read_cell
from syncapp.sync_filters.pasted.rows import Row, Rows


class Kind(IntEnum):
    """Kinds of columns, in the order in which they are searched for a person."""

    MAIL = 1
    ACCOUNT = 2
    LOGIN = 3
    NAME = 4
    FIRST_NAME = 5
    LAST_NAME = 6


_HEADINGS = {
    Kind.MAIL: (
        "mail email mailaddress emailaddress emailaddresses address addresses primarysmtpaddress primaryemail"
        " primaryemailaddress windowsemailaddress internalemailaddress workemail businessemail smtp smtpaddress"
        " mailadresse emailadresse adresse epost courriel"
    ),
    Kind.ACCOUNT: "userprincipalname upn windowsliveid microsoftonlineservicesid benutzerprinzipalname",
    Kind.LOGIN: (
        "login loginname logon logonname username domainname samaccountname account accountname userid"
        " anmeldename benutzeranmeldename"
    ),
    Kind.NAME: "user users name fullname displayname commonname cn person anzeigename vollstandigername benutzer",
    Kind.FIRST_NAME: "firstname givenname vorname",
    Kind.LAST_NAME: "lastname surname familyname sn nachname",
}
_KINDS = {heading: kind for kind, headings in _HEADINGS.items() for heading in headings.split()}
_MIN_ADDRESS_SHARE = 0.5
_MIN_USUAL_WIDTH_SHARE = 0.8
_MAX_SAMPLE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Columns:
    """The indexes of the columns that name a person, by kind, and the number of columns of the table.

    `heading` is the row of headings, or None.
    """

    indexes: dict[Kind, int]
    width: int
    heading: Row | None = None

    @property
    def words(self) -> str:
        """Return a sentence about which columns were read."""
        if self.heading is None:
            return f"Column {min(self.indexes.values()) + 1} was read, the others were not."
        names = [clean(self.heading.cells[index]) for index in sorted(self.indexes.values())]
        return f"Line {self.heading.line} contains headings; of the columns, {' and '.join(names)} were read."


def kind_of(heading: str) -> Kind | None:
    """Return the kind of column that a heading names; None for an unknown heading."""
    folded = unicodedata.normalize("NFKD", heading).casefold()
    return _KINDS.get("".join(letter for letter in folded if letter.isalnum()))


def columns_of(pasted: Rows) -> Columns | None:
    """Return the columns that name people; None if the rows are not a table."""
    first, rest = pasted.rows[0], pasted.rows[1:_MAX_SAMPLE_ROWS]
    if not rest:
        return None
    kinds = [kind_of(cell) for cell in first.cells]
    if any(kinds) and not any(read_cell(cell).addresses for cell in first.cells):
        indexes: dict[Kind, int] = {}
        for index, kind in enumerate(kinds):
            # A mail column without addresses holds something else, such as streets.
            needs_address = kind in (Kind.MAIL, Kind.ACCOUNT)
            if kind and (not needs_address or any(read_cell(_cell(row, index)).addresses for row in rest)):
                indexes.setdefault(kind, index)
        recognized = set(indexes) - {Kind.FIRST_NAME}
        mail = None if recognized & {Kind.MAIL, Kind.ACCOUNT} else _mail_column(rest)
        return Columns(indexes if mail is None else {Kind.MAIL: mail, **indexes}, len(first.cells), heading=first)
    rows = pasted.rows[:_MAX_SAMPLE_ROWS]
    width, rows_of_width = _usual_width(rows)
    if width < 2 or rows_of_width < _MIN_USUAL_WIDTH_SHARE * len(rows):
        return None
    mail = _mail_column(rows)
    if mail is None and not pasted.is_table:
        return None
    filled = [index for index in range(width) if any(_cell(row, index) for row in rows)]
    if mail is not None and all(_address_share(rows, index) > _MIN_ADDRESS_SHARE for index in filled):
        return None  # nothing but addresses: a list of people, several per line
    indexes = {Kind.NAME: 0} if mail is None else {Kind.MAIL: mail}
    has_heading = _looks_like_headings(first, rest, indexes, is_table=pasted.is_table)
    return Columns(indexes, _usual_width(pasted.rows)[0], heading=first if has_heading else None)


def _usual_width(rows: Sequence[Row]) -> tuple[int, int]:
    """Return the most frequent number of cells, and how many rows have it."""
    return Counter(len(row.cells) for row in rows).most_common(1)[0]


def _mail_column(rows: Sequence[Row]) -> int | None:
    width = max(len(row.cells) for row in rows)
    return next((index for index in range(width) if _address_share(rows, index) > _MIN_ADDRESS_SHARE), None)


def _address_share(rows: Sequence[Row], index: int) -> float:
    """Return the share of a column's filled cells that hold nothing but an address."""
    filled = [read_cell(cell) for row in rows if (cell := _cell(row, index))]
    return sum(bool(cell.addresses) and not cell.words for cell in filled) / len(filled) if filled else 0


def _cell(row: Row, index: int) -> str:
    return row.cells[index].strip() if index < len(row.cells) else ""


def _looks_like_headings(first: Row, rest: Sequence[Row], indexes: dict[Kind, int], *, is_table: bool) -> bool:
    """Return whether the first row looks like headings that are not known: no address, and no empty cell.

    Unless the text declares itself a table, its cells must also differ, and all other rows must have an address.
    """
    if any(read_cell(cell).addresses or not cell.strip() for cell in first.cells):
        return False
    if is_table:
        return True
    mail = indexes[Kind.MAIL]
    return len(set(first.cells)) == len(first.cells) and all(read_cell(_cell(row, mail)).addresses for row in rest)
