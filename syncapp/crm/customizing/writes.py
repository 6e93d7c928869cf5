"""Writes of definitions, one request each, into one solution.

Sources: see `bodies`; "Compose HTTP requests and handle errors" (MSCRM.SolutionUniqueName), "ReplacePrivilegesRole
action", "PublishXml action", "Web resources". Not yet verified in a real environment: whether the header adds roles to
the solution too, and whether a column's definition can be sent back if it was read without the name of its type.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.customizing import bodies
from syncapp.crm.customizing.bodies import NewColumn, NewKey, NewTable
from syncapp.crm.customizing.reads import CustomizingReads, column_path, table_path
from syncapp.crm.transport import Transport

_SCRIPT = 3  # "Script (JScript)" of webresourcetype
# Without it, a changed definition would lose its labels in other languages.
_MERGE = {"MSCRM.MergeLabels": "true"}


class CustomizingWrites:
    """Writes with the administrator's token; a component becomes part of the solution when it is created.

    Each method sends one write, so an interruption leaves nothing half done. An error's `may_have_applied` says whether
    the write may have happened; the next attempt reads first.
    """

    def __init__(self, transport: Transport, *, solution: str, language: int) -> None:
        self._transport = transport
        self._into_solution = {"MSCRM.SolutionUniqueName": solution}
        self._solution = solution
        self._language = language
        self._reads = CustomizingReads(transport)

    def create_publisher(self, unique_name: str, *, label: str, prefix: str, option_prefix: int) -> None:
        """Create a publisher; the names of its components begin with `prefix`."""
        values = {"uniquename": unique_name, "friendlyname": label, "customizationprefix": prefix}
        self._post("publishers", {**values, "customizationoptionvalueprefix": option_prefix})

    def create_solution(self, *, label: str, description: str, publisher: UUID) -> None:
        """Create the unmanaged solution."""
        values = {"uniquename": self._solution, "friendlyname": label, "description": description}
        self._post("solutions", {**values, "version": "1.0.0.0", "publisherid@odata.bind": f"/publishers({publisher})"})

    def create_table(self, wanted: NewTable) -> None:
        """Create a table with its name column."""
        self._post("EntityDefinitions", bodies.table(wanted, self._language), into_solution=True)

    def create_column(self, table: str, wanted: NewColumn) -> None:
        """Create a column; a lookup is created together with its relationship."""
        if wanted.target:
            self._post("RelationshipDefinitions", bodies.lookup(table, wanted, self._language), into_solution=True)
        else:
            path = f"{table_path(table)}/Attributes"
            self._post(path, bodies.column(wanted, self._language), into_solution=True)

    def create_key(self, table: str, wanted: NewKey) -> None:
        """Create an alternate key; its index is built afterwards, in the background."""
        self._post(f"{table_path(table)}/Keys", bodies.key(wanted, self._language), into_solution=True)

    def track_changes(self, table: str) -> None:
        """Turn on change tracking for a table; it cannot be turned off again."""
        self._change(table_path(table), {"ChangeTrackingEnabled": True})

    def enable_table_auditing(self, table: str) -> None:
        """Turn on auditing for a table."""
        self._turn_on_auditing(table_path(table))

    def enable_column_auditing(self, table: str, column: str) -> None:
        """Turn on auditing for a column."""
        self._turn_on_auditing(column_path(table, column))

    def enable_auditing(self, organization: UUID) -> None:
        """Turn on auditing in the environment."""
        path = odata.row_path("organizations", organization)
        self._transport.write("PATCH", path, {"isauditenabled": True}, headers={"If-Match": "*"})

    def create_role(self, name: str, *, unit: UUID) -> None:
        """Create a security role in a business unit."""
        self._post("roles", {"name": name, "businessunitid@odata.bind": f"/businessunits({unit})"}, into_solution=True)

    def set_privileges(self, role: UUID, privileges: Collection[UUID], *, unit: UUID) -> None:
        """Give a role exactly these privileges, each for the whole organization."""
        listed = [
            {"PrivilegeId": str(privilege), "Depth": "Global", "BusinessUnitId": str(unit)}
            for privilege in sorted(privileges)
        ]
        self._post(f"roles({role})/Microsoft.Dynamics.CRM.ReplacePrivilegesRole", {"Privileges": listed})

    def create_script(self, name: str, *, label: str, content: bytes) -> None:
        """Create a web resource with a form script."""
        values = {"name": name, "displayname": label, "webresourcetype": _SCRIPT}
        encoded = base64.b64encode(content).decode()
        self._post("webresourceset", {**values, "content": encoded}, into_solution=True)

    def change_script(self, web_resource: UUID, content: bytes) -> None:
        """Replace the content of a web resource."""
        path = odata.row_path("webresourceset", web_resource)
        body = {"content": base64.b64encode(content).decode()}
        self._transport.write("PATCH", path, body, headers={"If-Match": "*"})

    def publish(self, tables: Sequence[str], web_resources: Sequence[UUID] = ()) -> None:
        """Publish changed definitions and web resources; new tables and columns work without it."""
        checked = [odata.identifier(name) for name in tables]
        self._post("PublishXml", {"ParameterXml": bodies.publication(checked, [str(one) for one in web_resources])})

    def delete_table(self, identity: UUID) -> None:
        """Delete a table with all its rows."""
        self._transport.write("DELETE", f"EntityDefinitions({identity})")

    def delete_column(self, table: str, name: str) -> None:
        """Delete a column with all its values."""
        self._transport.write("DELETE", column_path(table, name))

    def delete_relationship(self, identity: UUID) -> None:
        """Delete a relationship and with it the lookup."""
        self._transport.write("DELETE", f"RelationshipDefinitions({identity})")

    def delete_key(self, table: str, identity: UUID) -> None:
        """Delete an alternate key."""
        self._transport.write("DELETE", f"{table_path(table)}/Keys({identity})")

    def delete_row(self, set_name: str, identity: UUID) -> None:
        """Delete a role, web resource, solution or publisher; a solution's components stay."""
        self._transport.write("DELETE", odata.row_path(set_name, identity))

    def _turn_on_auditing(self, path: str) -> None:
        managed = self._reads.definition(path).get("IsAuditEnabled")
        kept = managed if isinstance(managed, dict) else {}
        self._change(path, {"IsAuditEnabled": {**kept, "Value": True}})

    def _change(self, path: str, changes: Mapping[str, Any]) -> None:
        # A definition is replaced as a whole ("Create and update table definitions using the Web API").
        self._transport.write("PUT", path, {**self._reads.definition(path), **changes}, headers=_MERGE)

    def _post(self, path: str, body: Mapping[str, Any], *, into_solution: bool = False) -> None:
        self._transport.write("POST", path, body, headers=self._into_solution if into_solution else {})
