"""Records of Outlook filters, of changes to them, and of the results.

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
    """The kinds of saved queries that are filters or templates of filters."""

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
        """Return whether the filter is active."""
        return self.state == 0


@dataclass(frozen=True, slots=True)
class SystemFilter:
    """A system-wide filter, or a template that is copied to new users; only customizers can change it."""

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
        """Return whether this is a template, which is copied to users instead of applying to them."""
        return self.query_type in (QueryType.OFFLINE_TEMPLATE, QueryType.OUTLOOK_TEMPLATE)


@dataclass(frozen=True, slots=True)
class OwnerFilters:
    """The filters of one owner, or None with the error; `unreadable` has the rows that could not be read."""

    owner_id: UUID
    filters: tuple[OutlookFilter, ...] | None
    error: CrmError | None = None
    unreadable: tuple[Unreadable, ...] = ()

    @classmethod
    def of(cls, owner_id: UUID, found: Sequence[OutlookFilter]) -> OwnerFilters:
        """Return the owner's filters, the unreadable ones apart from the others."""
        bad = tuple(Unreadable(str(each.id), each.problem) for each in found if each.problem)
        return cls(owner_id, tuple(each for each in found if not each.problem), unreadable=bad)


@dataclass(frozen=True, slots=True)
class FilterChange:
    """A filter and its new state; `status` sets a particular status reason.

    `etag` is the version that was read, '' for a CRM that keeps no versions of this table.
    """

    filter_id: UUID
    active: bool
    etag: str = ""
    status: int | None = None


@dataclass(frozen=True, slots=True)
class FilterSwitch:
    """The changes to one owner's filters, applied together or not at all."""

    owner_id: UUID
    changes: tuple[FilterChange, ...]
    query_type: int = QueryType.OUTLOOK_FILTER


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """The result of a switch.

    `error` is None if the CRM accepted it; with `may_have_applied` the outcome is unknown. `now` has the filters as the
    same request read them back, or None. `as_requested` says whether they are in the requested states; None without a
    read-back. `wrong_author` means that the impersonation was ignored and the change was recorded as ours.
    """

    owner_id: UUID
    error: CrmError | None
    now: tuple[OutlookFilter, ...] | None
    as_requested: bool | None
    wrong_author: bool = False

    @property
    def proved(self) -> bool:
        """Return whether the CRM accepted the change and the read-back confirms it."""
        return self.error is None and self.as_requested is True and not self.wrong_author


@dataclass(frozen=True, slots=True)
class MethodChange:
    """A mailbox and its new sync method; `etag` as in `FilterChange`."""

    mailbox_id: UUID
    method: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """The result of a method change; fields as in `SwitchResult`."""

    mailbox_id: UUID
    error: CrmError | None
    now: Mailbox | None
    as_requested: bool | None

    @property
    def proved(self) -> bool:
        """Return whether the CRM accepted the change and the read-back confirms it."""
        return self.error is None and self.as_requested is True


@dataclass(frozen=True, slots=True)
class ReadingProbe:
    """The number of one owner's filters that each way of access returns; None if the access was refused.

    `answered_as` is the user that the CRM used for the impersonated call. Zero for both ways proves nothing, since the
    owner may have no filters. Probe with an enabled user who has roles.
    """

    owner_id: UUID
    direct_count: int | None
    acting_count: int | None
    answered_as: UUID | None
    direct_error: CrmError | None = None
    acting_error: CrmError | None = None

    @property
    def direct_works(self) -> bool | None:
        """Return whether our own user sees others' filters; None if this owner may have no filters."""
        if self.direct_count:
            return True
        return False if self.direct_count is None or self.acting_count else None

    @property
    def acting_works(self) -> bool | None:
        """Return whether impersonated calls return the owner's filters; None if this owner may have no filters."""
        if self.acting_count is None or self.answered_as != self.owner_id:
            return False
        if self.acting_count:
            return True
        return False if self.direct_count else None


@dataclass(frozen=True, slots=True)
class WritingProbe:
    """The result of writing a filter without changing it, and the author that the CRM recorded.

    `ignored_silently` means that the CRM ignored the impersonation and recorded the write as ours.
    """

    filter_id: UUID
    works: bool
    recorded_as: UUID | None
    error: CrmError | None = None
    ignored_silently: bool = False


@dataclass(frozen=True, slots=True)
class RowCount:
    """The number of rows that a filter selects; `more` means that the CRM stopped counting there."""

    number: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class SelectedRow:
    """A row that a filter selects, with the displayed texts and the values of the requested columns."""

    id: UUID
    texts: Mapping[str, str]
    values: Mapping[str, object] = field(default_factory=dict)

    def moment(self, column: str) -> datetime | None:
        """Return the date and time in a column, None when empty. Raises ProtocolError if it is of another type."""
        value = self.values.get(column)
        try:
            return None if value is None else canonical.parse_date_time(str(value))
        except ValueError as error:
            raise ProtocolError(f"'{column}' is not a date and time.", code="value") from error


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that a filter selects; `complete` is False if there are more."""

    rows: tuple[SelectedRow, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Meeting:
    """A future meeting with attendees."""

    id: UUID
    subject: str
    starts: datetime | None
    attendees: int


@dataclass(frozen=True, slots=True)
class OrganizedMeetings:
    """The future meetings that a user organizes; `meetings` is None if they could not be read, with the `error`."""

    user_id: UUID
    meetings: tuple[Meeting, ...] | None
    complete: bool = True
    error: CrmError | None = None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Properties of a table. `keeps_versions`: If-Match works with an ETag."""

    table: str
    set_name: str
    object_type_code: int
    keeps_versions: bool
    tracks_changes: bool
