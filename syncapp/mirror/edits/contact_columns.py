"""The contact columns that the portal itself needs; columns that the CRM's definitions lack are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from syncapp.connection import clients
from syncapp.crm.client import CrmClient
from syncapp.crm.staging.records import STATE_COLUMNS, Column
from syncapp.mirror import columns
from syncapp.models import SyncField

TABLE = "contact"
OWNER, COMPANY = "ownerid", "parentcustomerid"
_STATE, _MASTER = STATE_COLUMNS
_CONSEQUENCES: Mapping[str, str] = {
    OWNER: "Owners of contacts are not shown.",
    COMPANY: "Companies are neither shown nor found by the search.",
    _STATE: "Deactivated contacts are shown like active ones.",
    _MASTER: "Merged contacts are shown like deactivated ones.",
}
_REVISION_MISSING = (
    "It is looked for again before each write. While it is missing, written values carry no revision, by which a "
    "plug-in could tell them from Outlook edits."
)
_MAX_EDITED = 50
_EDITED = "Edits to it can be rejected, but not written."


def missing(edited: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return each needed column that the CRM lacks, with the consequence; none before the definitions have been read.

    `edited` names the columns of waiting edits, which may belong to other tables too.
    """
    known = columns.of_table(TABLE)
    if not known:
        return []
    consequences = dict(_CONSEQUENCES)
    if revision := clients.names().contact_revision:
        consequences[revision] = _REVISION_MISSING
    for name in sorted(set(edited) - set(known))[:_MAX_EDITED]:
        if SyncField.objects.open().filter(column_name=name, record__target_table=TABLE).exists():
            consequences.setdefault(name, _EDITED)
    return [(name, consequence) for name, consequence in consequences.items() if name not in known]


def has_revision(known: Mapping[str, Column]) -> bool:
    """Return whether a table has a revision column, judging by CRM_NAMES and its known columns."""
    return clients.names().contact_revision in known


def for_writing(table: str, *, crm: CrmClient) -> Mapping[str, Column]:
    """Return the columns of a table, read again at most once a minute while the revision column is missing.

    A plug-in that has just been set up would revert a value written without the revision. Raises CrmError.
    """
    name = clients.names().contact_revision
    known = columns.of_table(table)
    if table != TABLE or not name or name in known or not columns.needs_refresh(table, [name]):
        return known
    columns.refresh(crm, table=table, force=True)
    return columns.of_table(table)
