"""The privileges of a security role: AddPrivilegesRole, ReplacePrivilegesRole, RetrieveRolePrivilegesRole.

Simplified: only whole-organization privileges (the depth Global) are known.
"""

from __future__ import annotations

import sqlite3

from dataverse_sandbox import errors, rows
from dataverse_sandbox.catalog import PRIVILEGE, ROLE, ROLE_PRIVILEGES
from dataverse_sandbox.messages import Answer, Request
from dataverse_sandbox.payload import Address
from dataverse_sandbox.store import Transaction

_DONE = Answer(204, b"", {"OData-Version": "4.0"})
_HELD = """
SELECT p.privilegeid, p.name, r.roleprivilegesid FROM roleprivileges r
JOIN privilege p ON p.privilegeid = r.privilegeid WHERE r.roleid = ? ORDER BY p.name
"""


def add(transaction: Transaction, address: Address, request: Request) -> Answer:
    """Add privileges to a role ("AddPrivilegesRole action")."""
    role, wanted = _role(transaction, address), _wanted(transaction.connection, request)
    held = {str(row[0]) for row in transaction.connection.execute(_HELD, (role,))}
    for privilege in wanted:
        if privilege not in held:
            rows.create(transaction, ROLE_PRIVILEGES, {"roleid": role, "privilegeid": privilege})
    return _DONE


def replace(transaction: Transaction, address: Address, request: Request) -> Answer:
    """Give a role exactly these privileges ("ReplacePrivilegesRole action")."""
    role, wanted = _role(transaction, address), _wanted(transaction.connection, request)
    for privilege, _name, pair in transaction.connection.execute(_HELD, (role,)).fetchall():
        if privilege not in wanted:
            rows.delete(transaction, ROLE_PRIVILEGES, str(pair))
    return add(transaction, address, request)


def _role(transaction: Transaction, address: Address) -> str:
    transaction.author.rights.require("prvWriteRole", ROLE.name)
    return str(address.existing(transaction.connection)[ROLE.key.name])


def _wanted(connection: sqlite3.Connection, request: Request) -> list[str]:
    given = request.json().get("Privileges")
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise errors.bad_payload("'Privileges' is a list of privileges.")
    found = []
    for item in given:
        if item.get("Depth") != "Global":
            raise errors.unknown(f"the depth '{str(item.get('Depth'))[:40]}' of a privilege")
        found.append(str(item.get("PrivilegeId")).lower())
    for identity in found:
        if rows.find(connection, PRIVILEGE, identity) is None:
            raise errors.does_not_exist(PRIVILEGE.name, identity)
    return found


def held(connection: sqlite3.Connection, role: str) -> list[dict[str, object]]:
    """Return the privileges of a role ("RetrieveRolePrivilegesRole function"). Raises ApiError 404."""
    rows.existing(connection, ROLE, role.lower())
    found = connection.execute(_HELD, (role.lower(),)).fetchall()
    return [
        {"PrivilegeName": row[1], "PrivilegeId": row[0], "Depth": "Global", "BusinessUnitId": None} for row in found
    ]
