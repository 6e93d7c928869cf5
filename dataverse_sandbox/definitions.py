"""Tables and global choices that requests created or changed, stored as JSON to survive a restart."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict

from dataverse_sandbox.catalog import (
    BUILT_IN,
    AlternateKey,
    Catalog,
    Column,
    GlobalChoice,
    Kind,
    Link,
    Option,
    Table,
)
from dataverse_sandbox.catalog.columns import Computed, nothing_computed, owning_of

# The details of an initial table that no longer exists.
_ABSENT = "null"
_PLAIN = (
    *("name", "set_name", "label", "plural_label", "object_type_code", "primary_name", "change_tracking"),
    *("audited", "privilege", "schema_name", "is_activity", "is_custom"),
)


def save(connection: sqlite3.Connection, table: Table) -> None:
    details = {name: getattr(table, name) for name in _PLAIN}
    details["columns"] = [asdict(column) for column in table.columns]
    details["alternate_keys"] = [asdict(key) for key in table.alternate_keys]
    details["link"] = asdict(table.link) if table.link else None
    statement = "INSERT OR REPLACE INTO definition (table_name, details) VALUES (?, ?)"
    connection.execute(statement, (table.name, json.dumps(details)))


def forget(connection: sqlite3.Connection, table: Table) -> None:
    """Delete a table's definition; for a built-in table, store that it is absent."""
    connection.execute("DELETE FROM definition WHERE table_name = ?", (table.name,))
    if table.name in BUILT_IN.by_name:
        connection.execute("INSERT INTO definition (table_name, details) VALUES (?, ?)", (table.name, _ABSENT))


def save_choice(connection: sqlite3.Connection, choice: GlobalChoice) -> None:
    statement = "INSERT OR REPLACE INTO global_choice (name, details) VALUES (?, ?)"
    connection.execute(statement, (choice.name, json.dumps(asdict(choice))))


def forget_choice(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("DELETE FROM global_choice WHERE name = ?", (name,))


def load(connection: sqlite3.Connection) -> Catalog:
    """Return the tables that this file holds."""
    found = BUILT_IN
    for name, details in connection.execute("SELECT table_name, details FROM definition ORDER BY rowid").fetchall():
        found = found.without(name) if details == _ABSENT else found.with_table(_table(json.loads(details)))
    for (details,) in connection.execute("SELECT details FROM global_choice ORDER BY rowid").fetchall():
        found = found.with_choice(_choice(json.loads(details)))
    return found


def _choice(details: dict[str, object]) -> GlobalChoice:
    options = tuple(Option(**option) for option in details["options"])  # type: ignore[attr-defined]  # a list, as saved
    return GlobalChoice(**{**details, "options": options})  # type: ignore[arg-type]  # written by `save_choice`


def _table(details: dict[str, object]) -> Table:
    given = {name: details[name] for name in _PLAIN}
    columns, keys, link = details["columns"], details["alternate_keys"], details["link"]
    built_in = BUILT_IN.by_name.get(str(given["name"]))
    # A company's own table may have been deleted and created anew with other columns.
    built_in = None if built_in and built_in.is_custom else built_in
    return Table(
        **given,  # type: ignore[arg-type]  # written by `save` from a Table
        columns=tuple(_column(column) for column in columns),  # type: ignore[attr-defined]  # a list, as saved
        alternate_keys=tuple(
            AlternateKey(**{**key, "columns": tuple(key["columns"])})
            for key in keys  # type: ignore[attr-defined]  # a list, as saved
        ),
        link=Link(str(link["collection"]), tuple(link["columns"])) if isinstance(link, dict) else None,
        writable=built_in.writable if built_in else not link,
        indexes=built_in.indexes if built_in else (),
        computed=built_in.computed if built_in else _computed(columns),
        is_part=built_in.is_part if built_in else False,
    )


def _computed(columns: object) -> Computed:
    names = {column["name"] for column in columns}  # type: ignore[attr-defined]  # a list, as saved
    return owning_of if "owninguser" in names else nothing_computed


def _column(details: dict[str, object]) -> Column:
    options = details["options"]
    return Column(
        **{  # type: ignore[arg-type]  # written by `save` from a Column
            **details,
            "kind": Kind(str(details["kind"])),
            "options": tuple(Option(**option) for option in options),  # type: ignore[attr-defined]  # a list, as saved
            "targets": tuple(details["targets"]),  # type: ignore[arg-type]  # a list, as saved
        }
    )
