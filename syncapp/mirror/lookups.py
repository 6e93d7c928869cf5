"""What a lookup column can point to, asked of the CRM while a person waits."""

from __future__ import annotations

from syncapp.crm.client import CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.staging.records import Column
from syncapp.crm.values.lookups import NamedRow

MAX_ROWS = 8  # rows of one table: a list to choose from, not to read
MAX_TABLES = 3
SECONDS = 5.0


def find(column: Column, sought: str, *, crm: CrmClient) -> tuple[NamedRow, ...]:
    """Return rows found by the words of their names, of each table that the column may point to, within SECONDS.

    Raises CrmError.
    """
    deadline = Deadline.after(SECONDS)
    tables = column.targets[:MAX_TABLES]
    return tuple(row for table in tables for row in crm.lookups.named(table, sought, most=MAX_ROWS, deadline=deadline))
