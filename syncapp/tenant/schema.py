"""The staging schema that the portal needs in a CRM: one description for the setup and the checks.

Names come from CRM_NAMES; types, lengths and choices are fixed, because our code relies on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncapp.crm.names import Names
from syncapp.crm.staging.records import Column, ColumnType, StagedDecision

MAX_CHARACTERS = 1_048_576


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column that the portal needs.

    A TEXT or MEMO column must hold at least `max_length` characters. `options` are the values and labels of a choice,
    `target` is the table of a lookup. With `is_owned`, deleting the target row deletes this row too.
    """

    name: str
    label: str
    description: str
    type: ColumnType
    max_length: int | None = None
    options: tuple[tuple[int, str], ...] = ()
    target: str = ""
    is_owned: bool = False


@dataclass(frozen=True, slots=True)
class KeySpec:
    """An alternate key: no two rows have the same values in `columns`."""

    name: str
    label: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A staging table, owned by users and with change tracking on. The first column is the primary name."""

    name: str
    set_name: str
    id_column: str
    label: str
    plural_label: str
    description: str
    columns: tuple[ColumnSpec, ...]
    keys: tuple[KeySpec, ...] = ()

    @property
    def primary_name(self) -> ColumnSpec:
        """Return the column with the name of a row, which is created together with the table."""
        return self.columns[0]


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables, parents first, and the column that the contact table needs, if any."""

    tables: tuple[TableSpec, ...]
    revision: ColumnSpec | None

    @property
    def records(self) -> TableSpec:
        """Return the table with one row per Outlook edit."""
        return self.tables[0]

    @property
    def fields(self) -> TableSpec:
        """Return the table with one row per changed field."""
        return self.tables[1]

    @property
    def prefix(self) -> str:
        """Return the publisher's prefix of the staging tables, '' if their names have none."""
        prefix, separator, _ = self.records.name.partition("_")
        return prefix if separator else ""


def staging_schema(names: Names) -> Schema:
    """Return the schema with the names of CRM_NAMES; `revision` is None if no revision column is used."""
    revision = ColumnSpec(
        names.contact_revision,
        "Revision",
        "Raised by forms and programs; Outlook never sends it.",
        ColumnType.INTEGER,
    )
    return Schema((_records(names), _fields(names)), revision if names.contact_revision else None)


def differences(wanted: ColumnSpec, found: Column) -> tuple[str, ...]:
    """Return, as sentences, how a column of the CRM differs from the one that the portal needs.

    Longer texts, further options and further targets of a lookup do not count as differences. A MEMO can serve as TEXT.
    """
    if found.problem:
        return (f"Its definition cannot be read: {found.problem}",)
    is_usable = found.type is wanted.type or (wanted.type is ColumnType.TEXT and found.type is ColumnType.MEMO)
    if not is_usable:
        return (f"Its type is {found.type}, but the portal needs {wanted.type}.",)
    sentences = []
    if wanted.max_length and found.max_length is not None and found.max_length < wanted.max_length:
        sentences.append(f"It holds {found.max_length:,} characters, but the portal needs {wanted.max_length:,}.")
    known = {value for value, _ in found.options}
    missing = [f"{value} ({label})" for value, label in wanted.options if value not in known]
    if missing:
        sentences.append(f"It lacks the options {', '.join(missing)}.")
    if wanted.target and wanted.target not in found.targets:
        sentences.append(
            f"It refers to {', '.join(found.targets) or 'no table'}, but the portal needs {wanted.target}."
        )
    return tuple(sentences)


def missing_columns(wanted: TableSpec, found: Sequence[Column]) -> tuple[ColumnSpec, ...]:
    """Return the columns that a table of the CRM lacks."""
    known = {column.name for column in found}
    return tuple(column for column in wanted.columns if column.name not in known)


def _records(names: Names) -> TableSpec:
    def text(name: str, label: str, length: int, description: str) -> ColumnSpec:
        return ColumnSpec(name, label, description, ColumnType.TEXT, max_length=length)

    # A plug-in that does not know this column leaves the default, which says that originals are restored.
    restored = ColumnSpec(
        names.record_restored, "Restored", "Whether the original values were restored.", ColumnType.YES_NO
    )
    origin = (text(names.record_source, "Source", 100, "What staged the edit: plug-in, audit."), restored)
    key_name = f"{names.record_operation_id.removesuffix('id')}_key"
    return TableSpec(
        name=names.record_table,
        set_name=names.record_set,
        id_column=names.record_id,
        label="Sync Record",
        plural_label="Sync Records",
        description="One edit of one contact, made in Outlook and awaiting review.",
        columns=(
            text(names.record_name, "Name", 200, "The contact’s name."),
            ColumnSpec(names.record_contact, "Contact", "The edited contact.", ColumnType.LOOKUP, target="contact"),
            text(names.record_target_table, "Target Table", 100, "The edited row’s table; survives its deletion."),
            text(names.record_target_id, "Target Id", 100, "The edited row’s id; survives its deletion."),
            ColumnSpec(
                names.record_editor, "Edited By", "The user who made the edit.", ColumnType.LOOKUP, target="systemuser"
            ),
            ColumnSpec(names.record_edited_on, "Edited On", "The moment of the edit.", ColumnType.DATE_TIME),
            text(names.record_operation_id, "Operation Id", 100, "The same edit staged twice is one row."),
            *(column for column in origin if column.name),
        ),
        keys=(KeySpec(key_name, "Operation", (names.record_operation_id,)),),
    )


def _fields(names: Names) -> TableSpec:
    def memo(name: str, label: str, description: str, length: int = MAX_CHARACTERS) -> ColumnSpec:
        return ColumnSpec(name, label, description, ColumnType.MEMO, max_length=length)

    def text(name: str, label: str, length: int, description: str) -> ColumnSpec:
        return ColumnSpec(name, label, description, ColumnType.TEXT, max_length=length)

    decisions = tuple((int(decision), decision.name.capitalize()) for decision in StagedDecision)
    return TableSpec(
        name=names.field_table,
        set_name=names.field_set,
        id_column=names.field_id,
        label="Sync Field",
        plural_label="Sync Fields",
        description="One changed field of an edit, with the original and the proposed value.",
        columns=(
            text(names.field_column, "Name", 200, "The changed column’s logical name."),
            ColumnSpec(
                names.field_record,
                "Sync Record",
                "The edit that this field belongs to.",
                ColumnType.LOOKUP,
                target=names.record_table,
                is_owned=True,
            ),
            memo(names.field_original, "Original Value", "The value before the edit, as canonical text."),
            memo(names.field_proposed, "Proposed Value", "The value that Outlook sent, as canonical text."),
            memo(names.field_original_label, "Original Label", "The original value as people read it."),
            memo(names.field_proposed_label, "Proposed Label", "The proposed value as people read it."),
            ColumnSpec(
                names.field_decision, "Decision", "The reviewer’s decision.", ColumnType.CHOICE, options=decisions
            ),
            text(names.field_decision_id, "Decision Id", 100, "The portal’s id of the decision."),
            memo(names.field_applied, "Applied Value", "The value that was written to the contact."),
            text(names.field_decided_by, "Decided By", 200, "The reviewer."),
            ColumnSpec(names.field_decided_on, "Decided On", "The moment of the decision.", ColumnType.DATE_TIME),
            memo(names.field_reason, "Reason", "The reviewer’s reason.", 4_000),
        ),
    )
