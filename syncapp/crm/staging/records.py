"""What goes in and out of the client: plain frozen records in our own words.

Values of contact columns are canonical text (see `values`), None meaning empty. Times are aware
and in UTC. A decision is one of the numbers in `StagedDecision`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Generic, TypeVar
from uuid import UUID

Row = TypeVar("Row")


class StagedDecision(IntEnum):
    """The choice values of a staged field's decision in the CRM."""

    PENDING = 410000000
    APPROVED = 410000001
    REJECTED = 410000002
    SUPERSEDED = 410000003


class ColumnType(StrEnum):
    """Format and comparison of a column's values. DATE has the behavior DateOnly, DATE_TIME every other."""

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
    """A row that could not be read, and why in a sentence. `row_id` begins with "?" where the row does not tell it."""

    row_id: str
    problem: str


# In every record below, `problem` says in a sentence which value of the row could not be read; '' where all could.
# What could not be read is empty in such a record.


@dataclass(frozen=True, slots=True)
class StagedRecord:
    """One Outlook edit of one contact, as the CRM staged it. `state`: 0 awaiting review, 1 reviewed."""

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


@dataclass(frozen=True, slots=True)
class StagedField:
    """One changed column of a staged edit. `state`: 0 open, 1 decided.

    `modified_by` changed the row last, `modified_for_by` did so in that user's name where it is not None.
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
    """One page of a full or a delta read; a link is '' when the page has none.

    `definitions` changes whenever a table or column is defined anew, '' where the CRM does not say.
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
    """Who we are to the CRM, and which organization it is."""

    user_id: UUID
    organization_id: UUID
    business_unit_id: UUID


@dataclass(frozen=True, slots=True)
class Navigation:
    """How a lookup to one table is written: the navigation property and that table's set name."""

    target: str
    property: str
    set_name: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a CRM table. `navigation` is empty where the CRM's usual naming applies.

    One whose definition could not be read is of type OTHER; its `name` is '' where the definition does not tell it.
    Of a DATE_TIME, `is_zoneless` (behavior TimeZoneIndependent) says that its values mean the same clock time in every
    zone, in spite of their Z, and `is_shown_as_date` (format DateOnly) that people read and type only the date.
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
    """State of a contact in the CRM. A merged one is inactive too; another contact took its place."""

    ACTIVE = ""
    INACTIVE = "inactive"
    MERGED = "merged"


_STATE, _MASTER = STATE_COLUMNS = ("statecode", "masterid")
_ACTIVE = "0"


@dataclass(frozen=True, slots=True)
class LiveContact:
    """Values that the CRM holds at `read_at`, for the requested columns.

    A column that could not be read is in `problems`, with the reason in a sentence, and not in `values`.
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
        """Return the contact's state, for a reading that included STATE_COLUMNS."""
        if self.values.get(_MASTER):
            return ContactState.MERGED
        return ContactState.ACTIVE if self.values.get(_STATE) in (None, _ACTIVE) else ContactState.INACTIVE

    @property
    def merged_into(self) -> str:
        """Return the name of the contact that took its place; '' where there is none."""
        return self.labels.get(_MASTER, "") if self.state is ContactState.MERGED else ""


@dataclass(frozen=True, slots=True)
class FieldMark:
    """The decision to be written on a staged field, which closes it."""

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
    """Approved values for one contact; `revision` is the value read plus one."""

    contact_id: UUID
    etag: str
    revision: int
    values: tuple[tuple[Column, str | None], ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns that are written."""
        return tuple(column for column, _ in self.values)


@dataclass(frozen=True, slots=True)
class AppliedValue:
    """The value that the CRM made of what was written, for a staged field that is closed already."""

    field_id: UUID
    etag: str
    applied: str | None


@dataclass(frozen=True, slots=True)
class RecordClose:
    """The end of a staged edit whose last field is decided."""

    record_id: UUID
    etag: str


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Writes that happen together or not at all."""

    contact: ContactWrite | None = None
    marks: tuple[FieldMark, ...] = ()
    applied: tuple[AppliedValue, ...] = ()
    closes: tuple[RecordClose, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliverySnapshot:
    """Everything a delivery compares before it writes; `contact` is None when it was deleted."""

    contact: LiveContact | None
    fields: Mapping[UUID, StagedField]
    records: Mapping[UUID, StagedRecord]
