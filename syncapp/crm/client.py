"""The client that the rest of the portal calls.

Its methods return immutable records and raise the errors of `errors`. All writes go through `_write`, which refuses
while the connection is read-only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.audits.reads import Audits
from syncapp.crm.batch import AnyWrite, Part, Read, encode_change_set, encode_reads
from syncapp.crm.contact_changes import ContactChanges
from syncapp.crm.deadline import Deadline
from syncapp.crm.directions.operations import Directions
from syncapp.crm.directory.account import Accounts
from syncapp.crm.directory.reads import Directory
from syncapp.crm.directory.records import ActingFor
from syncapp.crm.errors import NotFound, ProtocolError, WritesDisabled
from syncapp.crm.filters.evaluation import Evaluation
from syncapp.crm.filters.operations import Filters
from syncapp.crm.filters.records import TableFacts
from syncapp.crm.metadata import definitions
from syncapp.crm.metadata.tables import Metadata
from syncapp.crm.names import Names
from syncapp.crm.paging import rows_of_all_pages
from syncapp.crm.rate_limit.limiter import Lane, LimiterStatus
from syncapp.crm.responses import failure, require_committed, require_parts
from syncapp.crm.round_trip import RoundTrip, round_trip
from syncapp.crm.staging import changes, rows
from syncapp.crm.staging.records import (
    ChangePage,
    ChangeSet,
    Column,
    DeliverySnapshot,
    Identity,
    LiveContact,
    StagedField,
    StagedRecord,
    StagingSnapshot,
    User,
)
from syncapp.crm.transport import Transport
from syncapp.crm.values.cells import read_all
from syncapp.crm.values.conversion import wire_name
from syncapp.crm.values.lookups import Lookups

Record = TypeVar("Record")

MAX_CONTACTS_PER_REQUEST = 50
# Two parts per record: far below the 1,000 requests that a batch may hold.
_RECORDS_PER_REQUEST = 200
# About 60 characters each, so that a URL stays below the limit of any server.
_USERS_PER_REQUEST = MAX_COMPANIES_PER_REQUEST = 40


class CrmClient:
    """The CRM, one client per process; safe to use from several threads."""

    def __init__(
        self,
        *,
        transport: Transport,
        names: Names | None = None,
        writes_allowed: Callable[[], bool] = lambda: True,
        filter_writes_allowed: Callable[[], bool] = lambda: True,
        belongs_to: Callable[[UUID], bool] | None = None,
    ) -> None:
        """Create the client; `belongs_to` returns whether an organization is ours, for `verify_organization`."""
        self._transport = transport
        self._belongs_to = belongs_to
        self._is_verified = belongs_to is None
        self._own_user_id: UUID | None = None
        self._names = names or Names()
        self._writes_allowed = writes_allowed
        self._filter_writes_allowed = filter_writes_allowed
        self.directory = Directory(transport)
        self.filters = Filters(
            transport,
            writes_allowed=filter_writes_allowed,
            verify_organization=lambda deadline: self.verify_organization(deadline=deadline),
        )
        self.evaluation = Evaluation(transport)
        self.lookups = Lookups(transport)
        self.accounts = Accounts(transport)
        self.audits = Audits(transport)
        self.contact_changes = ContactChanges(transport)
        self.metadata = Metadata(transport)
        self.directions = Directions(
            transport,
            writes_allowed=filter_writes_allowed,
            verify_organization=lambda deadline: self.verify_organization(deadline=deadline),
        )

    def in_lane(self, lane: Lane) -> CrmClient:
        """Return the same client with its calls in another lane of the rate limiter."""
        return CrmClient(
            transport=self._transport.in_lane(lane),
            names=self._names,
            writes_allowed=self._writes_allowed,
            filter_writes_allowed=self._filter_writes_allowed,
            belongs_to=self._belongs_to,
        )

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""
        self._transport.close()

    def limiter_status(self) -> LimiterStatus:
        """Return how close we are to the CRM's limits, for a page. Never raises."""
        return self._transport.rate_limiter.status()

    def requests_sent(self) -> int:
        """Return how many requests this client has sent; a batch is one."""
        return self._transport.sent

    def writes_are_allowed(self) -> bool:
        """Return whether this connection may write reviewed values."""
        return self._writes_allowed()

    def filters_may_be_switched(self) -> bool:
        """Return whether this connection may switch filters, which is enabled separately."""
        return self._filter_writes_allowed()

    def who_am_i(self, *, acting_for: ActingFor | None = None, deadline: Deadline | None = None) -> Identity:
        """Return our own user and the organization at this address ("WhoAmI function").

        With `acting_for`, the user is the one that the CRM used for the impersonated call.
        """
        headers = acting_for.headers if acting_for else None
        found = rows.identity(self._transport.get("WhoAmI", headers=headers, deadline=deadline))
        if acting_for is None:
            self._own_user_id = found.user_id
        return found

    def round_trip(self, *, deadline: Deadline | None = None) -> RoundTrip:
        """Sign in again, call WhoAmI, and return how long both took and what the headers say. Raises CrmError."""
        started = time.monotonic()
        self._transport.renew_token()
        token_seconds = time.monotonic() - started
        sent_at = datetime.now(UTC)
        response = self._transport.get_response("WhoAmI", deadline=deadline)
        identity = rows.identity(odata.parse_json(response.body))
        return round_trip(
            identity, response.headers, token_seconds=token_seconds, sent_at=sent_at, answered_at=datetime.now(UTC)
        )

    def own_user_id(self, *, deadline: Deadline | None = None) -> UUID:
        """Return the id of our own user in this CRM.

        It is read once, because credentials do not change while a process runs. Raises CrmError.
        """
        return self._own_user_id or self.who_am_i(deadline=deadline).user_id

    def verify_organization(self, *, deadline: Deadline | None = None) -> None:
        """Check once that this is the CRM that the database mirrors. Raises WritesDisabled if it is another one."""
        if self._is_verified or self._belongs_to is None:
            return
        if not self._belongs_to(self.who_am_i(deadline=deadline).organization_id):
            raise WritesDisabled("The address leads to another CRM; nothing was sent.", code="another_crm")
        self._is_verified = True

    def columns(self, table: str) -> tuple[Column, ...]:
        """Return all columns of a table, with labels in our user's language."""
        parts = self._read(definitions.reads(table), deadline=None)
        return definitions.columns(table, [_require_success(part).json() for part in parts])

    def table_facts(self, table: str) -> TableFacts:
        """Return the table's code, and whether the CRM keeps versions of its rows and tracks changes to them."""
        return definitions.facts(self._transport.get(definitions.facts_path(table)))

    def staged_fields(self, link: str = "", *, page_size: int = 500) -> ChangePage[StagedField]:
        """Return a page of SyncFields: the first one, or the one that `link` leads to.

        Raises DeltaExpired when the link no longer works.
        """
        read = partial(rows.staged_field, names=self._names)
        select = rows.staged_field_columns(self._names)
        return self._changes(self._names.field_set, select, read, link, page_size)

    def staged_records(
        self, link: str = "", *, page_size: int = 500, with_origin: bool = True
    ) -> ChangePage[StagedRecord]:
        """Return a page of SyncRecords, as `staged_fields` does.

        Without `with_origin`, the two columns about the origin of an edit are not read, because the CRM lacks them.
        """
        read = partial(rows.staged_record, names=self._names)
        select = rows.staged_record_columns(self._names, with_origin=with_origin)
        return self._changes(self._names.record_set, select, read, link, page_size)

    def users(self, ids: Sequence[UUID], *, deadline: Deadline | None = None) -> tuple[User, ...]:
        """Return the users with these ids; unknown ones are absent, unreadable ones have a `problem`."""
        wanted = sorted(set(ids))
        found: list[User] = []
        for start in range(0, len(wanted), _USERS_PER_REQUEST):
            condition = odata.any_of("systemuserid", wanted[start : start + _USERS_PER_REQUEST])
            path = odata.query("systemusers", select=rows.USER_COLUMNS, filter=condition)
            read, unreadable = read_all(odata.collection(self._transport.get(path, deadline=deadline)), rows.user)
            found += read
            if unreadable:
                # A row without an id may be any of the missing ones, so none of them counts as unknown to the CRM.
                missing = set(wanted[start : start + _USERS_PER_REQUEST]) - {user.id for user in read}
                found += [User(each, "", "", None, True, unreadable[0].problem) for each in sorted(missing)]
        return tuple(found)

    def companies(self, contact_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the company names of up to 40 contacts, in one request; others are absent."""
        if len(contact_ids) > MAX_COMPANIES_PER_REQUEST:
            raise ValueError(f"At most {MAX_COMPANIES_PER_REQUEST} contacts at once, not {len(contact_ids)}.")
        condition = odata.any_of("contactid", sorted(contact_ids))
        path = odata.query("contacts", select=rows.COMPANY_COLUMNS, filter=condition)
        payload = self._transport.get(path, headers=odata.preferences())
        return dict(filter(None, read_all(odata.collection(payload), rows.company)[0]))

    def live_contacts(
        self, wanted: Mapping[UUID, Sequence[Column]], *, deadline: Deadline | None = None
    ) -> dict[UUID, LiveContact]:
        """Return the live values of up to 50 contacts, in one request; deleted contacts are absent."""
        if len(wanted) > MAX_CONTACTS_PER_REQUEST:
            raise ValueError(f"At most {MAX_CONTACTS_PER_REQUEST} contacts at once, not {len(wanted)}.")
        if not wanted:
            return {}
        reads = [_contact_read("contact", contact_id, columns) for contact_id, columns in wanted.items()]
        parts = self._read(reads, deadline=deadline)
        pairs = zip(parts, wanted.items(), strict=True)
        found = [self._contact(part, contact_id, columns) for part, (contact_id, columns) in pairs]
        return {contact.id: contact for contact in found if contact is not None}

    def read_for_delivery(
        self,
        *,
        table: str,
        contact_id: UUID,
        columns: Sequence[Column],
        record_ids: Sequence[UUID],
        with_revision: bool = True,
        with_origin: bool = False,
        deadline: Deadline | None = None,
    ) -> DeliverySnapshot:
        """Return the contact, the given SyncRecords and all their SyncFields as the CRM holds them now.

        Sends one request per 200 records; rows that no longer exist are absent. Without `with_revision` the contact's
        revision column is not read, because the CRM lacks it; the same goes for `with_origin` and the columns about an
        edit's origin.
        """
        names = self._names
        revision = names.contact_revision if with_revision else ""
        field_columns = rows.staged_field_columns(names)
        record_columns = rows.staged_record_columns(names, with_origin=with_origin)
        contact: LiveContact | None = None
        fields: dict[UUID, StagedField] = {}
        records: dict[UUID, StagedRecord] = {}
        for start in range(0, max(len(record_ids), 1), _RECORDS_PER_REQUEST):
            some = record_ids[start : start + _RECORDS_PER_REQUEST]
            reads = [
                _contact_read(table, contact_id, columns, revision),
                *(
                    Read(odata.query(names.field_set, select=field_columns, filter=condition), odata.preferences())
                    for condition in (f"_{names.field_record}_value eq {record_id}" for record_id in some)
                ),
                *(
                    Read(odata.query(path, select=record_columns), odata.preferences())
                    for path in (odata.row_path(names.record_set, record_id) for record_id in some)
                ),
            ]
            first, *others = self._read(reads, deadline=deadline)
            contact = self._contact(first, contact_id, columns)
            fields |= {field.id: field for part in others[: len(some)] for field in self._fields(part, deadline)}
            for found in filter(None, map(_part_if_found, others[len(some) :])):
                record = rows.staged_record(found.json(), names)
                records[record.id] = record
        return DeliverySnapshot(contact=contact, fields=fields, records=records)

    def read_for_staging(
        self,
        *,
        table: str,
        contact_id: UUID,
        columns: Sequence[Column],
        operation_ids: Sequence[UUID],
        with_revision: bool = True,
        deadline: Deadline | None = None,
    ) -> StagingSnapshot:
        """Return the current contact, and which of these operations are already staged. Raises CrmError."""
        names = self._names
        select = rows.staged_record_columns(names)
        contact: LiveContact | None = None
        staged: dict[UUID, StagedRecord] = {}
        for start in range(0, max(len(operation_ids), 1), _RECORDS_PER_REQUEST):
            some = operation_ids[start : start + _RECORDS_PER_REQUEST]
            keys = [f"{names.record_operation_id}={odata.literal(str(each))}" for each in some]
            paths = [odata.query(f"{names.record_set}({key})", select=select) for key in keys]
            reads = [
                _contact_read(table, contact_id, columns, names.contact_revision if with_revision else ""),
                *(Read(path, odata.preferences()) for path in paths),
            ]
            first, *others = self._read(reads, deadline=deadline)
            contact = self._contact(first, contact_id, columns)
            for operation_id, part in zip(some, others, strict=True):
                if (found := _part_if_found(part)) is not None:
                    staged[operation_id] = rows.staged_record(found.json(), names)
        return StagingSnapshot(contact, staged)

    def apply(self, change_set: ChangeSet, *, tag: str, deadline: Deadline | None = None) -> LiveContact | None:
        """Apply a change set, all or nothing; return the contact from the answer, or None if it has none.

        `tag` reaches the CRM's plug-ins ("Use optional parameters"). Raises Stale when a row changed since it was
        read, NotFound when one is gone, and Rejected when a value is refused. After an error with `may_have_applied`,
        only a read shows whether the changes were applied.
        """
        writes = changes.writes(change_set, names=self._names, tag=tag)
        if not writes:
            return None
        parts = self._write(writes, deadline=deadline)
        contact = change_set.contact
        return rows.written_contact(parts[0], contact.columns, self._names) if contact is not None else None

    def _write(self, writes: Sequence[AnyWrite], *, deadline: Deadline | None) -> Sequence[Part]:
        # The only path by which a write reaches the transport.
        if not self._writes_allowed():
            raise WritesDisabled("This connection is read-only; nothing was sent.", code="read_only")
        self.verify_organization(deadline=deadline)
        batch = encode_change_set(writes, api_path=self._transport.api_path)
        return require_committed(self._transport.write_batch(batch, deadline=deadline), writes)

    def _read(self, reads: Sequence[Read], *, deadline: Deadline | None) -> tuple[Part, ...]:
        batch = encode_reads(reads, api_path=self._transport.api_path)
        return require_parts(self._transport.read_batch(batch, deadline=deadline), reads)

    def _changes(
        self,
        set_name: str,
        select: Sequence[str],
        read: Callable[[odata.Row], Record],
        link: str,
        page_size: int,
    ) -> ChangePage[Record]:
        headers = odata.preferences(page_size=page_size, track_changes=not link)
        if link:
            payload = changes.follow(self._transport, link, headers=headers, select=select)
        else:
            payload = self._transport.get(odata.query(set_name, select=select), headers=headers)
        return rows.change_page(payload, read, self._transport.check_link)

    def _contact(self, part: Part, contact_id: UUID, columns: Sequence[Column]) -> LiveContact | None:
        found = _part_if_found(part)
        contact = rows.live_contact(found.json(), columns, self._names) if found else None
        if contact is not None and contact.id != contact_id:
            raise ProtocolError("The CRM answered with another contact.", code="batch")
        return contact

    def _fields(self, part: Part, deadline: Deadline | None) -> list[StagedField]:
        found = rows_of_all_pages(
            self._transport, _require_success(part).json(), headers=odata.preferences(), deadline=deadline
        )
        return list(read_all(found, partial(rows.staged_field, names=self._names))[0])


def _contact_read(table: str, contact_id: UUID, columns: Sequence[Column], revision: str = "") -> Read:
    names = [*(wire_name(column) for column in columns), revision]
    # Without a column name the CRM would return all columns.
    select = tuple(dict.fromkeys(filter(None, names))) or ("contactid",)
    return Read(
        odata.query(odata.row_path(odata.entity_set_name(table), contact_id), select=select), odata.preferences()
    )


def _require_success(part: Part) -> Part:
    if part.failed:
        raise failure(part)
    return part


def _part_if_found(part: Part) -> Part | None:
    error = failure(part) if part.failed else None
    if error is not None and (not isinstance(error, NotFound) or error.refuses_operation):
        raise error
    return None if error else part
