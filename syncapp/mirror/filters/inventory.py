"""The inventory: who is in the CRM, how each mailbox synchronizes, and which filters everybody has.

It goes through its steps in order, a page at a time, and keeps its place with each page, so that it may stop at any
moment and go on later. Without acting for somebody his filters are seen only by a question with exactly two conditions
and by a holder of prvAdminFilter ("Offline and Outlook filters and templates"); which way works is tried and kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.crm.directory.records import Page
from syncapp.crm.errors import CrmError
from syncapp.crm.filters.operations import MOST_OWNERS_AT_ONCE
from syncapp.crm.filters.records import OwnerFilters, QueryType
from syncapp.crm.page_chain import PageChain
from syncapp.crm.staging.records import Unreadable
from syncapp.mirror import cursors, unreadable
from syncapp.mirror.cursors import TableLease
from syncapp.mirror.directory import list_matching, reading
from syncapp.mirror.filters import access, sync_paths
from syncapp.mirror.filters import store as filter_store
from syncapp.mirror.unreadable import Kind
from syncapp.models import FilterGround, FilterRow, FilterTeam, FilterUser, MirrorCursor, SystemFilter, UserList
from syncapp.models.jobs.job import database_now
from syncapp.models.sync_filters.filter import Access

CURSOR = "filters"
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the inventory is: the step, and the link or the last owner within it."""

    step: int = 0
    link: str = ""

    def text(self) -> str:
        return json.dumps([self.step, self.link])


def _place(text: str) -> Place:
    return Place(*json.loads(text)) if text else Place()


def take(crm: CrmClient, *, seconds: float | None = None) -> bool | None:
    """Go on with the inventory for at most `seconds`: True when it was finished, None where somebody else is at it.

    Raises CrmError, LostLease.
    """
    reader = cursors.acquire(CURSOR)
    if reader is None:
        return None
    until = None if seconds is None else time.monotonic() + seconds
    try:
        with cursors.recording_problems(reader):
            return _go_on(crm, reader, until)
    finally:
        cursors.release(reader)


def _go_on(crm: CrmClient, reader: TableLease, until: float | None) -> bool:
    cursor = cursors.current(reader)
    place, chain = _place(cursor.next_link), PageChain(pages=cursor.pages)
    while place.step < len(_STEPS):
        chain.follow(place.text())
        place = _STEPS[place.step](crm, reader, cursor, place)
        if until is not None and time.monotonic() > until:
            return False
    with transaction.atomic():
        reading.forget_what_is_gone(cursor.generation)
        SystemFilter.objects.filter(generation__lt=cursor.generation).delete()
        list_matching.match_entries(UserList.objects.all())
        sync_paths.work_out(FilterUser.objects.all())
        sync_paths.keep_day()
        done = {"next_link": "", "pages": 0, "trouble": "", "is_full_read": False}
        cursors.advance(reader, **done, pulled_at=Now(), generation=cursor.generation + 1)
    return True


_Step = Callable[[CrmClient, TableLease, MirrorCursor, Place], Place]


_Store = Callable[[Sequence[Any], int, Sequence[Unreadable]], None]


def _pages(read: Callable[[CrmClient, str], Page[Any]], store: _Store) -> _Step:
    def step(crm: CrmClient, reader: TableLease, cursor: MirrorCursor, place: Place) -> Place:
        page = read(crm, place.link)
        after = replace(place, link=page.next_link) if page.next_link else Place(place.step + 1)
        with transaction.atomic():
            store(page.rows, cursor.generation, page.unreadable)
            cursors.advance(reader, next_link=after.text(), pages=F("pages") + 1)
        return after

    return step


def _read_ground(crm: CrmClient, reader: TableLease, cursor: MirrorCursor, place: Place) -> Place:
    """What holds for everybody: the organization's settings, system filters and templates."""
    organization, facts = crm.directory.organization(), crm.table_facts("userquery")
    found = {"keeps_deletes_apart": organization.keeps_deletes_apart, "keeps_versions": facts.keeps_versions}
    system = crm.filters.system_filters()
    after = Place(place.step + 1)
    with transaction.atomic():
        own = {"own_user_id": crm.who_am_i().user_id, "read_at": timezone.now()}
        FilterGround.objects.update_or_create(slot=1, defaults=found | own)
        good, bad = unreadable.split(Kind.SYSTEM_FILTER, system, generation=cursor.generation)
        for each in good:
            _store_system(each, cursor.generation)
        SystemFilter.objects.filter(pk__in=[each.id for each in bad]).update(generation=cursor.generation)
        cursors.advance(reader, next_link=after.text())
    return after


def _store_system(each: Any, generation: int) -> None:
    told = {"name": each.name[:200], "table": each.table, "query_type": each.query_type, "fetch_xml": each.fetch_xml}
    told |= {"is_default": each.is_default, "state": each.state, "read_at": timezone.now(), "generation": generation}
    SystemFilter.objects.update_or_create(pk=each.id, defaults=told)


def _probe(crm: CrmClient, reader: TableLease, cursor: MirrorCursor, place: Place) -> Place:
    access.find_reading(crm)
    after = Place(place.step + 1)
    cursors.advance(reader, next_link=after.text())
    return after


