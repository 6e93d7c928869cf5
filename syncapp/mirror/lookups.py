"""The search for target rows of a lookup column in the CRM, while a person waits."""

from __future__ import annotations

from syncapp.crm.client import CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.staging.records import Column
from syncapp.crm.values.lookups import NamedRows

MAX_ROWS = 8  # per table, for a short list of choices
MAX_TABLES = 3
SECONDS = 5.0


def find(column: Column, name: str, *, crm: CrmClient) -> NamedRows:
    """Return rows whose names match `name`, from up to MAX_TABLES tables that the column can point to.

    Raises CrmError, also if the search takes longer than SECONDS.
    """
    deadline = Deadline.after(SECONDS)
    tables = column.targets[:MAX_TABLES]
    answers = [crm.lookups.search(table, name, limit=MAX_ROWS, deadline=deadline) for table in tables]
    rows = tuple(row for answer in answers for row in answer.rows)
    return NamedRows(rows, left_out=sum(answer.left_out for answer in answers))
