"""The inventory: a full read of the CRM's users, teams, mailboxes and Outlook filters.

It reads page by page in a fixed order of stages and saves its position with each page, so it can stop at any moment
and continue later. A read for new users skips everyone else's filters: the directory takes one operation per
thousand rows, filters two per user. Change tracking would not make it cheaper, and does not show roles.

Without impersonation, another user's filters are visible only to a query with exactly two conditions, sent by a holder
of prvAdminFilter ("Offline and Outlook filters and templates"). The kind of access that works is probed and stored.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, Forbidden
from syncapp.crm.filters.operations import MAX_OWNERS_PER_REQUEST
from syncapp.crm.filters.records import OwnerFilters, QueryType
from syncapp.crm.page_chain import PageChain
from syncapp.crm.paging import Page
from syncapp.crm.staging.records import Unreadable
from syncapp.jobs import breakers
from syncapp.mirror import cursors, unreadable
from syncapp.mirror.cursors import TableLease
from syncapp.mirror.directory import rows, user_matching
from syncapp.mirror.filters import access, schedule, store, sync_paths
from syncapp.mirror.filters.schedule import CURSOR
from syncapp.mirror.unreadable import Kind
from syncapp.models import (
    Breaker,
    FilterAccess,
    FilterRow,
    FilterTeam,
    FilterUser,
    MirrorCursor,
    SystemFilter,
    UserList,
)
from syncapp.models.sync_filters.filter import Access

_NO_READING = "The portal cannot read other users’ filters, neither as its own user nor on behalf of their owners."
_NO_WRITING = "The portal cannot switch other users’ filters, neither as its own user nor on behalf of their owners."
_BEFORE_ALL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Position:
    """The stage that the inventory has reached, and within it the next page's link or the last owner's id."""

    stage: int = 0
    link: str = ""

    def to_json(self) -> str:
        return json.dumps([self.stage, self.link])

    @classmethod
    def from_json(cls, text: str) -> Position:
        return cls(*json.loads(text)) if text else cls()


def take(crm: CrmClient, *, seconds: float | None = None, new_users_only: bool = False) -> bool | None:
    """Continue the inventory for at most `seconds`, and return whether it is complete; None if another process runs it.

    `new_users_only` applies to a read that begins now; one in progress continues as it began. Raises CrmError,
    LostLease.
    """
    lease = cursors.acquire(CURSOR)
    if lease is None:
        return None
    until = None if seconds is None else time.monotonic() + seconds
    try:
        with cursors.recording_problems(lease):
            cursor = cursors.current(lease)
            if not cursor.next_link:
                cursor.is_full_read = not new_users_only
                cursors.advance(lease, is_full_read=cursor.is_full_read)
            position, chain = Position.from_json(cursor.next_link), PageChain(pages=cursor.pages)
            while position.stage < len(_STAGES):
                chain.follow(position.to_json())
                position = _STAGES[position.stage](crm, lease, cursor, position)
                if cursor.trouble:
                    cursors.record_problem(lease, "")
                if until is not None and time.monotonic() > until:
                    return False
            with transaction.atomic():
                _finish(lease, cursor)
            return True
    finally:
        cursors.release(lease)


def _finish(lease: TableLease, cursor: MirrorCursor) -> None:
    """Delete rows that this read did not find, recompute derived data, and store the date. Raises LostLease."""
    rows.delete_missing(cursor.generation)
    done: dict[str, Any] = {"next_link": "", "pages": 0, "trouble": "", "is_full_read": False}
    if cursor.is_full_read:
        filter_kinds = (Kind.FILTER, Kind.SYSTEM_FILTER)
        unreadable.remove_older(filter_kinds, generation=cursor.generation)
        SystemFilter.objects.filter(generation__lt=cursor.generation).delete()
        done["pulled_at"] = Now()
    user_matching.match_entries(UserList.objects.all())
    sync_paths.recompute(FilterUser.objects.all())
    sync_paths.store_daily_counts()
    MirrorCursor.objects.update_or_create(table=schedule.DIRECTORY, defaults={"pulled_at": Now()})
    cursors.advance(lease, **done, generation=cursor.generation + 1)


_Stage = Callable[[CrmClient, TableLease, MirrorCursor, Position], Position]
_Store = Callable[[Sequence[Any], int, Sequence[Unreadable]], None]


def _page_stage(read: Callable[[CrmClient, str], Page[Any]], store_page: _Store) -> _Stage:
    """Return a stage that reads one page of a table and stores its rows."""

    def stage(crm: CrmClient, lease: TableLease, cursor: MirrorCursor, position: Position) -> Position:
        page = read(crm, position.link)
        after = replace(position, link=page.next_link) if page.next_link else Position(position.stage + 1)
        with transaction.atomic():
            store_page(page.rows, cursor.generation, page.unreadable)
            cursors.advance(lease, next_link=after.to_json(), pages=F("pages") + 1)
        return after

    return stage


def _read_organization(crm: CrmClient, lease: TableLease, cursor: MirrorCursor, position: Position) -> Position:
    """Read the organization's settings, system filters and filter templates."""
    after = Position(position.stage + 1)
    if not cursor.is_full_read:
        cursors.advance(lease, next_link=after.to_json())
        return after
    organization, facts = crm.directory.organization(), crm.table_facts("userquery")
    found = {"keeps_deletes_apart": organization.keeps_deletes_apart, "keeps_versions": facts.keeps_versions}
    system = crm.filters.system_filters()
    with transaction.atomic():
        own = {"own_user_id": crm.who_am_i().user_id, "read_at": timezone.now()}
        FilterAccess.objects.update_or_create(slot=1, defaults=found | own)
        good, bad = unreadable.split(Kind.SYSTEM_FILTER, system, generation=cursor.generation)
        for each in good:
            columns = {
                "name": each.name[:200],
                "table": each.table,
                "query_type": each.query_type,
                "fetch_xml": each.fetch_xml,
                "is_default": each.is_default,
                "state": each.state,
                "read_at": timezone.now(),
                "generation": cursor.generation,
            }
            SystemFilter.objects.update_or_create(pk=each.id, defaults=columns)
        SystemFilter.objects.filter(pk__in=[each.id for each in bad]).update(generation=cursor.generation)
        cursors.advance(lease, next_link=after.to_json())
    return after


