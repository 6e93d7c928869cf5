"""The SQL functions with which a trigger turns ledger entries into audit entries.

    is_audited(table)                         whether the table's changes are audited
    audit_parts(table, method, changes, delay)  the audit entries of one ledger entry, as JSON
    audit_id()                                a new id

The trigger is in `schema`. Tables and columns are those in force in the transaction, so switching auditing of a column
takes effect with the next change.
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping

from dataverse_sandbox.catalog import BY_NAME, Column, Kind, Table
from dataverse_sandbox.catalog.audit import ASSIGN, CREATE, DELETE, SET_STATE, UPDATE
from dataverse_sandbox.catalog.columns import CHOICE_LIKE

MAX_VALUE_LENGTH = 5_000
# The text in `changedata` for kinds whose form no public source shows.
UNKNOWN_FORM = "(form unknown to the sandbox)"
_OPERATIONS = {"POST": (CREATE, 1), "PATCH": (UPDATE, 2), "DELETE": (DELETE, 3)}
_OWN_ACTIONS = {"ownerid": ASSIGN, "statecode": SET_STATE, "statuscode": SET_STATE}

Changes = dict[str, list[object]]


def install(connection: sqlite3.Connection) -> None:
    connection.create_function("is_audited", 1, _is_audited)
    connection.create_function("audit_parts", 4, _parts)
    connection.create_function("audit_id", 0, lambda: str(uuid.uuid4()))


def _is_audited(table_name: str) -> bool:
    table = BY_NAME.get(table_name)
    return table is not None and table.audited


def _parts(table_name: str, method: str, changes: str, delay: str | None) -> str:
    """Return a list of [action, operation, changes, changedata, visible at or null]; one for each action."""
    table = BY_NAME[table_name]
    kept: Changes = {
        name: [_capped(value) for value in pair]
        for name, pair in json.loads(changes).items()
        if name in table.by_name and table.by_name[name].audited
    }
    if not kept:
        return "[]"
    visible_at = _visible_at(delay)
    operation = _OPERATIONS[method][1]
    return json.dumps(
        [
            [action, operation, json.dumps(part), _change_data(table, part), visible_at]
            for action, part in _by_action(method, kept)
        ]
    )


def _by_action(method: str, changes: Changes) -> Iterator[tuple[int, Changes]]:
    """Separate the owner and the state from other changes, as the messages Assign and SetState do."""
    action = _OPERATIONS[method][0]
    if action != UPDATE:
        yield action, changes
        return
    found: dict[int, Changes] = {}
    for name, pair in changes.items():
        found.setdefault(_OWN_ACTIONS.get(name, UPDATE), {})[name] = pair
    yield from found.items()


def _capped(value: object) -> object:
    return f"{value[: MAX_VALUE_LENGTH - 1]}…" if isinstance(value, str) and len(value) > MAX_VALUE_LENGTH else value


def _change_data(table: Table, changes: Mapping[str, list[object]]) -> str:
    listed = [
        {
            "logicalName": name,
            "oldValue": _in_change_data(table.by_name[name], before),
            "newValue": _in_change_data(table.by_name[name], after),
        }
        for name, (before, after) in changes.items()
    ]
    return json.dumps({"changedAttributes": listed}, ensure_ascii=False)


def _in_change_data(column: Column, value: object) -> str | None:
    """Return a value of the ledger in the form that public tools have seen in `changedata`."""
    if value is None:
        return None
    if column.kind in (Kind.TEXT, Kind.MEMO) or column.kind in CHOICE_LIKE or column.kind is Kind.YES_NO:
        return str(value)
    if column.kind is Kind.LOOKUP:
        return str(value).replace(":", ",", 1)
    return UNKNOWN_FORM


def _visible_at(delay: str | None) -> float | None:
    """Return the time from which the entry can be read; None for at once."""
    given = json.loads(delay) if delay else {}
    seconds, jitter = given.get("delay_seconds", 0), given.get("jitter_seconds", 0)
    return time.time() + seconds + random.uniform(0, jitter) if seconds or jitter else None  # noqa: S311 - no secret
