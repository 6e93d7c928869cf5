"""Conversion of JSON bodies to stored values, and of addresses such as `contacts(...)` to rows."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from dataverse_sandbox import errors, key_indexes, odata, rows, values
from dataverse_sandbox.catalog import BY_SET, Column, Kind, Table, current
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.operands import Operand, literal
from dataverse_sandbox.store import Row

BIND = "@odata.bind"
# With its hyphens and without braces, as OData writes it.
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Names of a company's own tables, which cannot exist before they are created, unlike Microsoft's.
_OWN = re.compile(r"(?!(?:ms|adx|cdm|li)[a-z]*_)[a-z][a-z0-9]{1,7}_[a-z0-9_]+$")
_ADDRESS = re.compile(r"^(?:https?://[^/]+)?/?(?:api/data/v9\.\d/)?(\w+)\((.*)\)$", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """The address of one row: by its id, or by an alternate key that need not exist yet."""

    table: Table
    row_id: str | None
    alternate: tuple[tuple[str, object], ...] = ()

    def find(self, connection: sqlite3.Connection) -> Row | None:
        if self.row_id is not None:
            return rows.find(connection, self.table, self.row_id)
        wanted = " AND ".join(f"{self._compared(name)} = ?" for name, _ in self.alternate)
        statement = f"SELECT * FROM {self.table.name} WHERE {wanted}"  # noqa: S608 - names of the catalog
        found = connection.execute(statement, tuple(value for _, value in self.alternate)).fetchone()
        return None if found is None else dict(found)

    def _compared(self, name: str) -> str:
        return Operand(name, self.table.by_name[name]).compared

    def existing(self, connection: sqlite3.Connection) -> Row:
        row = self.find(connection)
        if row is None:
            raise self.missing()
        return row

    def missing(self) -> ApiError:
        if self.row_id is None:
            return errors.no_row_with_key(self.table.name)
        return errors.does_not_exist(self.table.name, self.row_id)

    def key_values(self) -> Row:
        """Return the values that an upsert takes from the address when it creates the row."""
        return dict(self.alternate) if self.row_id is None else {self.table.key.name: self.row_id}


def table_of(set_name: str) -> Table:
    table = BY_SET.get(set_name)
    if table is None:
        raise (
            errors.no_such_resource(set_name) if _OWN.match(set_name) else errors.unknown(f"the resource '{set_name}'")
        )
    return table


def address(table: Table, key: str) -> Address:
    """Parse the text between parentheses: a GUID, `contactid=GUID`, or an alternate key `name='value',other=3`."""
    if _GUID.fullmatch(key):
        return Address(table, key.lower())
    named = _named_values(table, key)
    if set(named) == {table.key.name} and _GUID.fullmatch(str(named[table.key.name].value)):
        return address(table, str(named[table.key.name].value))
    columns = {table.by_wire_name[name].name: name for name in named if name in table.by_wire_name}
    used = next((known for known in table.alternate_keys if set(known.columns) == set(columns)), None)
    if used is None or len(columns) != len(named):
        raise errors.unknown(f"the key '{','.join(named)[:100]}' of '{table.set_name}'")
    if key_indexes.status(used) != "Active":
        raise errors.bad_query(f"The key '{used.name}' of '{table.set_name}' is not active.")
    found = ((name, literal(table, table.by_name[name], named[wire])) for name, wire in sorted(columns.items()))
    return Address(table, None, tuple(found))


def _named_values(table: Table, key: str) -> dict[str, odata.Literal]:
    try:
        call = odata.parse(f"key({key})")
    except ApiError:
        call = None
    named = dict(call.named) if isinstance(call, odata.Call) and not call.arguments else {}
    found = {name: value for name, value in named.items() if isinstance(value, odata.Literal)}
    if not found or len(found) != len(named):
        raise errors.bad_query(f"The key '{key[:100]}' of '{table.set_name}' is not a GUID.")
    return found


def address_of_link(link: str) -> Address:
    """Parse a row's address in `@odata.bind` or `@odata.id`: `/accounts(...)`, with or without the host."""
    match = _ADDRESS.match(link)
    if match is None:
        raise errors.bad_payload(f"'{link[:100]}' is not the address of a row.")
    return address(table_of(match[1]), unquote(match[2]))


