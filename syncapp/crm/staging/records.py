"""Records that the client takes and returns.

Values of contact columns are canonical text (see `values`), None if empty. Times are aware and in UTC. A decision is
one of the numbers in `StagedDecision`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Generic, TypeVar
from uuid import UUID, uuid5

Row = TypeVar("Row")


class StagedDecision(IntEnum):
    """The choice values of a staged field's decision in the CRM."""

    PENDING = 410000000
    APPROVED = 410000001
    REJECTED = 410000002
    SUPERSEDED = 410000003


class ColumnType(StrEnum):
    """Types of columns, by how values are formatted and compared. DATE has the behavior DateOnly, DATE_TIME others."""

    TEXT = "text"
    MEMO = "memo"
    CHOICE = "choice"
    CHOICES = "choices"
    YES_NO = "yes_no"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    FLOAT = "float"
    DATE = "date"
    DATE_TIME = "date_time"
    LOOKUP = "lookup"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that could not be read, with the reason as a sentence. If its id is unknown, `row_id` begins with "?"."""

    row_id: str
    problem: str


# In all records below, `problem` says in a sentence which value could not be read; such values are empty.


@dataclass(frozen=True, slots=True)
class StagedRecord:
    """One Outlook edit to one contact, as it was staged. `state`: 0 awaiting review, 1 reviewed.

    `source` says what staged it. Unless `is_restored`, the proposed values are still in the contact.
    """

    id: UUID
    name: str
    contact_id: UUID | None
    target_table: str
    target_id: UUID | None
    editor_id: UUID | None
    editor_name: str
    edited_on: datetime | None
    operation_id: str
    state: int
    version: int
    etag: str
    problem: str = ""
    source: str = ""
    is_restored: bool = True


@dataclass(frozen=True, slots=True)
class StagedField:
    """One changed column of a staged edit. `state`: 0 open, 1 decided.

    `modified_by` changed the row last; `modified_for_by` is the user who impersonated them, or None.
    """

    id: UUID
    record_id: UUID | None
    column: str
    original: str | None
    proposed: str | None
    original_label: str
    proposed_label: str
    decision: int
    decision_id: str
    applied: str | None
    decided_by: str
    decided_on: datetime | None
    reason: str
    state: int
    version: int
    etag: str
    problem: str = ""
    modified_by: UUID | None = None
    modified_for_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class ChangePage(Generic[Row]):
    """One page of a full or delta read; a link is '' if the page has none.

    `definitions` changes whenever a table or column definition changes; '' if the CRM does not send it.
    """

    rows: tuple[Row, ...]
    deleted: tuple[UUID, ...]
    next_link: str
    delta_link: str
    definitions: str = ""
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """A user of the CRM."""

    id: UUID
    name: str
    address: str
    entra_id: UUID | None
    disabled: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Our own user in the CRM, and the CRM's organization."""

    user_id: UUID
    organization_id: UUID
    business_unit_id: UUID


@dataclass(frozen=True, slots=True)
class Navigation:
    """The navigation property of a lookup to one table, and that table's set name."""

    target: str
    property: str
    set_name: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a CRM table. `navigation` is empty if the CRM's usual naming applies.

    An unreadable definition has the type OTHER, and the name '' if it is unknown. With `is_zoneless` (behavior
    TimeZoneIndependent), values of a DATE_TIME mean the same clock time in all zones, in spite of their Z. With
    `is_shown_as_date` (format DateOnly), people see and type only the date of a DATE_TIME.
    """

    table: str
    name: str
    label: str
    type: ColumnType
    max_length: int | None = None
    options: tuple[tuple[int, str], ...] = ()
    targets: tuple[str, ...] = ()
    writable: bool = True
    precision: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    navigation: tuple[Navigation, ...] = ()
    problem: str = ""
    is_zoneless: bool = False
    is_shown_as_date: bool = False


class ContactState(StrEnum):
    """The state of a contact in the CRM. A merged one is inactive too, and another contact replaces it."""

    ACTIVE = ""
    INACTIVE = "inactive"
    MERGED = "merged"


_STATE, _MASTER = STATE_COLUMNS = ("statecode", "masterid")
_ACTIVE = "0"


@dataclass(frozen=True, slots=True)
class LiveContact:
    """The live values of the requested columns, as of `read_at`.

    A column that could not be read is not in `values` but in `problems`, with the reason as a sentence. `revision` is
    None if the revision column was not read; an empty one is 0.
    """

    id: UUID
    etag: str
    revision: int | None
    values: Mapping[str, str | None]
    labels: Mapping[str, str]
    read_at: datetime
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> ContactState:
        """Return the contact's state; needs a read with STATE_COLUMNS."""
        if self.values.get(_MASTER):
            return ContactState.MERGED
        return ContactState.ACTIVE if self.values.get(_STATE) in (None, _ACTIVE) else ContactState.INACTIVE

    @property
    def merged_into(self) -> str:
        """Return the name of the contact that this one was merged into, or ''."""
        return self.labels.get(_MASTER, "") if self.state is ContactState.MERGED else ""


