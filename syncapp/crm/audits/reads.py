"""Reads of the audit log; nothing here writes.

List and details are read apart: `RetrieveRecordChangeHistory` gives no user and no time over the Web API ("Retrieve the
history of audited data changes").
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.audits.records import AuditDetails, AuditEntry, AuditSettings, Operation
from syncapp.crm.deadline import Deadline
from syncapp.crm.directory.records import Page
from syncapp.crm.errors import ProtocolError
from syncapp.crm.transport import Transport
from syncapp.crm.values import canonical
from syncapp.crm.values.cells import Cells, flag, optional_text, read_all, whole

_SET = "audits"
_COLUMNS = (
    "auditid",
    "createdon",
    "action",
    "operation",
    "_objectid_value",
    "_userid_value",
    "_callinguserid_value",
    "transactionid",
)
_DETAILS = "Microsoft.Dynamics.CRM.RetrieveAuditDetails"


class Audits:
    """Reads of the audit log. `link` comes from the previous page, '' for the first one."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def settings(self, *, deadline: Deadline | None = None) -> AuditSettings:
        """Return what the organization's auditing is set to."""
        path = odata.query("organizations", select=("organizationid", "isauditenabled", "auditretentionperiodv2"))
        found = odata.collection(self._transport.get(path, deadline=deadline))
        if len(found) != 1:
            raise ProtocolError("The CRM did not return exactly one organization.", code="shape")
        days = found[0].get("auditretentionperiodv2")
        kept = None if days is None else whole(found[0], "auditretentionperiodv2")
        return AuditSettings(flag(found[0], "isauditenabled"), kept)

    def entries(
        self,
        table: str,
        *,
        since: datetime,
        rows: Collection[UUID] = (),
        operation: Operation = Operation.UPDATE,
        link: str = "",
        page_size: int = 500,
        deadline: Deadline | None = None,
    ) -> Page[AuditEntry]:
        """Return a page of the changes of a table's rows since a moment, oldest first; of `rows` only, if given.

        Entries may appear long after the change, and not in its order: read again from before the newest one, and
        recognize entries by their id.
        """
        headers = odata.preferences(page_size=page_size)
        if link:
            payload = self._transport.follow(link, headers=headers, deadline=deadline)
        else:
            conditions = [
                f"objecttypecode eq {odata.literal(odata.identifier(table))}",
                f"operation eq {int(operation)}",
                f"createdon ge {canonical.instant_text(since)}",
                *([f"({odata.any_of('_objectid_value', sorted(rows))})"] if rows else []),
            ]
            path = odata.query(_SET, select=_COLUMNS, filter=" and ".join(conditions), order_by="createdon asc")
            payload = self._transport.get(path, headers=headers, deadline=deadline)
        found, unreadable = read_all(odata.collection(payload), _entry)
        return Page(found, self._transport.checked(odata.link(payload, "@odata.nextLink")), unreadable)

    def details(self, entry_id: UUID, *, deadline: Deadline | None = None) -> AuditDetails:
        """Return the values of one change. Raises NotFound once the entry is deleted."""
        path = f"{odata.row_path(_SET, entry_id)}/{_DETAILS}"
        detail = self._transport.get(path, headers=odata.preferences(), deadline=deadline).get("AuditDetail")
        if not isinstance(detail, dict):
            raise ProtocolError("The CRM's answer has no audit detail.", code="shape")
        kind = str(detail.get("@odata.type") or "").rpartition(".")[2]
        return AuditDetails(kind, _values(detail, "OldValue"), _values(detail, "NewValue"))

    def change_data(self, entry_id: UUID, *, deadline: Deadline | None = None) -> str:
        """Return the column `changedata` of an entry, '' when empty.

        Whether it can be read is not documented alike everywhere; the CRM may refuse it.
        """
        path = odata.query(odata.row_path(_SET, entry_id), select=("auditid", "changedata"))
        return optional_text(self._transport.get(path, deadline=deadline), "changedata") or ""


def _entry(row: odata.Row) -> AuditEntry:
    cells = Cells(row)
    found = AuditEntry(
        id=cells.id("auditid"),
        created_on=cells.moment("createdon"),
        operation=cells.whole("operation"),
        action=cells.whole("action"),
        row_id=cells.guid("_objectid_value"),
        user_id=cells.guid("_userid_value"),
        calling_user_id=cells.guid("_callinguserid_value"),
        transaction_id=cells.guid("transactionid"),
    )
    return replace(found, problem=cells.problem)


def _values(detail: odata.Row, name: str) -> Mapping[str, object]:
    row = detail.get(name) or {}
    if not isinstance(row, dict):
        raise ProtocolError("The values of an audit detail are not an object.", code="shape")
    # Annotations describe a value, they are none.
    return {column: value for column, value in row.items() if "@" not in column}
