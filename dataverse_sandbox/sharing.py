"""Sharing of single rows with users and teams: `GrantAccess`, `ModifyAccess`, `RevokeAccess`, and the rights granted.

"Sharing and assigning". It only affects personal views (`visibility`). Other tables have no levels of access
here, so sharing their rows is stored but has no effect.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from dataverse_sandbox import errors, payload, visibility
from dataverse_sandbox.catalog import BY_NAME, SYSTEM_USER, TEAM
from dataverse_sandbox.messages import Answer, Request
from dataverse_sandbox.payload import Address
from dataverse_sandbox.store import Row, Transaction

_DONE = Answer(204, b"", {"OData-Version": "4.0"})
_KINDS = ("Read", "Write", "Append", "AppendTo", "Create", "Delete", "Share", "Assign")
ACCESS = tuple(f"{kind}Access" for kind in _KINDS)
_NAMESPACE = "Microsoft.Dynamics.CRM."


def grant(transaction: Transaction, request: Request) -> Answer:
    """Add rights to the row for the principal."""
    target, principal, mask = _parameters(transaction, request)
    _share(transaction, target, principal, mask | _held(transaction.connection, target, principal))
    return _DONE


def modify(transaction: Transaction, request: Request) -> Answer:
    """Set the principal's rights to the row."""
    _share(transaction, *_parameters(transaction, request))
    return _DONE


def revoke(transaction: Transaction, request: Request) -> Answer:
    body = request.json()
    target = _target(transaction, body)
    _share(transaction, target, _principal(transaction.connection, body.get("Revokee")), set())
    return _DONE


def principals(
    connection: sqlite3.Connection, request: Request, given: Mapping[str, object]
) -> list[dict[str, object]]:
    """Return the principals of a shared row, with rights ("RetrieveSharedPrincipalsAndAccess function")."""
    target = _row(connection, given.get("Target"))
    row = target.existing(connection)
    request.rights.require(visibility.privilege("Read", target.table), target.table.name)
    visibility.check_row(connection, target.table, row, request.rights)
    statement = (
        "SELECT principal_table, principal_id, rights FROM shared WHERE table_name = ? AND row_id = ? ORDER BY 2"
    )
    found = connection.execute(statement, (target.table.name, str(row[target.table.key.name]))).fetchall()
    return [
        {"AccessMask": rights, "Principal": {"@odata.type": f"#{_NAMESPACE}{table}", BY_NAME[table].key.name: key}}
        for table, key, rights in found
    ]


def _parameters(transaction: Transaction, request: Request) -> tuple[Address, Address, set[str]]:
    body = request.json()
    access = body.get("PrincipalAccess")
    if not isinstance(access, dict):
        raise errors.bad_payload("'PrincipalAccess' is a principal and an access mask.")
    mask = {part.strip() for part in str(access.get("AccessMask") or "").split(",")}
    if not mask <= set(ACCESS):
        raise errors.bad_payload(f"'AccessMask' is made of {', '.join(ACCESS)}.")
    return _target(transaction, body), _principal(transaction.connection, access.get("Principal")), mask


def _target(transaction: Transaction, body: Mapping[str, object]) -> Address:
    """Return the row, if the caller may share it."""
    target = _row(transaction.connection, body.get("Target"))
    rights = transaction.author.rights
    rights.require(visibility.privilege("Share", target.table), target.table.name)
    row = target.existing(transaction.connection)
    visibility.check_row(transaction.connection, target.table, row, rights, "ShareAccess")
    return target


def _principal(connection: sqlite3.Connection, given: object) -> Address:
    found = _row(connection, given)
    if found.table.name not in (SYSTEM_USER.name, TEAM.name):
        raise errors.bad_payload("A row is shared with a user or a team.")
    return found


def _row(connection: sqlite3.Connection, given: object) -> Address:
    """Return an existing row by type and key, or by `@odata.id`."""
    if not isinstance(given, Mapping):
        raise errors.bad_payload("'Target' and the principal are rows.")
    if isinstance(given.get("@odata.id"), str):
        found = payload.address_of_link(str(given["@odata.id"]))
    else:
        table = BY_NAME.get(str(given.get("@odata.type") or "").lstrip("#").removeprefix(_NAMESPACE))
        if table is None:
            raise errors.bad_payload("A row needs '@odata.type' or '@odata.id'.")
        found = payload.address(table, str(given.get(table.key.name)))
    return Address(found.table, str(found.existing(connection)[found.table.key.name]))


def _held(connection: sqlite3.Connection, target: Address, principal: Address) -> set[str]:
    statement = "SELECT rights FROM shared WHERE table_name = ? AND row_id = ? AND principal_id = ?"
    found = connection.execute(statement, (target.table.name, target.row_id, principal.row_id)).fetchone()
    return set(str(found[0]).split(",")) if found else set()


def _share(transaction: Transaction, target: Address, principal: Address, mask: set[str]) -> None:
    key: Row = {"table": target.table.name, "row": target.row_id, "principal": principal.row_id}
    connection = transaction.connection
    connection.execute(
        "DELETE FROM shared WHERE table_name = :table AND row_id = :row AND principal_id = :principal", key
    )
    if mask:
        listed = ",".join(name for name in ACCESS if name in mask)
        statement = "INSERT INTO shared VALUES (:table, :row, :principal, :kind, :rights)"
        connection.execute(statement, {**key, "kind": principal.table.name, "rights": listed})


ACTIONS: dict[str, Callable[[Transaction, Request], Answer]] = {
    "GrantAccess": grant,
    "ModifyAccess": modify,
    "RevokeAccess": revoke,
}
