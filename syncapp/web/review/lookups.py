"""The search for the row that a lookup should point to."""

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

MAX_NAME_LENGTH = 100
NO_ANSWER = "The CRM did not answer. Try again, or approve or reject the proposal."
REFUSED = "The CRM refused the search. Approve or reject the proposal, and tell an administrator."
NO_NAME = "Enter a word from the name."


@allow(Role.REVIEWER, methods=("POST",))
def find(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """Show the record page with the rows that were found; keep all input, and decide nothing."""
    field = record_page.get_field(field_id)
    name = request.POST.get(f"find.{field_id}", "").strip()[:MAX_NAME_LENGTH]
    rows, words = _search(field, name)
    problems: Problems = {field.pk: Problem(words, "find")} if words else {}
    return record_page.refuse(request, field.record, problems, status=200, lookup_rows={field.pk: rows})


def _search(field: SyncField, name: str) -> tuple[Sequence[NamedRow], str]:
    """Return the rows, and why there are none or fewer than the CRM has."""
    column = columns.find(field.record.target_table, field.column_name)
    if column is None or column.type is not ColumnType.LOOKUP or not name:
        return (), NO_NAME
    if not breakers.all_closed(breakers.SILENT_BREAKERS):
        return (), NO_ANSWER
    try:
        found = lookups.find(column, name, crm=clients.crm())
    except CrmError as error:
        return (), REFUSED if error.is_refusal else NO_ANSWER
    if found.left_out:
        rows = "1 row was" if found.left_out == 1 else f"{found.left_out} rows were"
        return found.rows, f"{rows} left out, because the CRM’s value cannot be read."
    return found.rows, "" if found.rows else f"No name in the CRM has words that begin with “{name}”. Try another word."
