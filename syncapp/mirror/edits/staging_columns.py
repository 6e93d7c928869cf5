"""The columns of the staging tables that a CRM may lack: what staged an edit, and whether it is restored."""

from __future__ import annotations

from syncapp.connection import clients
from syncapp.crm.client import CrmClient
from syncapp.crm.staging.records import Column
from syncapp.mirror import columns


def has_origin(crm: CrmClient, *, retry: bool = False) -> bool:
    """Return whether the CRM's table of edits has both columns, according to CRM_NAMES and its definition.

    With `retry`, a definition that lacks them is read again, at most once a minute. Raises CrmError.
    """
    names = clients.names()
    wanted = [names.record_source, names.record_restored]
    if not all(wanted):
        return False
    columns.refresh(crm, table=names.record_table)
    if retry and columns.needs_refresh(names.record_table, wanted):
        columns.refresh(crm, table=names.record_table, force=True)
    return set(wanted) <= columns.select(names.record_table, wanted).keys()


def lookups(crm: CrmClient) -> dict[str, Column]:
    """Return the lookups of both staging tables by name. Raises CrmError."""
    names = clients.names()
    wanted = {
        names.record_table: [names.record_contact, names.record_editor],
        names.field_table: [names.field_record],
    }
    found: dict[str, Column] = {}
    for table, lookup_names in wanted.items():
        columns.refresh(crm, table=table)
        found |= {name: column for name, column in columns.select(table, lookup_names).items() if name in lookup_names}
    return found
