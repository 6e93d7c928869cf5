"""Reads of Outlook filters, and changes to filters and sync methods, which are read back as proof.

Without impersonation only a user with prvAdminFilter can read other users' filters, and only with exactly the two
conditions of `_path_of`; any other query returns the caller's own rows ("Offline and Outlook filters and templates").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.batch import AnyWrite, Part, Read, Write, WriteAnyVersion, encode_reads
from syncapp.crm.change_sets import Step, StepResponse, execute_steps
from syncapp.crm.deadline import Deadline
from syncapp.crm.directory import rows as directory_rows
from syncapp.crm.directory.records import ActingFor
from syncapp.crm.errors import CrmError, ProtocolError, WritesDisabled
from syncapp.crm.filters import rows as filter_rows
from syncapp.crm.filters.records import (
    FilterChange,
    FilterSwitch,
    MethodChange,
    MethodResult,
    OutlookFilter,
    OwnerFilters,
    QueryType,
    SwitchResult,
    SystemFilter,
)
from syncapp.crm.paging import rows_of_all_pages
from syncapp.crm.responses import failure, require_parts
from syncapp.crm.transport import Transport
from syncapp.crm.values.cells import read_all

MAX_OWNERS_PER_REQUEST = 50
_SET, _MAILBOXES = "userqueries", "mailboxes"
_ON, _OFF = 0, 1
_DEFAULT_STATUS = {_ON: 1, _OFF: 2}


class Filters:
    """Operations on filters and mailboxes; each write has If-Match and is read back in the same request."""

    def __init__(
        self,
        transport: Transport,
        *,
        writes_allowed: Callable[[], bool],
        verify_organization: Callable[[Deadline | None], None],
    ) -> None:
        """Create the operations; `verify_organization` raises WritesDisabled if the CRM at the address is not ours."""
        self._transport = transport
        self._writes_allowed = writes_allowed
        self._verify_organization = verify_organization

    def of(
        self,
        owner_id: UUID,
        *,
        query_type: int = QueryType.OUTLOOK_FILTER,
        acting_for: ActingFor | None = None,
        deadline: Deadline | None = None,
    ) -> tuple[OutlookFilter, ...]:
        """Return the filters of a user or team; unreadable ones have a `problem`.

        Without `acting_for`, an empty result may also mean that we lack the permission.
        """
        headers = {**odata.preferences(), **_headers(acting_for)}
        payload = self._transport.get(_path_of(owner_id, query_type), headers=headers, deadline=deadline)
        return self._rows(payload, owner_id, headers, deadline)

    def of_owners(
        self,
        owner_ids: Sequence[UUID],
        *,
        query_type: int = QueryType.OUTLOOK_FILTER,
        deadline: Deadline | None = None,
    ) -> tuple[OwnerFilters, ...]:
        """Return the filters of up to 50 owners, or an error per owner, read in one request with our own permission."""
        if len(owner_ids) > MAX_OWNERS_PER_REQUEST:
            raise ValueError(f"At most {MAX_OWNERS_PER_REQUEST} owners at once, not {len(owner_ids)}.")
        if not owner_ids:
            return ()
        reads = [Read(_path_of(owner_id, query_type), odata.preferences()) for owner_id in owner_ids]
        response = self._transport.read_batch(encode_reads(reads, api_path=self._transport.api_path), deadline=deadline)
        parts = require_parts(response, reads)
        found: list[OwnerFilters] = []
        for owner_id, part in zip(owner_ids, parts, strict=True):
            try:
                rows = self._part_rows(part, owner_id, odata.preferences(), deadline)
                found.append(OwnerFilters.of(owner_id, rows))
            except CrmError as error:
                found.append(OwnerFilters(owner_id, None, error))
        return tuple(found)

    def system_filters(self, *, deadline: Deadline | None = None) -> tuple[SystemFilter, ...]:
        """Return the filters that apply to all users, and the templates for new users.

        Rows without a readable id are omitted.
        """
        condition = " or ".join(f"querytype eq {kind.value}" for kind in QueryType)
        path = odata.query("savedqueries", select=filter_rows.SYSTEM_FILTER_COLUMNS, filter=condition)
        headers = odata.preferences()
        payload = self._transport.get(path, headers=headers, deadline=deadline)
        rows = rows_of_all_pages(self._transport, payload, headers=headers, deadline=deadline)
        return read_all(rows, filter_rows.system_filter)[0]

    def switch(
        self,
        switches: Sequence[FilterSwitch],
        *,
        acting_for: ActingFor | None = None,
        tag: str = "",
        deadline: Deadline | None = None,
    ) -> tuple[SwitchResult, ...]:
        """Switch the filters of some owners in one request; each owner's changes are applied together or not at all.

        With `acting_for`, only one switch is allowed, that of this user, because impersonation applies to a whole
        request. Raises CrmError when the request failed as a whole, WritesDisabled before it is sent.
        """
        if acting_for is not None and [switch.owner_id for switch in switches] != [acting_for.user_id]:
            raise ValueError("An impersonated user can only switch their own filters.")
        self._require_writes(deadline)
        return self._switch(switches, acting_for, tag, deadline)

    def _switch(
        self, switches: Sequence[FilterSwitch], acting_for: ActingFor | None, tag: str, deadline: Deadline | None
    ) -> tuple[SwitchResult, ...]:
        steps = [
            Step(
                tuple(_write(_SET, each.filter_id, each.etag, _wanted_state(each), tag) for each in switch.changes),
                Read(_path_of(switch.owner_id, switch.query_type), odata.preferences()),
            )
            for switch in switches
        ]
        responses = execute_steps(self._transport, steps, headers=_headers(acting_for), deadline=deadline)
        return tuple(
            self._switch_result(switch, response, acting_for, deadline)
            for switch, response in zip(switches, responses, strict=True)
        )

    def switch_as_owners(
        self,
        switches: Sequence[FilterSwitch],
        owners: Sequence[ActingFor],
        *,
        max_concurrent: int = 1,
        tag: str = "",
        deadline: Deadline | None = None,
    ) -> tuple[SwitchResult | CrmError, ...]:
        """Switch the filters of each owner in their own name, `max_concurrent` requests at a time.

        Requests are sent one by one until one proves to have been recorded in its owner's name. If the CRM ignores the
        impersonation, the remaining owners are not written and get WritesDisabled. An owner whose request failed as a
        whole gets its error instead of a result. Raises WritesDisabled before anything is sent.
        """
        self._require_writes(deadline)

        def switch_one(switch: FilterSwitch, owner: ActingFor) -> SwitchResult | CrmError:
            try:
                return self._switch([switch], owner, tag, deadline)[0]
            except CrmError as error:
                return error

        known: list[SwitchResult | CrmError] = []
        for switch, owner in zip(switches, owners, strict=True):
            result = switch_one(switch, owner)
            known.append(result)
            if isinstance(result, SwitchResult) and result.wrong_author:
                ignored = WritesDisabled("The CRM ignores the impersonation.")
                return (*known, *(ignored for _ in switches[len(known) :]))
            if isinstance(result, SwitchResult) and result.proved:
                break
        context = copy_context()  # a new thread begins without the job's log context
        with ThreadPoolExecutor(max_concurrent) as pool:
            rest = pool.map(
                lambda *each: context.copy().run(switch_one, *each), switches[len(known) :], owners[len(known) :]
            )
            return (*known, *rest)

    def set_methods(
        self, changes: Sequence[MethodChange], *, tag: str = "", deadline: Deadline | None = None
    ) -> tuple[MethodResult, ...]:
        """Set the sync methods of mailboxes in one request, each independently. Raises the same errors as `switch`."""
        self._require_writes(deadline)
        steps = [_method_step(change, tag) for change in changes]
        responses = execute_steps(self._transport, steps, headers=None, deadline=deadline)
        results = []
        for change, response in zip(changes, responses, strict=True):
            read_back = None
            if response.proof is not None and response.proof.status < 300:
                # The change itself has an answer, even if the read-back fails.
                with suppress(ProtocolError):
                    read = directory_rows.mailbox(response.proof.json())
                    read_back = None if read.problem else read
            as_requested = (
                None if read_back is None else read_back.method == change.method and read_back.id == change.mailbox_id
            )
            results.append(MethodResult(change.mailbox_id, response.error, read_back, as_requested))
        return tuple(results)

    def _require_writes(self, deadline: Deadline | None) -> None:
        if not self._writes_allowed():
            raise WritesDisabled("Switching filters is not enabled for this connection.", code="read_only")
        self._verify_organization(deadline)

    def _switch_result(
        self, switch: FilterSwitch, response: StepResponse, acting_for: ActingFor | None, deadline: Deadline | None
    ) -> SwitchResult:
        headers = {**odata.preferences(), **_headers(acting_for)}
        read_back = None
        if response.proof is not None:
            # The switch itself has an answer, even if the read-back fails.
            with suppress(CrmError):
                read = self._part_rows(response.proof, switch.owner_id, headers, deadline)
                read_back = None if any(each.problem for each in read) else read  # an incomplete list proves nothing
        wanted = {change.filter_id: tuple(_wanted_state(change).values()) for change in switch.changes}
        held = {each.id: (each.state, each.status) for each in read_back or ()}
        as_requested = None if read_back is None else all(held.get(key) == state for key, state in wanted.items())
        # A change in the owner's name has to be recorded as theirs.
        recorded_for_another = any(each.modified_by != switch.owner_id for each in read_back or () if each.id in wanted)
        wrong_author = response.error is None and acting_for is not None and recorded_for_another
        return SwitchResult(switch.owner_id, response.error, read_back, as_requested, wrong_author)

    def _part_rows(
        self, part: Part, owner_id: UUID, headers: Mapping[str, str], deadline: Deadline | None
    ) -> tuple[OutlookFilter, ...]:
        if part.status >= 300:
            raise failure(part)
        return self._rows(part.json(), owner_id, headers, deadline)

    def _rows(
        self, payload: odata.Row, owner_id: UUID, headers: Mapping[str, str], deadline: Deadline | None
    ) -> tuple[OutlookFilter, ...]:
        rows = rows_of_all_pages(self._transport, payload, headers=headers, deadline=deadline)
        found, unreadable = read_all(rows, filter_rows.outlook_filter)
        if unreadable:
            raise ProtocolError(unreadable[0].problem, code="value")
        if any(each.owner_id != owner_id for each in found if not each.problem):
            # A query that the CRM does not accept returns our own rows, which must not be mistaken for another owner's.
            raise ProtocolError("The CRM answered with the filters of another owner.", code="owner")
        return found


def _headers(acting_for: ActingFor | None) -> Mapping[str, str]:
    return acting_for.headers if acting_for else {}


def _path_of(owner_id: UUID, query_type: int) -> str:
    condition = f"querytype eq {int(query_type)} and _ownerid_value eq {owner_id}"
    return odata.query(_SET, select=filter_rows.FILTER_COLUMNS, filter=condition)


def _method_step(change: MethodChange, tag: str) -> Step:
    path = odata.query(odata.row_path(_MAILBOXES, change.mailbox_id), select=directory_rows.MAILBOX_COLUMNS)
    write = _write(_MAILBOXES, change.mailbox_id, change.etag, {"actdeliverymethod": int(change.method)}, tag)
    return Step((write,), Read(path, odata.preferences()))


def _write(set_name: str, row_id: UUID, etag: str, body: Mapping[str, object], tag: str) -> AnyWrite:
    if etag:
        return Write(set_name, row_id, etag, body, tag)
    return WriteAnyVersion(set_name, row_id, body, tag)


def _wanted_state(change: FilterChange) -> dict[str, object]:
    state = _ON if change.active else _OFF
    return {"statecode": state, "statuscode": change.status or _DEFAULT_STATUS[state]}
