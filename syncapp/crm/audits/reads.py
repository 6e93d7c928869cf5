"""Reads of the audit log; nothing here writes.

The list and the details are read separately, because over the Web API `RetrieveRecordChangeHistory` returns neither
user nor time ("Retrieve the history of audited data changes").
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.audits.records import AuditDetails, AuditEntry, AuditSettings, Operation
from syncapp.crm.batch import Read, encode_reads
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError, ProtocolError
from syncapp.crm.paging import Page, read_page
from syncapp.crm.responses import failure, require_parts
from syncapp.crm.transport import Transport
from syncapp.crm.values import canonical
from syncapp.crm.values.cells import Cells, flag, integer

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
_CHANGE_DATA = "changedata"
_DETAILS = "Microsoft.Dynamics.CRM.RetrieveAuditDetails"


class Audits:
    """Reads of the audit log. `link` comes from the previous page, '' for the first one."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def settings(self, *, deadline: Deadline | None = None) -> AuditSettings:
        """Return the organization's audit settings."""
        path = odata.query("organizations", select=("organizationid", "isauditenabled", "auditretentionperiodv2"))
        found = odata.collection(self._transport.get(path, deadline=deadline))
        if len(found) != 1:
            raise ProtocolError("The CRM did not return exactly one organization.", code="shape")
        days = found[0].get("auditretentionperiodv2")
        kept = None if days is None else integer(found[0], "auditretentionperiodv2")
        return AuditSettings(flag(found[0], "isauditenabled"), kept)

    def entries(
        self,
        table: str,
        *,
        since: datetime,
        rows: Collection[UUID] = (),
        users: Collection[UUID] = (),
        operations: Sequence[Operation] = (Operation.UPDATE,),
        with_change_data: bool = False,
        link: str = "",
        page_size: int = 500,
        deadline: Deadline | None = None,
    ) -> Page[AuditEntry]:
        """Return a page of the changes to a table's rows since a moment, oldest first.

        `rows` limits them to changes to these rows, `users` to changes made in these users' names.

        Entries may appear long after the change and out of order, so callers start again before the newest entry and
        recognize known entries by their id. `with_change_data` selects a column that the CRM may refuse, since the
        documentation does not agree on whether it can be read.
        """
        conditions = [
            f"objecttypecode eq {odata.literal(odata.identifier(table))}",
            f"({' or '.join(f'operation eq {int(operation)}' for operation in operations)})",
            f"createdon ge {canonical.instant_text(since)}",
            *([f"({odata.any_of('_objectid_value', sorted(rows))})"] if rows else []),
            *([f"({odata.any_of('_userid_value', sorted(users))})"] if users else []),
        ]
        select = (*_COLUMNS, _CHANGE_DATA) if with_change_data else _COLUMNS
        path = odata.query(_SET, select=select, filter=" and ".join(conditions), order_by="createdon asc")
        return read_page(self._transport, path, _entry, link=link, page_size=page_size, deadline=deadline)

    def details(self, entry_id: UUID, *, deadline: Deadline | None = None) -> AuditDetails:
        """Return the values of one change. Raises NotFound if the entry has been deleted."""
        return _details(self._transport.get(_details_path(entry_id), headers=odata.preferences(), deadline=deadline))

    def details_of(
        self, entry_ids: Sequence[UUID], *, deadline: Deadline | None = None
    ) -> tuple[AuditDetails | CrmError, ...]:
        """Return the values of up to 1,000 changes in one request, with an error in place of each unreadable one.

        Raises CrmError if the request failed as a whole.
        """
        reads = [Read(_details_path(entry_id), odata.preferences()) for entry_id in entry_ids]
        response = self._transport.read_batch(encode_reads(reads, api_path=self._transport.api_path), deadline=deadline)
        found: list[AuditDetails | CrmError] = []
        for part in require_parts(response, reads):
            try:
                found.append(failure(part) if part.failed else _details(part.json()))
            except ProtocolError as error:
                found.append(error)
        return tuple(found)


def _entry(row: odata.Row) -> AuditEntry:
    cells = Cells(row)
    changed = row.get(_CHANGE_DATA)  # only a hint: the values are read without it
    found = AuditEntry(
        id=cells.id("auditid"),
        created_on=cells.moment("createdon"),
        operation=cells.integer("operation"),
        action=cells.integer("action"),
        row_id=cells.guid("_objectid_value"),
        user_id=cells.guid("_userid_value"),
        calling_user_id=cells.guid("_callinguserid_value"),
        transaction_id=cells.guid("transactionid"),
        change_data=changed if isinstance(changed, str) else "",
    )
    return replace(found, problem=cells.problem)


def _details_path(entry_id: UUID) -> str:
    return f"{odata.row_path(_SET, entry_id)}/{_DETAILS}"


def _details(payload: odata.Row) -> AuditDetails:
    detail = payload.get("AuditDetail")
    if not isinstance(detail, dict):
        raise ProtocolError("The CRM's answer has no audit detail.", code="shape")
    kind = str(detail.get("@odata.type") or "").rpartition(".")[2]
    invalid = detail.get("InvalidNewValueAttributes") or []
    if not isinstance(invalid, list):
        raise ProtocolError("The columns without a new value are not a list.", code="shape")
    return AuditDetails(kind, _values(detail, "OldValue"), _values(detail, "NewValue"), frozenset(map(str, invalid)))


def _values(detail: odata.Row, name: str) -> odata.Row:
    row = detail.get(name) or {}
    if not isinstance(row, dict):
        raise ProtocolError("The values of an audit detail are not an object.", code="shape")
    return row