def _find_reading_access(crm: CrmClient, lease: TableLease, cursor: MirrorCursor, position: Position) -> Position:
    """Find out how others' filters can be read; if that works again, request a read of everyone's filters."""
    if cursor.is_full_read:
        access.find_reading_access(crm)
    elif access.capabilities().reading == Access.NONE and access.find_reading_access(crm) != Access.NONE:
        schedule.request()
    after = Position(position.stage + 1)
    cursors.advance(lease, next_link=after.to_json())
    return after


def _find_writing_access(crm: CrmClient, lease: TableLease, cursor: MirrorCursor, position: Position) -> Position:
    """Find out how filters can be written, if that is not known."""
    if cursor.is_full_read and crm.filters_may_be_switched() and access.needs_writing_probe():
        owner_id = access.find_writing_access(crm)
        if owner_id:
            refresh(crm, [owner_id])  # the probe gave the filter a new version
        if access.capabilities().writing == Access.NONE:
            breakers.record_refusal(Breaker.Name.REFUSED_FILTERS, Forbidden(_NO_WRITING, asked="PATCH userqueries"))
        elif owner_id:
            breakers.reset(Breaker.Name.REFUSED_FILTERS)
    after = Position(position.stage + 1)
    cursors.advance(lease, next_link=after.to_json())
    return after


def _filter_stage(owners: Callable[[MirrorCursor], QuerySet[Any]], query_type: int) -> _Stage:
    """Return a stage that reads the filters of the next owners."""

    def stage(crm: CrmClient, lease: TableLease, cursor: MirrorCursor, position: Position) -> Position:
        last = UUID(position.link) if position.link else _BEFORE_ALL
        following = owners(cursor).filter(pk__gt=last, generation=cursor.generation).order_by("pk")
        ids = list(following.values_list("pk", flat=True)[:MAX_OWNERS_PER_REQUEST])
        after = Position(position.stage, str(ids[-1])) if ids else Position(position.stage + 1)
        read = read_filters(crm, ids, query_type=query_type) if ids else ()
        _raise_if_all_refused(read)
        with transaction.atomic():
            store.store(read, query_type=query_type, generation=cursor.generation)
            cursors.advance(lease, next_link=after.to_json())
        return after

    return stage


