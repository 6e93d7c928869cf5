"""Search for rows that a lookup can refer to, by words in their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.deadline import Deadline
from syncapp.crm.transport import Transport
from syncapp.crm.values.cells import Cells, guid, read_all, text

MAX_WORDS = 8
# "Query table definitions using the Web API": the names of a table's set, key and name column.
_DEFINITION = ("EntitySetName", "PrimaryIdAttribute", "PrimaryNameAttribute")
# Columns that distinguish rows with the same name; other tables have no such column that all organizations fill in.
_DETAILS = {"account": "address1_city", "contact": "emailaddress1"}


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row of the CRM that a person can choose. `detail` distinguishes rows with the same name."""

    table: str
    id: UUID
    name: str
    detail: str = field(default="", compare=False)

    @property
    def value(self) -> str:
        """Return the canonical text of a lookup to this row."""
        return f"{self.table}:{self.id}"


@dataclass(frozen=True, slots=True)
class NamedRows:
    """The rows that a search found; `left_out` counts further ones whose id or name cannot be read."""

    rows: tuple[NamedRow, ...] = ()
    left_out: int = 0


class Lookups:
    """Reads of rows for lookups; nothing is written."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def search(self, table: str, words: str, *, limit: int, deadline: Deadline | None = None) -> NamedRows:
        """Return up to `limit` rows of a table, sorted by name, whose names contain words beginning with `words`.

        The CRM ignores case, and accents if its database does. Without words, all rows match.
        """
        path = f"EntityDefinitions(LogicalName={odata.literal(odata.identifier(table))})"
        definition = self._transport.get(odata.query(path, select=_DEFINITION), deadline=deadline)
        set_name, row_id, name = (odata.identifier(text(definition, each)) for each in _DEFINITION)
        conditions = []
        for word in map(odata.escape_wildcards, words.split()[:MAX_WORDS]):
            inside = " or ".join(f"contains({name},{odata.literal(sign + word)})" for sign in (" ", "-"))
            conditions.append(f"(startswith({name},{odata.literal(word)}) or {inside})")
        only = {"filter": " and ".join(conditions)} if conditions else {}
        detail = _DETAILS.get(table, "")
        found = odata.query(set_name, select=(row_id, name, *filter(None, [detail])), order_by=name, top=limit, **only)
        rows = odata.collection(self._transport.get(found, deadline=deadline))

        def named(row: odata.Row) -> NamedRow:
            return NamedRow(table, guid(row, row_id), text(row, name), Cells(row).text(detail) if detail else "")

        # People cannot choose a row whose id or name cannot be read.
        readable, unreadable = read_all(rows, named)
        return NamedRows(readable, left_out=len(unreadable))
