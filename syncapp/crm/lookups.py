"""Rows that a lookup can point to, found by the beginning of their names."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.cells import guid, read_all, text
from syncapp.crm.deadline import Deadline
from syncapp.crm.transport import Transport

# "Query table definitions using the Web API": what a table calls its rows and their ids.
_DEFINITION = ("EntitySetName", "PrimaryIdAttribute", "PrimaryNameAttribute")


@dataclass(frozen=True, slots=True)
class NamedRow:
    """One row of the CRM as a person would choose it."""

    table: str
    id: UUID
    name: str

    @property
    def value(self) -> str:
        """The canonical text of a lookup to it."""
        return f"{self.table}:{self.id}"


class Lookups:
    """Reads only."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def named(self, table: str, beginning: str, *, most: int, deadline: Deadline | None = None) -> tuple[NamedRow, ...]:
        """The first rows of a table, by name, whose name begins with these words; the CRM ignores their case."""
        path = f"EntityDefinitions(LogicalName={odata.literal(odata.identifier(table))})"
        definition = self._transport.get(odata.query(path, select=_DEFINITION), deadline=deadline)
        set_name, row_id, name = (odata.identifier(text(definition, each)) for each in _DEFINITION)
        condition = f"startswith({name},{odata.literal(odata.without_wildcards(beginning))})"
        found = odata.query(set_name, select=(row_id, name), filter=condition, order_by=name, top=most)
        rows = odata.collection(self._transport.get(found, deadline=deadline))
        # One whose id or name cannot be read is no choice for a person.
        return read_all(rows, lambda row: NamedRow(table, guid(row, row_id), text(row, name)))[0]