def _raise_if_all_refused(read: Sequence[OwnerFilters]) -> None:
    """Raise the refusal if the CRM refuses the filters of all these owners, since then no single owner is the cause."""
    errors = [each.error for each in read if each.error is not None and each.error.is_refusal]
    if not errors or len(errors) < len(read):
        return
    # A user for whom an impersonated call is forbidden may lack a role.
    is_our_right_missing = access.capabilities().reading == Access.DIRECT and len(errors) > 1
    if is_our_right_missing or not isinstance(errors[0], Forbidden):
        raise errors[0]


def _users(cursor: MirrorCursor) -> QuerySet[FilterUser]:
    """Return the users whose filters this read covers."""
    people = FilterUser.objects.people()
    return people if cursor.is_full_read else people.filter(filters_due=True, is_disabled=False)


_STAGES: tuple[_Stage, ...] = (
    _read_organization,
    _page_stage(lambda crm, link: crm.directory.business_units(link), rows.store_units),
    _page_stage(lambda crm, link: crm.directory.teams(link), rows.store_teams),
    _page_stage(lambda crm, link: crm.directory.memberships(link), rows.store_memberships),
    _page_stage(lambda crm, link: crm.directory.users(link), rows.store_users),
    _page_stage(lambda crm, link: crm.directory.mailboxes(link), rows.store_mailboxes),
    _find_reading_access,
    _filter_stage(_users, QueryType.OFFLINE_FILTER),
    _filter_stage(_users, QueryType.OUTLOOK_FILTER),
    _filter_stage(
        lambda cursor: FilterTeam.objects.all() if cursor.is_full_read else FilterTeam.objects.none(),
        QueryType.OUTLOOK_FILTER,
    ),
    _find_writing_access,
)


def read_filters(
    crm: CrmClient, owner_ids: Sequence[UUID], *, query_type: int = QueryType.OUTLOOK_FILTER
) -> tuple[OwnerFilters, ...]:
    """Read the filters of up to 50 owners; an error for one owner is returned with that owner.

    Raises CrmError if the whole request fails.
    """
    if access.capabilities().reading != Access.ACTING:
        return crm.filters.of_owners(owner_ids, query_type=query_type)
    users = FilterUser.objects.in_bulk(list(owner_ids))
    found = []
    for user in (users[each] for each in owner_ids if each in users):
        try:
            filters = crm.filters.of(user.pk, query_type=query_type, acting_for=user.acting)
            found.append(OwnerFilters.of(user.pk, filters))
        except CrmError as error:
            if error.is_transient:
                raise
            found.append(OwnerFilters(user.pk, None, error))
    return tuple(found)


def refresh(crm: CrmClient, user_ids: Sequence[UUID]) -> None:
    """Read a few users again with their mailboxes and filters. Raises CrmError."""
    ids = refresh_directory(crm, user_ids)
    if not ids:
        return
    read, reading = read_filters(crm, ids), access.capabilities().reading
    empty = [each.owner_id for each in read if not (each.filters or each.unreadable)]
    # Without the right to see filters, the CRM returns none, even for users whose filters we know.
    may_be_hidden = bool(empty) and FilterRow.objects.for_outlook().filter(owner_id__in=empty).exists()
    if may_be_hidden and access.find_reading_access(crm) != reading:
        read = read_filters(crm, ids)
    store.store(read, generation=_generation())


def refresh_directory(crm: CrmClient, user_ids: Sequence[UUID]) -> list[UUID]:
    """Read users and their mailboxes again; return the ids of the users that exist. Raises CrmError."""
    generation = _generation()
    users = crm.directory.users_by_id(user_ids)
    mailboxes = crm.directory.mailboxes_by_id([user.mailbox_id for user in users if user.mailbox_id])
    with transaction.atomic():
        rows.store_users(users, generation)
        rows.store_mailboxes(mailboxes, generation)
        sync_paths.recompute(FilterUser.objects.filter(pk__in=[user.id for user in users]))
    return [user.id for user in users]


def _generation() -> int:
    return MirrorCursor.objects.filter(table=CURSOR).values_list("generation", flat=True).first() or 0


def record_outcome(permit: breakers.Permit, *, is_finished: bool) -> None:
    """Close the breakers that this permit probed.

    If others' filters cannot be read, record the refusal once the inventory `is_finished`; until then, only release the
    permit.
    """
    if access.capabilities().reading != Access.NONE:
        breakers.record_success(permit)
    elif is_finished:
        breakers.record_refusal(Breaker.Name.REFUSED_INVENTORY, Forbidden(_NO_READING, asked="GET userqueries"))
    else:
        breakers.release(permit)
