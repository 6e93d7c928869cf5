"""The company's plug-in: stages an Outlook edit of a contact and restores the old values.

An update whose request does not contain `osync_revision` counts as an edit from Outlook. If the contact has no such
column, so does every update by a user other than the portal's. The plug-in runs inside the update's transaction, as
synchronous plug-ins do: either everything is stored or nothing. Without the staging tables it does nothing.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from dataverse_sandbox import config, rows, values
from dataverse_sandbox.catalog import BY_NAME, CONTACT, SYNC_FIELD, SYNC_RECORD, Column, Kind, Table
from dataverse_sandbox.store import Row, Store, Transaction

REVISION = "osync_revision"
_SETTING = "plugin"
# The plug-in's processing step: disabling this row switches the plug-in off, as the control page does.
STEP_ID = config.fixed_id("step", "plugin")


@dataclass(frozen=True)
class StagedField:
    id: str
    column: str
    original: str | None
    proposed: str | None


@dataclass(frozen=True)
class Staged:
    """The rows of one edit in the staging tables."""

    record_id: str
    fields: tuple[StagedField, ...]


def is_enabled(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT value FROM setting WHERE name = ?", (_SETTING,)).fetchone()
    if found is not None and found[0] != "on":
        return False
    step = "SELECT statecode FROM sdkmessageprocessingstep WHERE sdkmessageprocessingstepid = ?"
    row = connection.execute(step, (STEP_ID,)).fetchone()
    return row is None or row[0] == 0


def has_tables() -> bool:
    """Return whether the environment has the staging tables, without which the plug-in does nothing."""
    return SYNC_RECORD.name in BY_NAME and SYNC_FIELD.name in BY_NAME


def switch(store: Store, *, enabled: bool) -> None:
    """Switch the plug-in on or off; tests of other clients expect to read back their writes."""
    store.set_setting(_SETTING, "on" if enabled else "off")


def concerns(connection: sqlite3.Connection, table: Table, changes: Mapping[str, object], caller: str) -> bool:
    """Return whether an update with these changes comes from Outlook, and can be staged."""
    if table.name != CONTACT.name or REVISION in changes or not is_enabled(connection):
        return False
    return has_tables() and (REVISION in table.by_name or caller != config.APPLICATION_USER_ID)


def stage_and_restore(transaction: Transaction, before: Row, after: Row) -> tuple[Row, Staged | None]:
    """Stage every tracked column that differs by type and restore its old value; return the restored row."""
    contact = BY_NAME[CONTACT.name]
    changed = [column for column in contact.columns if column.tracked and _differs(column, before, after)]
    if not changed:
        return after, None
    names = [name for column in changed for name in (column.name, column.type_column) if name in before]
    with transaction.as_plugin():
        record = _stage_record(transaction, before)
        fields = tuple(_stage_field(transaction, record, column, before, after) for column in changed)
        restored = rows.update(transaction, contact, after, {name: before[name] for name in names})
    return restored, Staged(str(record["osync_syncrecordid"]), fields)


def _differs(column: Column, before: Row, after: Row) -> bool:
    if column.kind in (Kind.TEXT, Kind.MEMO):
        return (before[column.name] or "") != (after[column.name] or "")
    return values.canonical(column, before) != values.canonical(column, after)


def _stage_record(transaction: Transaction, contact: Row) -> Row:
    table = BY_NAME[SYNC_RECORD.name]
    origin = {"osync_source": "plug-in", "osync_restored": 1}
    return rows.create(
        transaction,
        table,
        {
            "osync_name": contact["fullname"],
            "osync_contact": contact["contactid"],
            "osync_targettable": CONTACT.name,
            "osync_targetid": contact["contactid"],
            "osync_editor": transaction.author.caller,
            "osync_editedon": rows.now(),
            "osync_operationid": str(uuid.uuid4()),
            # A company's own tables may lack these.
            **{name: value for name, value in origin.items() if name in table.by_name},
        },
    )


def _stage_field(transaction: Transaction, record: Row, column: Column, before: Row, after: Row) -> StagedField:
    original, proposed = values.canonical(column, before), values.canonical(column, after)
    field = rows.create(
        transaction,
        BY_NAME[SYNC_FIELD.name],
        {
            "osync_name": column.name,
            "osync_syncrecord": record["osync_syncrecordid"],
            "osync_originalvalue": original,
            "osync_proposedvalue": proposed,
            "osync_originallabel": label(transaction, column, before),
            "osync_proposedlabel": label(transaction, column, after),
        },
    )
    return StagedField(str(field["osync_syncfieldid"]), column.name, original, proposed)


def label(transaction: Transaction, column: Column, row: Row) -> str | None:
    """Return a column's label for a value of this row."""
    value = row[column.name]
    name = None
    if column.kind is Kind.LOOKUP and value is not None:
        name = rows.name_of(transaction.connection, rows.target_of(column, row), str(value))
    return values.formatted(column, value, name=name)
