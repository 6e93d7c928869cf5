"""Outlook filters: what is read of them, what is written, and what came of it.

Sources: the table reference pages "Saved View (UserQuery)" and "View (SavedQuery)", and "Offline and
Outlook filters and templates".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from syncapp.crm.directory.records import Mailbox
from syncapp.crm.errors import CrmError, ProtocolError
from syncapp.crm.staging.records import Unreadable
from syncapp.crm.values import canonical


class QueryType(IntEnum):
    """Which kind of saved query is a filter or a template for filters."""

    OFFLINE_FILTER = 16
    OUTLOOK_FILTER = 256
    OFFLINE_TEMPLATE = 8192
    OUTLOOK_TEMPLATE = 131072


@dataclass(frozen=True, slots=True)
class OutlookFilter:
    """One filter of a user or a team; `state` 0 is on, 1 is off. `table` is a logical name."""

    id: UUID
    owner_id: UUID
    owner_table: str
    name: str
    table: str
    query_type: int
    fetch_xml: str
    state: int
    status: int
    parent_id: UUID | None
    modified_by: UUID | None
    modified_for_by: UUID | None
    modified_on: datetime | None
    version: int
    etag: str
    problem: str = ""

    @property
    def is_on(self) -> bool:
        """Whether it selects rows at present."""
        return self.state == 0


@dataclass(frozen=True, slots=True)
class SystemFilter:
    """A filter for everybody, or a template that new users get a copy of; only customizers change it."""

    id: UUID
    name: str
    table: str
    query_type: int
    fetch_xml: str
    is_default: bool
    state: int
    problem: str = ""

    @property
    def is_template(self) -> bool:
        """Whether it is copied to users instead of applying to them."""
        return self.query_type in (QueryType.OFFLINE_TEMPLATE, QueryType.OUTLOOK_TEMPLATE)


@dataclass(frozen=True, slots=True)
class OwnerFilters:
    """The filters of one owner, or why they could not be read; `unreadable` are single ones that could not."""

    owner_id: UUID
    filters: tuple[OutlookFilter, ...] | None
    error: CrmError | None = None
    unreadable: tuple[Unreadable, ...] = ()

    @classmethod
    def of(cls, owner_id: UUID, found: Sequence[OutlookFilter]) -> OwnerFilters:
        """Return the readable ones of those that were found, and the others apart."""
        bad = tuple(Unreadable(str(each.id), each.problem) for each in found if each.problem)
        return cls(owner_id, tuple(each for each in found if not each.problem), unreadable=bad)


@dataclass(frozen=True, slots=True)
class FilterChange:
    """One filter and the state it should get; `status` restores a particular status reason.

    `etag` is the version that was read; '' for a CRM that keeps no versions of this table.
    """

    filter_id: UUID
    active: bool
    etag: str = ""
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """The changes of one owner's filters: all of them happen or none."""

    owner_id: UUID
    changes: tuple[FilterChange, ...]
    query_type: int = QueryType.OUTLOOK_FILTER


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """What became of a switch.

    `error` None: the CRM said yes. An error with `may_have_applied` leaves open what happened. `now`
    is what the same request read afterwards, None where that part is missing. `wrong_author` says
    that a change made in somebody's name was recorded as ours: impersonation was ignored.
    """

    owner_id: UUID
    error: CrmError | None
    now: tuple[OutlookFilter, ...] | None
    as_wanted: bool | None
    wrong_author: bool = False

    @property
    def proved(self) -> bool:
        """Whether the CRM accepted it and then showed it."""
        return self.error is None and self.as_wanted is True and not self.wrong_author


@dataclass(frozen=True, slots=True)
class MethodChange:
    """A mailbox and the method it should get; `etag` as in `FilterChange`."""

    mailbox_id: UUID
    method: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What became of it, as in `SwitchResult`."""

    mailbox_id: UUID
    error: CrmError | None
    now: Mailbox | None
    as_wanted: bool | None

    @property
    def proved(self) -> bool:
        """Whether the CRM accepted it and then showed it."""
        return self.error is None and self.as_wanted is True


@dataclass(frozen=True, slots=True)
class ReadingProbe:
    """How many filters of one owner each way of asking shows; None where it was refused.

    `answered_as` is whom the CRM took a call in his name for. No filters by either way prove nothing:
    the owner may have none. Ask about somebody enabled who has roles.
    """

    owner_id: UUID
    direct_count: int | None
    acting_count: int | None
    answered_as: UUID | None
    direct_error: CrmError | None = None
    acting_error: CrmError | None = None

    @property
    def direct_works(self) -> bool | None:
        """Whether our own user sees others' filters; None when this owner cannot tell."""
        if self.direct_count:
            return True
        return False if self.direct_count is None or self.acting_count else None

    @property
    def acting_works(self) -> bool | None:
        """Whether calls in somebody's name are answered as his; None when this owner cannot tell."""
        if self.acting_count is None or self.answered_as != self.owner_id:
            return False
        if self.acting_count:
            return True
        return False if self.direct_count else None


@dataclass(frozen=True, slots=True)
class WritingProbe:
    """Whether a filter could be written (with the state it had) and as whom that was recorded."""

    filter_id: UUID
    works: bool
    recorded_as: UUID | None
    error: CrmError | None = None
    ignored_silently: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows a filter selects; `more` when the CRM stops counting there."""

    number: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class SelectedRow:
    """A row that a filter selects, with what a person reads of the columns that were asked for, and what they hold."""

    id: UUID
    texts: Mapping[str, str]
    values: Mapping[str, object] = field(default_factory=dict)

    def moment(self, column: str) -> datetime | None:
        """A date and time that was asked for, None when empty. Raises ProtocolError for what is none."""
        value = self.values.get(column)
        try:
            return None if value is None else canonical.parse_date_time(str(value))
        except ValueError as error:
            raise ProtocolError(f"'{column}' is not a date and time.", code="value") from error


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that a filter selects; not `complete` when there are more."""

    rows: tuple[SelectedRow, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Meeting:
    """A future meeting with other people in it."""

    id: UUID
    subject: str
    starts: datetime | None
    attendees: int


@dataclass(frozen=True, slots=True)
class OrganizedMeetings:
    """The future meetings that a user organizes; None with an error when they could not be counted."""

    user_id: UUID
    meetings: tuple[Meeting, ...] | None
    complete: bool = True
    error: CrmError | None = None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What the CRM does for a table. `keeps_versions`: If-Match works with an ETag."""

    table: str
    set_name: str
    object_type_code: int
    keeps_versions: bool
    tracks_changes: bool
