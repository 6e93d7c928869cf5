"""Search for the row that a lookup should point to."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.http import HttpResponse

from syncapp.connection import clients
from syncapp.crm.errors import CrmError
from syncapp.crm.staging.records import ColumnType
from syncapp.crm.values.lookups import NamedRow
from syncapp.jobs import breakers
from syncapp.mirror import columns, lookups
from syncapp.models import SyncField
from syncapp.models.person import Role
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.review import record_page
from syncapp.web.review.decision_form import Problem
from syncapp.web.review.record_presenter import Problems

LONGEST_NAME = 100
NO_ANSWER = "The CRM did not answer. Try again, or approve or reject the proposal."
NO_NAME = "Enter a word of the name."


@allow(Role.REVIEWER, methods=("POST",))
def find(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Show the record page with the rows that were found; all input is kept and nothing is decided."""
    field = record_page.get_field(field_id)
    name = request.POST.get(f"find.{field_id}", "").strip()[:LONGEST_NAME]
    rows, words = _search(field, name)
    problems: Problems = {field.pk: Problem(words, "find")} if words else {}
    return record_page.refuse(request, field.record, problems, status=200, lookup_rows={field.pk: rows})


def _search(field: SyncField, name: str) -> tuple[Sequence[NamedRow], str]:
    """Return the rows, or why there are none."""
    column = columns.find(field.record.target_table, field.column_name)
    if column is None or column.type is not ColumnType.LOOKUP or not name:
        return (), NO_NAME
    if not breakers.all_closed(breakers.SILENT_BREAKERS):
        return (), NO_ANSWER
    try:
        rows = lookups.find(column, name, crm=clients.crm())
    except CrmError:
        return (), NO_ANSWER
    return rows, "" if rows else f"No name in the CRM has words that begin with “{name}”. Try another word."