def _probe_writing(crm: CrmClient, reader: TableLease, cursor: MirrorCursor, place: Place) -> Place:
    if crm.filters_may_be_switched() and access.needs_probe_of_writing():
        tried = access.find_writing(crm)
        if tried:
            refresh(crm, [tried])  # what was written, if only as it was, has a new version
    after = Place(place.step + 1)
    cursors.advance(reader, next_link=after.text())
    return after


def _owned(owners: Callable[[int, UUID], list[UUID]], query_type: int) -> _Step:
    def step(crm: CrmClient, reader: TableLease, cursor: MirrorCursor, place: Place) -> Place:
        ids = owners(cursor.generation, UUID(place.link) if place.link else _NOBODY)
        after = Place(place.step, str(ids[-1])) if ids else Place(place.step + 1)
        read = read_filters(crm, ids, query_type=query_type) if ids else ()
        with transaction.atomic():
            filter_store.store(read, query_type=query_type, generation=cursor.generation)
            cursors.advance(reader, next_link=after.text())
        return after

    return step


def _users(generation: int, after: UUID) -> list[UUID]:
    users = FilterUser.objects.people().filter(pk__gt=after, generation=generation).order_by("pk")
    return list(users.values_list("pk", flat=True)[:MOST_OWNERS_AT_ONCE])


def _teams(generation: int, after: UUID) -> list[UUID]:
    teams = FilterTeam.objects.filter(pk__gt=after, generation=generation).order_by("pk")
    return list(teams.values_list("pk", flat=True)[:MOST_OWNERS_AT_ONCE])


_STEPS: tuple[_Step, ...] = (
    _read_ground,
    _pages(lambda crm, link: crm.directory.business_units(link), reading.store_units),
    _pages(lambda crm, link: crm.directory.teams(link), reading.store_teams),
    _pages(lambda crm, link: crm.directory.memberships(link), reading.store_memberships),
    _pages(lambda crm, link: crm.directory.users(link), reading.store_users),
    _pages(lambda crm, link: crm.directory.mailboxes(link), reading.store_mailboxes),
    _probe,
    _owned(_users, QueryType.OFFLINE_FILTER),
    _owned(_users, QueryType.OUTLOOK_FILTER),
    _owned(_teams, QueryType.OUTLOOK_FILTER),
    _probe_writing,
)


def read_filters(
    crm: CrmClient, owner_ids: Sequence[UUID], *, query_type: int = QueryType.OUTLOOK_FILTER
) -> tuple[OwnerFilters, ...]:
    """The filters of up to 50 owners by the way that works here; an error of one stops no other.

    Raises CrmError where the request as a whole failed.
    """
    if access.ground().reading != Access.ACTING:
        return crm.filters.of_many(owner_ids, query_type=query_type)
    users = FilterUser.objects.in_bulk(list(owner_ids))
    return tuple(_in_his_name(crm, users[each], query_type) for each in owner_ids if each in users)


def _in_his_name(crm: CrmClient, user: FilterUser, query_type: int) -> OwnerFilters:
    try:
        return OwnerFilters.of(user.pk, crm.filters.of(user.pk, query_type=query_type, acting_for=user.acting))
    except CrmError as error:
        if error.transient:
            raise
        return OwnerFilters(user.pk, None, error)


def refresh(crm: CrmClient, user_ids: Sequence[UUID]) -> None:
    """Read a few users again, with mailboxes and filters, because somebody looks at them. Raises CrmError."""
    ids = refresh_directory(crm, user_ids)
    if not ids:
        return
    read, way = read_filters(crm, ids), access.ground().reading
    if _seems_hidden(read) and access.find_reading(crm) != way:
        read = read_filters(crm, ids)
    filter_store.store(read, generation=_generation())


def _seems_hidden(read: Sequence[OwnerFilters]) -> bool:
    """Return whether users with known filters have none now: without the right to see them, the CRM shows none."""
    empty = [each.owner_id for each in read if not (each.filters or each.unreadable)]
    return bool(empty) and FilterRow.objects.for_outlook().filter(owner_id__in=empty).exists()


def refresh_directory(crm: CrmClient, user_ids: Sequence[UUID]) -> list[UUID]:
    """Read who these users are and how their mailboxes synchronize; those that are there. Raises CrmError."""
    generation = _generation()
    users = crm.directory.users_by_id(user_ids)
    mailboxes = crm.directory.mailboxes_by_id([user.mailbox_id for user in users if user.mailbox_id])
    with transaction.atomic():
        reading.store_users(users, generation)
        reading.store_mailboxes(mailboxes, generation)
        sync_paths.work_out(FilterUser.objects.filter(pk__in=[user.id for user in users]))
    return [user.id for user in users]


def _generation() -> int:
    return MirrorCursor.objects.filter(table=CURSOR).values_list("generation", flat=True).first() or 0


def request() -> None:
    """Make the next tick begin a new inventory, unless one is under way."""
    MirrorCursor.objects.filter(table=CURSOR, next_link="").update(pulled_at=None)


def is_due(*, every: float) -> bool:
    """Whether an inventory is under way, was asked for, or is `every` seconds old."""
    cursor = MirrorCursor.objects.filter(table=CURSOR).first()
    return cursor is None or bool(cursor.next_link) or is_older(every)


def is_older(seconds: float) -> bool:
    """Return whether no inventory was finished in the last `seconds`, by the clock that dated it."""
    return not MirrorCursor.objects.filter(table=CURSOR, pulled_at__gt=database_now(plus=-seconds)).exists()
