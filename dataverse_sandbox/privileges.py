"""Revocation of single privileges of the portal's application user, and their restoration.

The application user then holds the role "Restricted administrator", which has every privilege except those revoked,
instead of "System Administrator". Both are ordinary roles, so every answer about roles and privileges agrees.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from dataverse_sandbox import actions, config, errors, rows
from dataverse_sandbox.catalog import PRIVILEGE, ROLE_PRIVILEGES
from dataverse_sandbox.rights import ADMINISTRATOR, RESTRICTED
from dataverse_sandbox.store import Author, Store

_ROLE_ID = config.fixed_id("role", RESTRICTED)
_MISSING = """
SELECT p.name, p.privilegeid FROM privilege p WHERE NOT EXISTS (
    SELECT 1 FROM roleprivileges r WHERE r.roleid = :role AND r.privilegeid = p.privilegeid) ORDER BY p.name
"""
_HOLDS_IT = "SELECT 1 FROM systemuserroles WHERE systemuserid = ? AND roleid = ?"
_PAIRS = """
SELECT p.name, r.roleprivilegesid FROM roleprivileges r JOIN privilege p ON p.privilegeid = r.privilegeid
WHERE r.roleid = ?
"""


def missing(store: Store) -> list[str]:
    """Return the names of the application user's revoked privileges."""
    with store.read() as connection:
        is_restricted = connection.execute(_HOLDS_IT, (config.APPLICATION_USER_ID, _ROLE_ID)).fetchone()
        return [name for name, _ in _absent(connection)] if is_restricted else []


def take_away(store: Store, names: Sequence[str]) -> None:
    """Revoke exactly these privileges; an empty list restores all. Raises ApiError 404 for an unknown name."""
    with store.write(Author(config.APPLICATION_USER_ID)) as transaction:
        connection = transaction.connection
        known = {str(name) for (name,) in connection.execute("SELECT name FROM privilege")}
        for name in names:
            if name not in known:
                raise errors.does_not_exist(PRIVILEGE.name, name)
        for name, privilege in _absent(connection):
            if name not in names:
                rows.create(transaction, ROLE_PRIVILEGES, {"roleid": _ROLE_ID, "privilegeid": privilege})
        for name, pair in connection.execute(_PAIRS, (_ROLE_ID,)).fetchall():
            if name in names:
                rows.delete(transaction, ROLE_PRIVILEGES, str(pair))
        actions.set_roles(transaction, config.APPLICATION_USER_ID, [RESTRICTED if names else ADMINISTRATOR])


def _absent(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return [(str(row[0]), str(row[1])) for row in connection.execute(_MISSING, {"role": _ROLE_ID}).fetchall()]