def decode(connection: sqlite3.Connection, table: Table, body: Mapping[str, object], *, creating: bool) -> Row:
    """Convert a body to stored changes. Raises ApiError as Dataverse would."""
    changes: Row = {}
    for name, value in body.items():
        if name.endswith(BIND):
            changes |= _bound(connection, table, name.removesuffix(BIND), value, changes, creating=creating)
        elif "@" not in name and name not in nested(table, body):
            changes |= _plain(table, name, value, creating=creating)
    return changes


def _plain(table: Table, name: str, value: object, *, creating: bool) -> Row:
    column = table.by_name.get(name)
    if column is None or column.kind is Kind.LOOKUP:
        return _not_a_plain_column(table, name, value)
    if not (column.creatable if creating else column.updatable):
        # "UpdateRequest.Target": values of columns that cannot be written are ignored.
        return {}
    return {name: values.checked(table, column, value)}


def _not_a_plain_column(table: Table, name: str, value: object) -> Row:
    if name in table.by_wire_name:
        message = "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead."
        raise errors.bad_payload(message)
    if name in table.navigations and value is None:
        return _cleared(table, table.navigations[name][0])
    raise errors.bad_payload(
        f"Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM.{table.name}'. "
        "---> Microsoft.OData.ODataException: Does not support untyped value in non-open type."
    )


def _bound(
    connection: sqlite3.Connection, table: Table, name: str, link: object, so_far: Row, *, creating: bool
) -> Row:
    if name not in table.navigations:
        raise errors.bad_payload(
            f"An undeclared property '{name}' which only has property annotations in the payload but no property value "
            "was found in the payload. In OData, only declared navigation properties and declared named streams can be "
            "represented as properties without values."
        )
    column, targets = table.navigations[name]
    if not (column.creatable if creating else column.updatable):
        return {}
    if link is None:
        return {} if so_far.get(column.name) else _cleared(table, column)
    if not isinstance(link, str):
        raise errors.bad_payload(f"'{name}{BIND}' must be the address of a row.")
    found = address_of_link(link)
    return bound_to(connection, column, targets, found)


def _cleared(table: Table, column: Column) -> Row:
    """Clear a lookup. Raises ApiError 400 if it is required."""
    if column.name == "ownerid" or column.required == "SystemRequired":
        raise errors.bad_payload(f"The property '{column.name}' of {table.name} cannot be null.")
    return rows.reference(column, None, None)


def bound_to(connection: sqlite3.Connection, column: Column, targets: tuple[str, ...], found: Address) -> Row:
    """Return the stored columns of a lookup to an existing row. Raises ApiError 400 or 404."""
    if found.table.name not in targets:
        raise errors.bad_payload(f"'{column.navigation(targets[0])}' cannot point at '{found.table.name}'.")
    target = found.existing(connection)
    if column.name == "ownerid" and target.get("isdisabled"):
        raise errors.owner_disabled(str(target[found.table.key.name]))
    return rows.reference(column, found.table.name, str(target[found.table.key.name]))


def nested(table: Table, body: Mapping[str, object]) -> dict[str, list[dict[str, object]]]:
    """Return the rows to create with this one ("Create related table rows in one operation"), by navigation."""
    found: dict[str, list[dict[str, object]]] = {}
    for name, value in body.items():
        if name in table.navigations and isinstance(value, dict):
            found[name] = [value]
        elif name in current().collections(table) and isinstance(value, list):
            if not all(isinstance(item, dict) for item in value):
                raise errors.bad_payload(f"'{name}' is a list of rows.")
            found[name] = value
    return found
