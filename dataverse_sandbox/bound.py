"""Actions and functions bound to a table or to a row.

`CreateMultiple`, `UpdateMultiple`, `UpsertMultiple` ("Use bulk operation messages"), `InstantiateFilters`, the members
of a team, the privileges of a user, and the details of an audit entry.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping

from dataverse_sandbox import (
    associations,
    attribute_mappings,
    audit_details,
    errors,
    filter_actions,
    operations,
    payload,
    rights,
    role_privileges,
)
from dataverse_sandbox.catalog import SYSTEM_USER, TEAM, ManyToMany, Table, current
from dataverse_sandbox.messages import Answer, Request, json_answer
from dataverse_sandbox.operations import Conditions
from dataverse_sandbox.payload import Address
from dataverse_sandbox.store import Row, Transaction

NAMESPACE = "Microsoft.Dynamics.CRM."
_DONE = Answer(204, b"", {"OData-Version": "4.0"})
_ONLY_EXISTING = Conditions(if_match="*")

OnSet = Callable[[Transaction, Table, Request], Answer]
OnRow = Callable[[Transaction, Address, Request], Answer]
Function = Callable[[sqlite3.Connection, Row, Request, str], dict[str, object]]


def on_set(rest: str) -> OnSet | None:
    return _ON_SET.get(rest.removeprefix(NAMESPACE)) if rest.startswith(NAMESPACE) else None


def on_row(table: Table, rest: str) -> OnRow | None:
    return _ON_ROW.get((table.name, rest.removeprefix(NAMESPACE))) if rest.startswith(NAMESPACE) else None


def function(table: Table, rest: str) -> Function | None:
    name = rest.removeprefix(NAMESPACE).partition("(")[0]
    return _FUNCTIONS.get((table.name, name)) if rest.startswith(NAMESPACE) else None


def targets(table: Table, body: Mapping[str, object], name: str = "Targets") -> list[dict[str, object]]:
    """Return the rows of a bulk message, each with its type. Raises ApiError 400."""
    found = body.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found):
        raise errors.bad_payload(f"'{name}' is a list of rows.")
    for item in found:
        kind = str(item.get("@odata.type", "")).removeprefix("#")
        if kind != f"{NAMESPACE}{table.name}":
            raise errors.bad_payload(f"Each row of '{name}' needs '@odata.type': '{NAMESPACE}{table.name}'.")
    return found


def _create_multiple(transaction: Transaction, table: Table, request: Request) -> Answer:
    """Create all rows or none, as standard tables do; return the ids in the order of the rows."""
    ids = [operations.create(transaction, table, item).id for item in targets(table, request.json())]
    context = f"{request.base_url}$metadata#{NAMESPACE}CreateMultipleResponse"
    return json_answer(200, {"@odata.context": context, "Ids": ids})


def _update_multiple(transaction: Transaction, table: Table, request: Request) -> Answer:
    for item in targets(table, request.json()):
        address = _addressed(table, item)
        operations.update(transaction, address, _without_key(table, item), conditions=_ONLY_EXISTING)
    return _DONE


def _upsert_multiple(transaction: Transaction, table: Table, request: Request) -> Answer:
    results = []
    for item in targets(table, request.json()):
        written = operations.update(transaction, _addressed(table, item), _without_key(table, item))
        results.append({"RecordCreated": written.created, "Target": {table.key.name: written.id}})
    context = f"{request.base_url}$metadata#{NAMESPACE}UpsertMultipleResponse"
    return json_answer(200, {"@odata.context": context, "Results": results})


def _addressed(table: Table, item: Mapping[str, object]) -> Address:
    """Return the address of a row by the key among its values, or by `@odata.id`."""
    if isinstance(item.get("@odata.id"), str):
        address = payload.address_of_link(str(item["@odata.id"]))
        if address.table.name != table.name:
            raise errors.bad_payload(f"'{item['@odata.id']}' is not of '{table.set_name}'.")
        return address
    key = item.get(table.key.name)
    if not isinstance(key, str):
        raise errors.bad_payload(f"Each row needs '{table.key.name}' or '@odata.id'.")
    return payload.address(table, key)


def _without_key(table: Table, item: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in item.items() if name not in (table.key.name, "@odata.id", "@odata.type")}


def _add_members(transaction: Transaction, address: Address, request: Request) -> Answer:
    return _members(transaction, address, request, associations.associate)


def _remove_members(transaction: Transaction, address: Address, request: Request) -> Answer:
    return _members(transaction, address, request, associations.disassociate)


def _members(
    transaction: Transaction,
    address: Address,
    request: Request,
    change: Callable[[Transaction, ManyToMany, str, Address], None],
) -> Answer:
    team = str(address.existing(transaction.connection)[TEAM.key.name])
    collection = current().collections(TEAM)["teammembership_association"]
    assert isinstance(collection, ManyToMany)  # noqa: S101 - an intersect table of the catalog
    for item in targets(SYSTEM_USER, request.json(), "Members"):
        change(transaction, collection, team, _addressed(SYSTEM_USER, item))
    return _DONE


def _user_privileges(connection: sqlite3.Connection, row: Row, request: Request, _rest: str) -> dict[str, object]:
    """Return all privileges of a user's own and teams' roles ("RetrieveUserPrivileges function")."""
    user = rights.load(connection, str(row["systemuserid"]))
    held = user.rights if user else rights.Rights(privileges=frozenset())
    return _privileges(connection, request, held, "RetrieveUserPrivilegesResponse", "")


_NAME = re.compile(r"PrivilegeName=(?:'([^']*)'|(@\w+))")


def _user_privilege(connection: sqlite3.Connection, row: Row, request: Request, rest: str) -> dict[str, object]:
    """Return one privilege by name ("RetrieveUserPrivilegeByPrivilegeName function")."""
    match = _NAME.search(rest)
    if match is None:
        raise errors.bad_query("The function needs PrivilegeName='...'.")
    name = match[1] or request.options.get(match[2] or "", "").strip("'")
    user = rights.load(connection, str(row["systemuserid"]))
    held = user.rights if user else rights.Rights(privileges=frozenset())
    return _privileges(connection, request, held, "RetrieveUserPrivilegeByPrivilegeNameResponse", name)


def _privileges(
    connection: sqlite3.Connection, request: Request, held: rights.Rights, response: str, only: str
) -> dict[str, object]:
    found = [
        {
            "PrivilegeName": row["name"],
            "PrivilegeId": row["privilegeid"],
            "Depth": "Global",
            "BusinessUnitId": None,
        }
        for row in connection.execute("SELECT privilegeid, name FROM privilege ORDER BY name")
        if held.may(row["name"]) and only in ("", row["name"])
    ]
    context = f"{request.base_url}$metadata#{NAMESPACE}{response}"
    return {"@odata.context": context, "RolePrivileges": found}


_ON_SET: dict[str, OnSet] = {
    "CreateMultiple": _create_multiple,
    "UpdateMultiple": _update_multiple,
    "UpsertMultiple": _upsert_multiple,
}
_ON_ROW: dict[tuple[str, str], OnRow] = {
    ("systemuser", "InstantiateFilters"): filter_actions.instantiate,
    ("role", "AddPrivilegesRole"): role_privileges.add,
    ("role", "ReplacePrivilegesRole"): role_privileges.replace,
    ("team", "AddMembersTeam"): _add_members,
    ("team", "RemoveMembersTeam"): _remove_members,
}
_FUNCTIONS: dict[tuple[str, str], Function] = {
    ("audit", "RetrieveAuditDetails"): audit_details.details,
    ("systemuser", "RetrievePrincipalSyncAttributeMappings"): attribute_mappings.in_force,
    ("team", "RetrievePrincipalSyncAttributeMappings"): attribute_mappings.in_force,
    ("systemuser", "RetrieveUserPrivileges"): _user_privileges,
    ("systemuser", "RetrieveUserPrivilegeByPrivilegeName"): _user_privilege,
}
# Every known message, by its plain name.
NAMES = frozenset({*_ON_SET, *(name for _table, name in (*_ON_ROW, *_FUNCTIONS))})
