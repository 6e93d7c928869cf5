"""Single users: their roles and privileges.

Sources: "RetrieveUserPrivileges function", "RolePrivilege complex type".
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.deadline import Deadline
from syncapp.crm.transport import Transport
from syncapp.crm.values.cells import flag, guid, optional_guid, text

_USER = ("systemuserid", "fullname", "applicationid", "isdisabled", "_businessunitid_value")
_ROLES = "systemuserroles_association"


@dataclass(frozen=True, slots=True)
class Account:
    """The portal's user in the CRM; `roles` are the names of its own roles, not of those it has through teams."""

    id: UUID
    name: str
    application_id: UUID | None
    is_disabled: bool
    business_unit: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldPrivilege:
    """A privilege with its level of access: Basic, Local, Deep or Global."""

    name: str
    depth: str


class Accounts:
    """Reads of single users and their privileges."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def account(self, user_id: UUID, *, deadline: Deadline | None = None) -> Account:
        """Return a user with the names of their own roles."""
        path = odata.query(odata.row_path("systemusers", user_id), select=_USER, expand=f"{_ROLES}($select=name)")
        row = self._transport.get(path, headers=odata.preferences(), deadline=deadline)
        return Account(
            id=guid(row, "systemuserid"),
            name=text(row, "fullname"),
            application_id=optional_guid(row, "applicationid"),
            is_disabled=flag(row, "isdisabled"),
            business_unit=text(row, "_businessunitid_value" + odata.FORMATTED),
            roles=tuple(sorted(text(role, "name") for role in odata.collection({"value": row.get(_ROLES)}))),
        )

    def ids_by_name(self, name: str, *, deadline: Deadline | None = None) -> tuple[UUID, ...]:
        """Return the ids of the users with this full name."""
        path = odata.query("systemusers", select=("systemuserid",), filter=f"fullname eq {odata.literal(name)}")
        found = odata.collection(self._transport.get(path, deadline=deadline))
        return tuple(guid(row, "systemuserid") for row in found)

    def privileges(self, user_id: UUID, *, deadline: Deadline | None = None) -> tuple[HeldPrivilege, ...]:
        """Return the privileges of a user's own roles and of their teams' roles."""
        path = f"{odata.row_path('systemusers', user_id)}/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
        found = self._transport.get(path, deadline=deadline).get("RolePrivileges")
        rows = odata.collection({"value": found})
        return tuple(HeldPrivilege(text(row, "PrivilegeName"), text(row, "Depth")) for row in rows)

    def version(self, *, deadline: Deadline | None = None) -> str:
        """Return the version of the CRM ("RetrieveVersion function")."""
        return text(self._transport.get("RetrieveVersion()", deadline=deadline), "Version")
