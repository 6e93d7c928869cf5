"""The rows of personal views that a user can see and change, and the audit entries that can be read.

"Offline and Outlook filters and templates" (developer guide): a plain query of `userquery` returns the caller's own
rows. A holder of prvAdminFilter may read another user's filters, by a query with exactly two conditions: the query type
(256 or 16) and the owner. With anything else in the query it returns the caller's own rows again.

Rows shared with the caller or one of their teams are visible, too. Simplified: reading, changing
or deleting another user's filter by its id, which the documentation does not mention, is also allowed to holders of
prvAdminFilter.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping

from dataverse_sandbox import errors, odata
from dataverse_sandbox.catalog import AUDIT, USER_QUERY, Table
from dataverse_sandbox.catalog.filters import FILTER_TYPES
from dataverse_sandbox.conditions import EVERYTHING, Condition
from dataverse_sandbox.rights import ADMIN_FILTER, CUSTOMIZE, Rights

# The time before which entries are no longer kept; '' if they are kept forever.
_OLDEST = """coalesce((SELECT CASE WHEN auditretentionperiodv2 > 0
THEN strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-' || auditretentionperiodv2 || ' days') END FROM organization), '')"""


def is_personal(table: Table) -> bool:
    return table.name == USER_QUERY.name


def depends_on_row(table: Table) -> bool:
    """Return whether visibility has to be decided for each row of a table."""
    return table.name in (USER_QUERY.name, AUDIT.name)


def owners(rights: Rights) -> tuple[str, ...]:
    """Return the user and their teams, which own the user's rows."""
    return (rights.user, *sorted(rights.teams))


def sees_everything(table: Table, rights: Rights) -> bool:
    """Return whether no row of the table is hidden; the sandbox's own pages see all."""
    return not is_personal(table) or not rights.user


def is_query_for_one_owner(filter_text: str) -> bool:
    """Return whether a `$filter` has exactly the two conditions, in either order."""
    tree = odata.parse(filter_text)
    if not isinstance(tree, odata.Logic) or tree.word != "and" or len(tree.parts) != 2:
        return False
    return {_condition(part) for part in tree.parts} == {"querytype", "_ownerid_value"}


def _condition(part: odata.Node) -> str:
    """Return the column of an `eq` comparison; '' for anything else."""
    if not isinstance(part, odata.Compare) or part.word != "eq" or not isinstance(part.left, odata.Path):
        return ""
    if not isinstance(part.right, odata.Literal):
        return ""
    name = part.left.text
    if name == "querytype" and part.right.value not in FILTER_TYPES:
        return ""
    return name


def may_query_others(rights: Rights, filter_text: str) -> bool:
    return rights.may(ADMIN_FILTER) and is_query_for_one_owner(filter_text)


def condition(table: Table, alias: str, rights: Rights) -> Condition:
    """Select the rows of a table, under an alias, that the user can see."""
    if table.name == AUDIT.name:
        return _readable_entries(alias)
    if sees_everything(table, rights):
        return EVERYTHING
    found = owners(rights)
    places = ", ".join("?" * len(found))
    shared = f"SELECT row_id FROM shared WHERE table_name = '{table.name}' AND principal_id IN ({places})"  # noqa: S608 - catalog
    sql = f"({alias}.ownerid IN ({places}) OR {alias}.{table.key.name} IN ({shared} AND rights LIKE '%ReadAccess%'))"
    return Condition(sql, (*found, *found))


def privilege(verb: str, table: Table) -> str:
    """Return a privilege such as prvReadUserQuery; tables without any are readable by all, writable by customizers."""
    if not table.privilege:
        return "" if verb == "Read" else CUSTOMIZE
    return f"prv{verb}{table.privilege}"


def check_row(
    connection: sqlite3.Connection,
    table: Table,
    row: Mapping[str, object],
    rights: Rights,
    access: str = "ReadAccess",
) -> None:
    """Raise ApiError 403 when the row belongs to someone else and the user lacks the right, 404 when it is hidden."""
    if table.name == AUDIT.name and not _is_readable(connection, str(row["auditid"])):
        raise errors.does_not_exist(table.name, str(row["auditid"]))
    if sees_everything(table, rights) or row["ownerid"] in owners(rights):
        return
    if row["querytype"] in FILTER_TYPES and rights.may(ADMIN_FILTER):
        return
    if access in _shared(connection, table, row, rights):
        return
    raise errors.no_access_to_row(rights.user, table.name, str(row[table.key.name]))


def _shared(connection: sqlite3.Connection, table: Table, row: Mapping[str, object], rights: Rights) -> set[str]:
    """Return the rights shared with the user and their teams ("Sharing and assigning")."""
    found = owners(rights)
    places = ", ".join("?" * len(found))
    statement = f"SELECT rights FROM shared WHERE table_name = ? AND row_id = ? AND principal_id IN ({places})"  # noqa: S608 - placeholders
    granted = connection.execute(statement, (table.name, str(row[table.key.name]), *found))
    return {name for (listed,) in granted for name in str(listed).split(",")}


def _readable_entries(alias: str) -> Condition:
    """Select the audit entries, under an alias, that can be read by now and are still kept."""
    waiting = "SELECT auditid FROM audit_detail WHERE visible_at > ?"
    return Condition(f"({alias}.auditid NOT IN ({waiting}) AND {alias}.createdon >= {_OLDEST})", (time.time(),))


def _is_readable(connection: sqlite3.Connection, entry_id: str) -> bool:
    found = _readable_entries("audit")
    statement = f"SELECT 1 FROM audit WHERE auditid = ? AND {found.sql}"  # noqa: S608 - constants
    return connection.execute(statement, (entry_id, *found.parameters)).fetchone() is not None
