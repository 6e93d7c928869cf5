"""The values of an audit entry as canonical text, with unknown ones marked. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from syncapp.capture.chain_records import UNKNOWN, Value
from syncapp.crm import odata
from syncapp.crm.audits.records import AuditDetails
from syncapp.crm.errors import ProtocolError
from syncapp.crm.staging.records import Column, ColumnType
from syncapp.crm.values.cells import Cells
from syncapp.crm.values.conversion import to_canonical, wire_name

# The audit log cuts off longer texts and ends them with an ellipsis; the exact length is not documented ("Manage
# Dataverse auditing").
MAX_CHARACTERS = 5_000
_MAYBE_CUT_OFF_FROM = MAX_CHARACTERS - 100
_ELLIPSES = ("…", "...")


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """One changed column, with the labels of its values if the CRM has any."""

    column: str
    old: Value
    new: Value
    old_label: str = ""
    new_label: str = ""


def changes(
    details: AuditDetails, columns: Collection[Column], *, readable: Collection[str]
) -> tuple[ColumnChange, ...]:
    """Return the changes to these columns in an entry; others are left out.

    `readable` are the columns known to have been audited at that time and not hidden from us: only for these
    does an absent value mean an empty one.
    """
    changed = details.columns
    return tuple(
        _change(details, column, is_readable=column.name in readable)
        for column in columns
        if wire_name(column) in changed or column.name in details.invalid
    )


def _change(details: AuditDetails, column: Column, *, is_readable: bool) -> ColumnChange:
    is_complete = is_readable and not details.invalid.intersection((column.name, wire_name(column)))
    old, old_label = _value(details.old, column, absent_is_empty=is_complete)
    new, new_label = _value(details.new, column, absent_is_empty=is_complete)
    return ColumnChange(column.name, old, new, old_label, new_label)


def _value(row: odata.Row, column: Column, *, absent_is_empty: bool) -> tuple[Value, str]:
    name = wire_name(column)
    raw = row.get(name)
    if raw is None:
        return Value() if absent_is_empty else UNKNOWN, ""
    try:
        text = to_canonical(column, raw, row)
    except ProtocolError:
        return UNKNOWN, ""
    if column.type in (ColumnType.TEXT, ColumnType.MEMO) and _is_cut_off(text or ""):
        return UNKNOWN, ""
    return Value(text), Cells(row).text(name + odata.FORMATTED)


def _is_cut_off(text: str) -> bool:
    return len(text) >= MAX_CHARACTERS or (len(text) >= _MAYBE_CUT_OFF_FROM and text.endswith(_ELLIPSES))


def revisions(details: AuditDetails, name: str) -> tuple[int | None, int | None, bool]:
    """Return the old and new value of the revision column, and whether the entry has it; `name` is '' without one."""
    found = [value if isinstance(value, int) else None for value in (details.old.get(name), details.new.get(name))]
    return found[0], found[1], bool(name) and name in details.columns


@dataclass(frozen=True, slots=True)
class NamedChanges:
    """The columns that a listed entry names as changed, and the revisions among them."""

    columns: frozenset[str]
    revision: tuple[int | None, int | None, bool]


def named_changes(change_data: str, revision: str) -> NamedChanges | None:
    """Return the changes named in the column `changedata`; None if it is absent or has an unknown form.

    Only names and whole numbers are taken from it, because the forms of other values are not documented.
    """
    try:
        listed = json.loads(change_data)["changedAttributes"]
        by_name: Mapping[str, Mapping[str, object]] = {str(each["logicalName"]): each for each in listed}
    except (ValueError, KeyError, TypeError):
        return None
    pair = by_name.get(revision, {})
    old, new = (_whole_number(pair.get(key)) for key in ("oldValue", "newValue"))
    return NamedChanges(frozenset(by_name), (old, new, revision in by_name))


def _whole_number(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None
