"""Evaluation of filters while impersonating the owner, so that `eq-userid` resolves to them.

FetchXML may be too long for a URL, so each query is sent inside a `$batch` ("Use FetchXML with Web API").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.batch import Part, Read, encode_reads
from syncapp.crm.deadline import Deadline
from syncapp.crm.directory.records import ActingFor
from syncapp.crm.errors import CrmError
from syncapp.crm.filters import fetch_xml
from syncapp.crm.filters.records import Meeting, OrganizedMeetings, RowCount, SelectedRow, Selection
from syncapp.crm.page_chain import PageChain
from syncapp.crm.responses import failure, require_parts
from syncapp.crm.transport import Transport
from syncapp.crm.values import canonical, cells

MAX_USERS_PER_REQUEST = 50
# "Aggregate data using FetchXML": beyond 50,000 rows the CRM refuses to count.
_AGGREGATE_LIMIT, _MAX_COUNTED = "0x8004E023", 50_000
_COOKIE = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
_MORE = "@Microsoft.Dynamics.CRM.morerecords"


class AnyFilter(Protocol):
    """A filter to evaluate, read from the CRM or stored."""

    @property
    def name(self) -> str:
        """Return the filter's name."""

    @property
    def table(self) -> str:
        """Return the logical name of its table."""

    @property
    def fetch_xml(self) -> str:
        """Return its FetchXML."""


class Evaluation:
    """Queries of the rows that filters select."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def counts(
        self, filters: Sequence[AnyFilter], *, acting_for: ActingFor, deadline: Deadline | None = None
    ) -> tuple[RowCount | CrmError, ...]:
        """Count the rows that each filter selects for this user, in one request; a failed count yields its error."""
        if not filters:
            return ()
        queries = [(each.table, fetch_xml.count_query(each.fetch_xml, table=each.table)) for each in filters]
        counted: list[RowCount | CrmError] = []
        for part in self._run(queries, acting_for, deadline):
            try:
                found = odata.collection(_payload(part))
                counted.append(RowCount(cells.integer(found[0], fetch_xml.FOUND) if found else 0))
            except CrmError as error:
                is_limit = error.code.upper() == _AGGREGATE_LIMIT.upper()
                counted.append(RowCount(_MAX_COUNTED, more=True) if is_limit else error)
        return tuple(counted)

    def rows(
        self,
        found: AnyFilter,
        *,
        columns: Sequence[str] = (),
        acting_for: ActingFor,
        limit: int = 5000,
        deadline: Deadline | None = None,
    ) -> Selection:
        """Return the rows that a filter selects for this user, without duplicates, at most `limit`."""
        rows: list[SelectedRow] = []
        cookie, number, chain = "", 1, PageChain()
        while True:
            size = min(limit, fetch_xml.MAX_PAGE_SIZE)
            query = fetch_xml.page_query(
                found.fetch_xml, table=found.table, columns=columns, page=number, size=size, cookie=cookie
            )
            (part,) = self._run([(found.table, query)], acting_for, deadline)
            payload = _payload(part)
            for row in odata.collection(payload):
                values = {name: row.get(name) for name in columns}
                texts = {
                    name: cells.text(row, name + odata.FORMATTED) or ("" if value is None else str(value))
                    for name, value in values.items()
                }
                rows.append(SelectedRow(cells.guid(row, fetch_xml.key_of(found.table)), texts, values))
            more = payload.get(_MORE) is True
            if not more or len(rows) >= limit:
                return Selection(tuple(rows[:limit]), complete=not more and len(rows) <= limit)
            cookie, number = fetch_xml.next_cookie(cells.text(payload, _COOKIE)), number + 1
            chain.follow(f"{number} {cookie}")  # pages may share a cookie, so the number is part of the link

    def organized_meetings(
        self, user_ids: Sequence[UUID], *, table: str, after: datetime, deadline: Deadline | None = None
    ) -> tuple[OrganizedMeetings, ...]:
        """Return the meetings after `after` that have attendees and are organized by up to 50 users, in one request.

        They are read with our own permission. `table` is one of `fetch_xml.MEETINGS`. A user whose meetings cannot
        be read has an error, never an empty list.
        """
        if len(user_ids) > MAX_USERS_PER_REQUEST:
            raise ValueError(f"At most {MAX_USERS_PER_REQUEST} users at once, not {len(user_ids)}.")
        if not user_ids:
            return ()
        moment = canonical.instant_text(after.replace(microsecond=0))
        queries = [
            ("activityparty", fetch_xml.organized_meetings(table, organizer=str(user_id), after=moment))
            for user_id in user_ids
        ]
        results = []
        for user_id, part in zip(user_ids, self._run(queries, None, deadline), strict=True):
            try:
                payload = _payload(part)
                meetings: dict[UUID, Meeting] = {}
                for row in odata.collection(payload):  # a row per attendee
                    meeting_id = cells.guid(row, "meeting_id")
                    known = meetings.get(meeting_id)
                    meetings[meeting_id] = Meeting(
                        id=meeting_id,
                        subject=cells.text(row, "meeting_subject"),
                        starts=cells.moment(row, "meeting_starts"),
                        attendees=1 + (known.attendees if known else 0),
                    )
                found = tuple(meetings.values())
                results.append(OrganizedMeetings(user_id, found, complete=payload.get(_MORE) is not True))
            except CrmError as error:
                results.append(OrganizedMeetings(user_id, None, error=error))
        return tuple(results)

    def _run(
        self, queries: Sequence[tuple[str, str]], acting_for: ActingFor | None, deadline: Deadline | None
    ) -> tuple[Part, ...]:
        reads = [
            Read(odata.query(odata.entity_set_name(table), fetch=xml), odata.preferences()) for table, xml in queries
        ]
        response = self._transport.read_batch(
            encode_reads(reads, api_path=self._transport.api_path),
            headers=acting_for.headers if acting_for else None,
            deadline=deadline,
        )
        return require_parts(response, reads)


def _payload(part: Part) -> Mapping[str, object]:
    if part.status >= 300:
        raise failure(part)
    return part.json()
