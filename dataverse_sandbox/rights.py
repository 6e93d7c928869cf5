"""The rights of a user: the privileges of their own and their teams' roles.

Simplified: a privilege is held or not, without levels of access, except that personal views belong to their owner
(`visibility`). An impersonated call has the privileges that both users have ("Impersonate another user").
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from dataverse_sandbox import errors

ADMINISTRATOR = "System Administrator"
# Every privilege except those that a control request revoked, see `privileges`.
RESTRICTED = "Restricted administrator"
DECIDES_RIGHTS = frozenset(
    {"systemuser", "team", "role", "teammembership", "systemuserroles", "teamroles", "roleprivileges"}
)
ACT_FOR_OTHERS = "prvActOnBehalfOfAnotherUser"
ADMIN_FILTER = "prvAdminFilter"
BYPASS_SYNC = "prvBypassCustomPlugins"
BYPASS_LOGIC = "prvBypassCustomBusinessLogic"
CUSTOMIZE = "prvPublishCustomization"
READ_AUDIT = "prvReadAuditSummary"
READ_HISTORY = "prvReadRecordAuditHistory"
READ_DEFINITIONS = ("prvReadEntity", "prvReadAttribute", "prvReadRelationship", "prvReadOptionSet", "prvReadEntityKey")
OTHER_PRIVILEGES = (
    *(ACT_FOR_OTHERS, ADMIN_FILTER, BYPASS_SYNC, BYPASS_LOGIC, CUSTOMIZE, "prvBulkDelete"),
    *(READ_AUDIT, READ_HISTORY),
    *READ_DEFINITIONS,
)

_ROLES = """
SELECT roleid, name FROM role WHERE roleid IN (
    SELECT roleid FROM systemuserroles WHERE systemuserid = ?1
    UNION SELECT roleid FROM teamroles WHERE teamid IN (SELECT teamid FROM teammembership WHERE systemuserid = ?1))
"""
_PRIVILEGES = """
SELECT p.name FROM roleprivileges r JOIN privilege p ON p.privilegeid = r.privilegeid WHERE r.roleid = ?
"""


@dataclass(frozen=True)
class Rights:
    """The rights of a request; `privileges` None means all of them."""

    user: str = ""
    privileges: frozenset[str] | None = None
    teams: frozenset[str] = frozenset()

    def may(self, privilege: str) -> bool:
        """Return whether the user holds the privilege."""
        return self.privileges is None or not privilege or privilege in self.privileges

    def require(self, privilege: str, table: str = "") -> None:
        if not self.may(privilege):
            raise errors.lacks_privilege(self.user, privilege, table)

    def shared_with(self, other: Rights) -> Rights:
        """Return the rights that both users have, as this user."""
        if other.privileges is None or self.privileges is None:
            both = self.privileges if other.privileges is None else other.privileges
        else:
            both = self.privileges & other.privileges
        return Rights(self.user, both, self.teams)


UNRESTRICTED = Rights()


@dataclass(frozen=True)
class User:
    """A user of the CRM with the data that requests need."""

    id: str
    name: str
    is_enabled: bool
    has_roles: bool
    rights: Rights


class UserCache:
    """A cache of users, emptied whenever a row that affects rights changes."""

    def __init__(self) -> None:
        self._users: dict[str, User | None] = {}

    def forget(self) -> None:
        self._users = {}

    def user(self, user_id: str, load: Callable[[str], User | None]) -> User | None:
        users = self._users
        if user_id not in users:
            # A lookup that began before `forget` stores its result in the discarded dictionary.
            users[user_id] = load(user_id)
        return users[user_id]


def load(connection: sqlite3.Connection, user_id: str) -> User | None:
    found = connection.execute(
        "SELECT fullname, isdisabled FROM systemuser WHERE systemuserid = ?", (user_id,)
    ).fetchone()
    if found is None:
        return None
    roles = connection.execute(_ROLES, (user_id,)).fetchall()
    members = connection.execute("SELECT teamid FROM teammembership WHERE systemuserid = ?", (user_id,))
    teams = frozenset(str(row[0]) for row in members)
    rights = Rights(user_id, _privileges(connection, roles), teams)
    return User(user_id, str(found[0]), not found[1], bool(roles), rights)


def _privileges(connection: sqlite3.Connection, roles: list[sqlite3.Row]) -> frozenset[str] | None:
    """Return the user's privileges; system administrators have all, including those of new tables."""
    if any(name == ADMINISTRATOR for _, name in roles):
        return None
    return frozenset(str(row[0]) for role_id, _ in roles for row in connection.execute(_PRIVILEGES, (role_id,)))
