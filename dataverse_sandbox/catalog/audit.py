"""The audit table, which triggers fill ("Retrieve the history of audited data changes")."""

from __future__ import annotations

from dataclasses import replace

from dataverse_sandbox.catalog.columns import Column, Kind, Table, coded, derived, lookup, memo, moment, text

CREATE, UPDATE, DELETE, MERGE, ASSIGN, SET_STATE = 1, 2, 3, 12, 13, 41
_ACTIONS = (
    *((0, "Unknown"), (CREATE, "Create"), (UPDATE, "Update"), (DELETE, "Delete"), (4, "Activate"), (5, "Deactivate")),
    *((11, "Cascade"), (MERGE, "Merge"), (ASSIGN, "Assign"), (14, "Share"), (SET_STATE, "Set State")),
)
_OPERATIONS = ((1, "Create"), (2, "Update"), (3, "Delete"), (4, "Access"))


def _row_of(name: str, label: str) -> Column:
    """Return a lookup to a row of any table, which has no navigation property; `targets` are those with names."""
    return replace(lookup(name, label, "account", "contact"), is_mirror=True)


AUDIT = Table(
    name="audit",
    set_name="audits",
    schema_name="Audit",
    privilege="AuditSummary",
    label="Auditing",
    plural_label="Auditing",
    object_type_code=4567,
    primary_name="auditid",
    indexes=("createdon", "objectid"),
    columns=(
        Column("auditid", Kind.KEY, "Record Id", ledgered=False, audited=False, required="SystemRequired"),
        *(
            derived(column)
            for column in (
                moment("createdon", "Changed Date"),
                coded("action", "Event", *_ACTIONS),
                coded("operation", "Operation", *_OPERATIONS),
                text("objecttypecode", "Entity", 64),
                _row_of("objectid", "Record"),
                _row_of("regardingobjectid", "Regarding"),
                lookup("userid", "Changed By", "systemuser", systemuser="lk_audit_userid"),
                lookup("callinguserid", "Calling User", "systemuser", systemuser="lk_audit_callinguserid"),
                Column("transactionid", Kind.GUID, "Transaction Id"),
                memo("attributemask", "Changed Field"),
                memo("changedata", "Change Data"),
                text("useradditionalinfo", "User Info", 350),
                Column("versionnumber", Kind.VERSION, "Version Number"),
            )
        ),
    ),
    change_tracking=False,
    writable=False,
)