@dataclass(frozen=True, slots=True)
class FieldMark:
    """The decision to write to a staged field, which closes the field."""

    field_id: UUID
    etag: str
    decision: int
    decision_id: str
    applied: str | None
    decided_by: str
    decided_on: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ContactWrite:
    """The approved values of one contact. `revision` is the value read plus one; None leaves the column unchanged."""

    contact_id: UUID
    etag: str
    revision: int | None
    values: tuple[tuple[Column, str | None], ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns to write."""
        return tuple(column for column, _ in self.values)


@dataclass(frozen=True, slots=True)
class AppliedValue:
    """The value that the CRM stored for a field that is already closed."""

    field_id: UUID
    etag: str
    applied: str | None


@dataclass(frozen=True, slots=True)
class RecordClose:
    """The closing of a staged edit whose fields have all been decided."""

    record_id: UUID
    etag: str


@dataclass(frozen=True, slots=True)
class RestoredFlag:
    """The new value of a staged edit's flag that says whether its originals are in the contact."""

    record_id: UUID
    etag: str
    is_restored: bool


# The label of an unknown original, whose empty value would otherwise look like an empty original.
UNKNOWN_ORIGINAL = "(not known)"


@dataclass(frozen=True, slots=True)
class NewField:
    """One changed field of an edit to stage; an unknown original has the label UNKNOWN_ORIGINAL and no value."""

    column: str
    original: str | None
    proposed: str | None
    original_label: str = ""
    proposed_label: str = ""


def staged_field_id(operation_id: UUID, column: str) -> UUID:
    """Return the id of the row of one changed field of an edit that we staged."""
    return uuid5(operation_id, f"field:{column}")


@dataclass(frozen=True, slots=True)
class NewRecord:
    """An edit to stage with its fields. All ids follow from `operation_id`, so the same edit is never staged twice."""

    operation_id: UUID
    name: str
    table: str
    contact_id: UUID
    editor_id: UUID | None
    edited_on: datetime
    source: str
    is_restored: bool
    fields: tuple[NewField, ...]

    @property
    def id(self) -> UUID:
        """Return the id of the row."""
        return uuid5(self.operation_id, "record")

    def field_id(self, column: str) -> UUID:
        """Return the id of the row of one changed field."""
        return staged_field_id(self.operation_id, column)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Writes that are applied together or not at all; `lookups` are the lookup columns of new rows."""

    contact: ContactWrite | None = None
    marks: tuple[FieldMark, ...] = ()
    applied: tuple[AppliedValue, ...] = ()
    closes: tuple[RecordClose, ...] = ()
    records: tuple[NewRecord, ...] = ()
    flags: tuple[RestoredFlag, ...] = ()
    lookups: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StagingSnapshot:
    """The current contact, None if it was deleted, and the edits already staged, by operation id."""

    contact: LiveContact | None
    staged: Mapping[UUID, StagedRecord]


@dataclass(frozen=True, slots=True)
class DeliverySnapshot:
    """The rows that a delivery compares before it writes; `contact` is None if it was deleted."""

    contact: LiveContact | None
    fields: Mapping[UUID, StagedField]
    records: Mapping[UUID, StagedRecord]
