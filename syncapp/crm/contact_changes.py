"""Recent changes to contacts, from the columns in which the CRM keeps the last change to each row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.deadline import Deadline
from syncapp.crm.staging import changes, rows
from syncapp.crm.staging.records import ChangePage
from syncapp.crm.transport import Transport
from syncapp.crm.values import canonical
from syncapp.crm.values.cells import Cells, integer, read_all

_COLUMNS = ("contactid", "modifiedon", "createdon", "_modifiedby_value", "_modifiedonbehalfby_value", "versionnumber")


@dataclass(frozen=True, slots=True)
class ContactChange:
    """The last change to one contact; `signed_by` is the user in *Modified By (Delegate)*.

    `version` is new after every change, even after two in the same second.
    """

    contact_id: UUID
    modified_on: datetime | None
    created_on: datetime | None
    modified_by: UUID | None
    signed_by: UUID | None
    version: int | None = None
    problem: str = ""

    @property
    def is_update(self) -> bool:
        """Return whether the row was changed after it was created."""
        return self.modified_on is not None and self.modified_on != self.created_on


class ContactChanges:
    """Reads of the last changes to contacts."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def latest(self, *, limit: int, deadline: Deadline | None = None) -> tuple[ContactChange, ...]:
        """Return the last change to each of up to `limit` contacts, newest first."""
        path = odata.query("contacts", select=_COLUMNS, order_by="modifiedon desc", top=limit)
        found = odata.collection(self._transport.get(path, deadline=deadline))
        return read_all(found, _change)[0]

    def tracked(
        self, link: str = "", *, page_size: int = 5000, deadline: Deadline | None = None
    ) -> ChangePage[ContactChange]:
        """Return a page of contacts: all of them, or those changed since the delta link `link`.

        Raises DeltaExpired when the link no longer works.
        """
        headers = odata.preferences(page_size=page_size, track_changes=not link)
        if link:
            payload = changes.follow(self._transport, link, headers=headers, select=_COLUMNS, deadline=deadline)
        else:
            payload = self._transport.get(odata.query("contacts", select=_COLUMNS), headers=headers, deadline=deadline)
        return rows.change_page(payload, _change, self._transport.check_link)

    def count_signed(self, user_id: UUID, *, since: datetime, deadline: Deadline | None = None) -> int:
        """Count up to 5,000 contacts whose last change was made after `since`, with this user as delegate."""
        condition = f"_modifiedonbehalfby_value eq {user_id} and modifiedon ge {canonical.instant_text(since)}"
        path = odata.query("contacts", select=("contactid",), filter=condition, top=1) + "&$count=true"
        return integer(self._transport.get(path, deadline=deadline), "@odata.count")


def _change(row: odata.Row) -> ContactChange:
    cells = Cells(row)
    found = ContactChange(
        contact_id=cells.id("contactid"),
        modified_on=cells.moment("modifiedon"),
        created_on=cells.moment("createdon"),
        modified_by=cells.guid("_modifiedby_value"),
        signed_by=cells.guid("_modifiedonbehalfby_value"),
        version=cells.integer("versionnumber") if row.get("versionnumber") is not None else None,
    )
    return replace(found, problem=cells.problem)
