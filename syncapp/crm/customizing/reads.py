"""Reads of what the setup compares: publishers, solutions and their components, roles, web resources, definitions.

Sources: "Publisher table reference", "Solution table reference", "solutioncomponent EntityType", "Security Role (Role)
table reference", "RetrieveRolePrivilegesRole function", "Web Resource table reference".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.customizing.records import Component, Publisher, SecurityRole, Solution, WebResource
from syncapp.crm.errors import Forbidden, NotFound, ProtocolError
from syncapp.crm.paging import rows_of_all_pages
from syncapp.crm.transport import Transport
from syncapp.crm.values.cells import flag, guid, integer, optional_guid, optional_text, text

# Without this header a definition that has just changed may come from a cache ("Compose HTTP requests").
FRESH = {"Consistency": "Strong"}
# About 100 characters each, so that a URL stays below the limit of any server.
_NAMES_PER_REQUEST = 20
_INCLUDES_PARTS = 0
_ORGANIZATION_DEPTH = "Global"


class CustomizingReads:
    """Reads of definitions with the administrator's token."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def signed_in_user(self) -> str:
        """Return the name of the user whose token is used, or the id if the name cannot be read."""
        user = guid(self._transport.get("WhoAmI"), "UserId")
        try:
            return text(self._transport.get(f"systemusers({user})?$select=fullname"), "fullname")
        except (Forbidden, NotFound):
            return f"user {user}"

    def language(self) -> int:
        """Return the environment's base language as an LCID; a new label needs a text in this language."""
        [row] = self._rows(odata.query("organizations", select=("organizationid", "languagecode")))[:1]
        return integer(row, "languagecode")

    def auditing(self) -> tuple[UUID, bool]:
        """Return the organization's id and whether auditing is on."""
        [row] = self._rows(odata.query("organizations", select=("organizationid", "isauditenabled")))[:1]
        return guid(row, "organizationid"), row.get("isauditenabled") is True

    def publisher(self, unique_name: str) -> Publisher | None:
        """Return a publisher by its unique name, or None."""
        select = ("publisherid", "uniquename", "customizationprefix")
        row = self._first("publishers", select, "uniquename", unique_name)
        if row is None:
            return None
        return Publisher(
            guid(row, "publisherid"), text(row, "uniquename"), optional_text(row, "customizationprefix") or ""
        )

    def solution(self, unique_name: str) -> Solution | None:
        """Return a solution by its unique name, or None."""
        row = self._first("solutions", ("solutionid", "uniquename", "ismanaged"), "uniquename", unique_name)
        if row is None:
            return None
        return Solution(
            guid(row, "solutionid"),
            text(row, "uniquename"),
            flag(row, "ismanaged"),
            optional_guid(row, "_publisherid_value"),
        )

    def solutions_of(self, publisher: UUID) -> tuple[str, ...]:
        """Return the unique names of all solutions of a publisher."""
        condition = f"_publisherid_value eq {publisher}"
        path = odata.query("solutions", select=("uniquename",), filter=condition)
        return tuple(text(row, "uniquename") for row in self._rows(path))

    def components(self, solution: UUID) -> tuple[Component, ...]:
        """Return the components of a solution."""
        select = ("componenttype", "objectid", "rootcomponentbehavior")
        path = odata.query("solutioncomponents", select=select, filter=f"_solutionid_value eq {solution}")
        return tuple(
            Component(
                integer(row, "componenttype"),
                guid(row, "objectid"),
                row.get("rootcomponentbehavior") in (None, _INCLUDES_PARTS),
            )
            for row in self._rows(path)
        )

    def table_id(self, name: str) -> UUID | None:
        """Return the MetadataId of a table, or None if the CRM has no such table."""
        try:
            row = self._transport.get(odata.query(table_path(name), select=("MetadataId",)), headers=FRESH)
        except NotFound:
            return None
        return guid(row, "MetadataId")

    def column_ids(self, table: str) -> dict[str, UUID]:
        """Return the MetadataIds of a table's columns."""
        return self._ids(f"{table_path(table)}/Attributes", "LogicalName")

    def key_ids(self, table: str) -> dict[str, UUID]:
        """Return the MetadataIds of a table's alternate keys."""
        return self._ids(f"{table_path(table)}/Keys", "LogicalName")

    def relationship_ids(self, table: str) -> dict[str, UUID]:
        """Return the MetadataIds of the relationships behind a table's lookups."""
        return self._ids(f"{table_path(table)}/ManyToOneRelationships", "SchemaName")

    def definition(self, path: str) -> dict[str, Any]:
        """Return a whole definition, to be changed and sent back."""
        found = self._transport.get(path, headers=FRESH)
        return {name: value for name, value in found.items() if name != "@odata.context"}

    def top_unit(self) -> UUID:
        """Return the id of the topmost business unit, to which a role for the whole organization belongs."""
        condition = "_parentbusinessunitid_value eq null"
        rows = self._rows(odata.query("businessunits", select=("businessunitid",), filter=condition))
        if len(rows) != 1:
            raise ProtocolError("The CRM has no single topmost business unit.", code="shape")
        return guid(rows[0], "businessunitid")

    def role(self, name: str, unit: UUID) -> SecurityRole | None:
        """Return a role of one business unit by its name; each business unit below it has its own copy."""
        condition = f"name eq {odata.literal(name)} and _businessunitid_value eq {unit}"
        rows = self._rows(odata.query("roles", select=("roleid", "name"), filter=condition))
        return SecurityRole(guid(rows[0], "roleid"), text(rows[0], "name")) if rows else None

    def privileges_of(self, role: UUID) -> frozenset[UUID] | None:
        """Return the ids of the privileges of a role; None if one of them is not for the whole organization."""
        response = self._transport.get(f"RetrieveRolePrivilegesRole(RoleId={role})")
        held = response.get("RolePrivileges")
        if not isinstance(held, list):
            raise ProtocolError("The privileges of a role are not a list.", code="shape")
        if any(text(row, "Depth") != _ORGANIZATION_DEPTH for row in held):
            return None
        return frozenset(guid(row, "PrivilegeId") for row in held)

    def privileges(self, names: Iterable[str]) -> dict[str, UUID]:
        """Return the ids of privileges by their names in lower case; unknown ones are absent."""
        wanted, found = sorted(names), {}
        for start in range(0, len(wanted), _NAMES_PER_REQUEST):
            some = wanted[start : start + _NAMES_PER_REQUEST]
            condition = " or ".join(f"name eq {odata.literal(name)}" for name in some)
            for row in self._rows(odata.query("privileges", select=("privilegeid", "name"), filter=condition)):
                found[text(row, "name").lower()] = guid(row, "privilegeid")
        return found

    def web_resource(self, name: str) -> WebResource | None:
        """Return a web resource by its name, or None."""
        row = self._first("webresourceset", ("webresourceid", "name", "content"), "name", name)
        if row is None:
            return None
        try:
            content = base64.b64decode(optional_text(row, "content") or "", validate=True)
        except binascii.Error as error:
            raise ProtocolError("The content of a web resource is not base64.", code="shape") from error
        return WebResource(guid(row, "webresourceid"), text(row, "name"), content)

    def has_open_rows(self, set_name: str) -> bool:
        """Return whether a table has an active row."""
        return bool(self._rows(odata.query(set_name, select=("statecode",), filter="statecode eq 0", top=1)))

    def _first(self, set_name: str, select: tuple[str, ...], column: str, value: str) -> Mapping[str, Any] | None:
        lookups = ("_publisherid_value",) if set_name == "solutions" else ()
        path = odata.query(set_name, select=(*select, *lookups), filter=f"{column} eq {odata.literal(value)}")
        rows = self._rows(path)
        return rows[0] if rows else None

    def _ids(self, path: str, name: str) -> dict[str, UUID]:
        rows = self._rows(odata.query(path, select=(name, "MetadataId")))
        return {text(row, name): guid(row, "MetadataId") for row in rows}

    def _rows(self, path: str) -> list[odata.Row]:
        return rows_of_all_pages(self._transport, self._transport.get(path, headers=FRESH), headers=FRESH)


def table_path(name: str) -> str:
    """Return the path of a table's definition."""
    return f"EntityDefinitions(LogicalName={odata.literal(odata.identifier(name))})"


def column_path(table: str, name: str) -> str:
    """Return the path of a column's definition."""
    return f"{table_path(table)}/Attributes(LogicalName={odata.literal(odata.identifier(name))})"
