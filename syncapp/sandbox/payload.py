"""A request's JSON body to stored values: names, types, binds; and addresses such as `contacts(...)` to rows."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from syncapp.sandbox import errors, rows, values
from syncapp.sandbox.catalogue import BY_SET, Column, Kind, Table
from syncapp.sandbox.store import Row

BIND = "@odata.bind"
_ADDRESS = re.compile(r"^(?:https?://[^/]+)?/?(?:api/data/v9\.\d/)?(\w+)\((.*)\)$", re.IGNORECASE)
_NAMED_KEY = re.compile(r"^(\w+)=('(?:[^']|'')*'|[^,']+)$")


@dataclass(frozen=True)
class Address:
    """One row of one table: by its id, or by an alternate key that need not exist yet."""

    table: Table
    row_id: str | None
    alternate: tuple[str, str] | None = None

    def find(self, connection: sqlite3.Connection) -> Row | None:
        if self.row_id is not None:
            return rows.find(connection, self.table, self.row_id)
        name, value = self.alternate or ("", "")
        statement = f"SELECT * FROM {self.table.name} WHERE {name} = ?"  # noqa: S608 - names of the catalogue
        found = connection.execute(statement, (value,)).fetchone()
        return None if found is None else dict(found)

    def existing(self, connection: sqlite3.Connection) -> Row:
        row = self.find(connection)
        if row is None:
            raise errors.does_not_exist(self.table.name, self.row_id or f"{self.alternate}")
        return row

    def key_values(self) -> Row:
        """What an upsert that creates takes over from the address."""
        if self.row_id is not None:
            return {self.table.key.name: self.row_id}
        name, value = self.alternate or ("", "")
        return {name: value}


def table_of(set_name: str) -> Table:
    table = BY_SET.get(set_name)
    if table is None:
        raise errors.unknown(f"the resource '{set_name}'")
    return table


def address(table: Table, key: str) -> Address:
    """The text between the parentheses: a GUID, `contactid=GUID`, or an alternate key `name='value'`."""
    try:
        return Address(table, values.guid(key))
    except ValueError:
        pass
    named = _NAMED_KEY.match(key.strip())
    if named is None:
        raise errors.bad_query(f"The key '{key[:100]}' of '{table.set_name}' is not a GUID.")
    name, value = named[1], named[2]
    if name == table.key.name:
        return address(table, value)
    if name not in table.alternate_keys:
        raise errors.unknown(f"the key '{name}' of '{table.set_name}'")
    return Address(table, None, (name, value.strip("'").replace("''", "'")))


def address_of_link(link: str) -> Address:
    """A row's address as `@odata.bind` and `@odata.id` write it: `/accounts(...)`, with or without the host."""
    match = _ADDRESS.match(link)
    if match is None:
        raise errors.bad_payload(f"'{link[:100]}' is not the address of a row.")
    return address(table_of(match[1]), match[2])


def decode(connection: sqlite3.Connection, table: Table, body: Mapping[str, object], *, creating: bool) -> Row:
    """The stored changes that a body asks for; ApiError for whatever Dataverse would refuse."""
    changes: Row = {}
    for name, value in body.items():
        if name.endswith(BIND):
            changes |= _bound(connection, table, name.removesuffix(BIND), value, changes)
        elif "@" not in name:
            changes |= _plain(table, name, value, creating=creating)
    return changes


def _plain(table: Table, name: str, value: object, *, creating: bool) -> Row:
    column = table.by_name.get(name)
    if column is None or column.kind is Kind.LOOKUP:
        return _not_a_plain_column(table, name, value)
    if not (column.creatable if creating else column.updatable or column is table.key):
        raise errors.bad_payload(f"The property '{name}' of '{table.name}' cannot be written.")
    checked = values.checked(table, column, value)
    return {name: checked} if creating or column is not table.key else {}


def _not_a_plain_column(table: Table, name: str, value: object) -> Row:
    if name in table.by_wire_name:
        message = "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead."
        raise errors.bad_payload(message)
    if name in table.navigations and value is not None:
        raise errors.unknown(f"a nested row in '{name}'")
    if name in table.navigations:
        return rows.reference(table.navigations[name][0], None, None)
    raise errors.bad_payload(
        f"The property '{name}' does not exist on type 'Microsoft.Dynamics.CRM.{table.name}'. "
        "Make sure to only use property names that are defined by the type."
    )


def _bound(connection: sqlite3.Connection, table: Table, name: str, link: object, so_far: Row) -> Row:
    if name not in table.navigations:
        raise errors.bad_payload(f"An undeclared property '{name}' was found in the payload of '{table.name}'.")
    column, target = table.navigations[name]
    if link is None:
        return {} if so_far.get(column.name) else rows.reference(column, None, None)
    if not isinstance(link, str):
        raise errors.bad_payload(f"'{name}{BIND}' must be the address of a row.")
    return rows.reference(column, target, _target_id(connection, column, target, link))


def _target_id(connection: sqlite3.Connection, column: Column, target: str, link: str) -> str:
    found = address_of_link(link)
    if found.table.name != target:
        raise errors.bad_payload(f"'{column.navigation(target)}' cannot point at '{found.table.name}'.")
    return str(found.existing(connection)[found.table.key.name])
