"""Associations through a collection: by a lookup on the other side, or by a pair in an intersect table."""

from __future__ import annotations

from collections.abc import Mapping

from dataverse_sandbox import errors, operations, rows, visibility
from dataverse_sandbox.catalog import ManyToMany, OneToMany, Table
from dataverse_sandbox.operations import Written
from dataverse_sandbox.payload import Address
from dataverse_sandbox.store import Transaction

Collection = OneToMany | ManyToMany
# The privileges for changing members, as the role editor shows them.
_PAIR_PRIVILEGES = {"systemuserroles": "prvAssignRole", "teamroles": "prvAssignRole", "teammembership": "prvWriteTeam"}


def other_table(found: Collection) -> Table:
    return found.other if isinstance(found, ManyToMany) else found.referencing


def associate(transaction: Transaction, found: Collection, row_id: str, other: Address) -> None:
    """Associate an existing row; associating it again changes nothing."""
    if other.table.name != other_table(found).name:
        raise errors.bad_payload(f"'{found.name}' does not hold '{other.table.name}'.")
    other_id = str(other.existing(transaction.connection)[other.table.key.name])
    if isinstance(found, OneToMany):
        _point(transaction, found, other, row_id)
        return
    _require_right_to_associate(transaction, found)
    if _pair(transaction, found, row_id, other_id) is None:
        rows.create(transaction, found.intersect, {found.near: row_id, found.far: other_id})


def disassociate(transaction: Transaction, found: Collection, row_id: str, other: Address) -> None:
    other_id = str(other.existing(transaction.connection)[other.table.key.name])
    if isinstance(found, OneToMany):
        _point(transaction, found, other, None)
        return
    _require_right_to_associate(transaction, found)
    pair = _pair(transaction, found, row_id, other_id)
    if pair is None:
        raise errors.does_not_exist(found.intersect.name, other_id)
    rows.delete(transaction, found.intersect, pair)


def create_below(transaction: Transaction, found: Collection, row_id: str, body: Mapping[str, object]) -> Written:
    """Create a row on the other side and associate it."""
    if isinstance(found, ManyToMany):
        made = operations.create(transaction, found.other, body)
        associate(transaction, found, row_id, Address(found.other, made.id))
        return made
    navigation = found.column.navigation(found.referenced.name)
    link = f"/{found.referenced.set_name}({row_id})"
    return operations.create(transaction, found.referencing, {**body, f"{navigation}@odata.bind": link})


def _point(transaction: Transaction, found: OneToMany, other: Address, row_id: str | None) -> None:
    navigation = found.column.navigation(found.referenced.name)
    link = f"/{found.referenced.set_name}({row_id})" if row_id else None
    operations.update(transaction, other, {f"{navigation}@odata.bind": link})


def _pair(transaction: Transaction, found: ManyToMany, row_id: str, other_id: str) -> str | None:
    table = found.intersect
    statement = f"SELECT {table.key.name} FROM {table.name} WHERE {found.near} = ? AND {found.far} = ?"  # noqa: S608 - catalog
    row = transaction.connection.execute(statement, (row_id, other_id)).fetchone()
    return None if row is None else str(row[0])


def _require_right_to_associate(transaction: Transaction, found: ManyToMany) -> None:
    """Check that the caller may associate rows in this intersect table."""
    default = visibility.privilege("Write", found.other)
    transaction.author.rights.require(_PAIR_PRIVILEGES.get(found.intersect.name, default), found.intersect.name)
