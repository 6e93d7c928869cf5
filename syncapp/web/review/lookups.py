"""Correcting a lookup: the CRM's rows by the words of their names, to choose from on the record page."""

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
from syncapp.web.review.forms import Problem
from syncapp.web.review.record_page import Problems

LONGEST_NAME = 100
NO_ANSWER = "CRM did not answer. Try again, or approve or reject the proposal."
NO_NAME = "Type a word of the name first."


@allow(Role.REVIEWER, methods=("POST",))
def find(request: PortalRequest, field_id: uuid.UUID) -> HttpResponse:
    """The record's page with the rows that were found, and with all that was typed. Nothing is decided by it."""
    field = record_page.field_or_404(field_id)
    sought = request.POST.get(f"find.{field_id}", "").strip()[:LONGEST_NAME]
    found, words = _found(field, sought)
    problems: Problems = {field.pk: Problem(words, "find")} if words else {}
    return record_page.page_again(request, field.record, problems, status=200, found={field.pk: found})


def _found(field: SyncField, sought: str) -> tuple[Sequence[NamedRow], str]:
    column = columns.find(field.record.target_table, field.column_name)
    if column is None or column.type is not ColumnType.LOOKUP or not sought:
        return (), NO_NAME
    if not breakers.all_closed(breakers.SILENT_BREAKERS):
        return (), NO_ANSWER
    try:
        rows = lookups.find(column, sought, crm=clients.crm())
    except CrmError:
        return (), NO_ANSWER
    return rows, "" if rows else f"No row in the CRM has words that begin with “{sought}”."
