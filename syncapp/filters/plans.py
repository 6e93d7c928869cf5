"""The place where a run is frozen: a selection and a wanted end state become one item for each user.

Nothing is switched here. What the list says was read before; every write carries the version that it saw.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from syncapp import audit
from syncapp.filters import method_plans
from syncapp.filters.errors import NotPossible
from syncapp.filters.planned import Planned
from syncapp.mirror import filter_access
from syncapp.models import FilterRow, FilterRun, FilterRunChange, FilterRunItem, FilterUser, Person
from syncapp.models.filter_run import Lever, Outcome, Plan, RunState
from syncapp.models.filter_tables import APPOINTMENT_TABLES

MOST_USERS = 50_000
_CHUNK = 250
_STATUS = {0: 1, 1: 2}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run shall bring about: the filters of these tables all on, or all off; or this mailbox method."""

    tables: tuple[str, ...] = ()
    on: bool = False
    method: int | None = None
    words: str = ""
    reason: str = ""
    change_number: str = ""
    pilot: int = 0
    starts_at: datetime | None = None
    stop_above_percent: int = 5
    retries: FilterRun | None = None


def freeze_run(user_ids: Sequence[UUID], wish: Wish, *, by: Person, channel: str = "screen") -> FilterRun:
    """Freeze these users and this end state into a new run, in the order given. Raises NotPossible."""
    if not user_ids:
        raise NotPossible("Nobody is selected.")
    if not wish.tables and wish.method is None:
        raise NotPossible("No table is selected.")
    if len(user_ids) > MOST_USERS:
        raise NotPossible(f"At most {MOST_USERS} users can be switched in one run.")
    with transaction.atomic():
        run = _run(wish, by)
        for start in range(0, len(user_ids), _CHUNK):
            _freeze(run, user_ids[start : start + _CHUNK], start)
        run.users = run.items.count()
        FilterRun.objects.filter(pk=run.pk).update(users=run.users)
        if not run.items.filter(needs_count=True).exists():
            FilterRun.objects.filter(pk=run.pk).update(state=RunState.PLANNED)
        audit.record("run.frozen", by=by, channel=channel, group=run.pk, details=_said(run), reason=wish.reason)
    run.refresh_from_db()
    return run


def _said(run: FilterRun) -> dict[str, Any]:
    said: dict[str, Any] = {"run": run.number, "users": run.users}
    if run.moves_mailboxes:
        return said | {"method": run.wanted_method}
    return said | {"on": run.wanted_on, "tables": run.tables}


def _run(wish: Wish, by: Person) -> FilterRun:
    return FilterRun.objects.create(
        number=next_number(),
        tables=list(wish.tables) if wish.method is None else [],
        wanted_on=wish.on,
        lever=Lever.FILTERS if wish.method is None else Lever.METHOD,
        wanted_method=wish.method,
        stop_above_percent=wish.stop_above_percent,
        retries=wish.retries,
        words=wish.words[:300],
        reason=wish.reason[:500],
        change_number=wish.change_number[:60],
        pilot=wish.pilot,
        starts_at=wish.starts_at,
        person=by,
        keeps_deletes_apart=filter_access.ground().keeps_deletes_apart,
    )


def next_number() -> int:
    """The next run's number; two runs frozen at one moment meet at the unique constraint."""
    return int(FilterRun.objects.aggregate(most=Max("number"))["most"] or 0) + 1


def _freeze(run: FilterRun, user_ids: Sequence[UUID], start: int) -> None:
    users = FilterUser.objects.people().in_bulk(list(user_ids))
    if run.moves_mailboxes:
        method_plans.freeze(run, [users[each] for each in dict.fromkeys(user_ids) if each in users], start)
        return
    rows = rows_of(users, run.tables)
    items, changes = [], []
    for place, user_id in enumerate(dict.fromkeys(user_ids), start):
        if user_id in users:
            planned = plan_for(users[user_id], rows[user_id], run)
            item = planned.item(run, place, users[user_id])
            items.append(item)
            changes += list(_changes(item, rows[user_id], run.wanted_on)) if planned.plan == Plan.CHANGE else []
    FilterRunItem.objects.bulk_create(items, batch_size=_CHUNK)
    FilterRunChange.objects.bulk_create(changes, batch_size=_CHUNK)


def rows_of(user_ids: Collection[UUID], tables: Sequence[str]) -> dict[UUID, list[FilterRow]]:
    """The filters of these tables that can be switched, by owner."""
    found: dict[UUID, list[FilterRow]] = defaultdict(list)
    for row in FilterRow.objects.for_outlook().filter(owner_id__in=list(user_ids), table__in=tables).defer("fetch_xml"):
        found[row.owner_id].append(row)
    return found


def plan_for(user: FilterUser, rows: Sequence[FilterRow], run: FilterRun) -> Planned:
    """What the run will do about this user, from what was read of him."""
    if user.is_disabled:
        return Planned(Plan.CANNOT, Outcome.DISABLED, "The user is disabled.")
    if not user.has_roles:
        return Planned(Plan.CANNOT, Outcome.NO_ROLE, "The user has no role in the CRM.")
    if user.filters_read_at is None:
        why = "could not be read" if user.filters_error else "have not been read yet"
        return Planned(Plan.CANNOT, Outcome.FAILED, f"This user's filters {why}.")
    if not rows:
        return Planned(Plan.CANNOT, Outcome.NO_FILTER, "The user has no filter for this.")
    if all(row.is_on == run.wanted_on for row in rows):
        return Planned(Plan.ALREADY, Outcome.ALREADY)
    return Planned(Plan.CHANGE, needs_count=endangers_meetings(user, run))


def endangers_meetings(user: FilterUser, run: FilterRun) -> bool:
    """Whether meetings that he organizes may be cancelled: what leaves every filter leaves a server-side mailbox.

    Which a CRM that keeps logical deletes from Exchange does not do ("Control field synchronization").
    """
    concerns = not run.wanted_on and set(run.tables) & set(APPOINTMENT_TABLES)
    return bool(concerns) and user.is_server_side and run.keeps_deletes_apart is not True


def _changes(item: FilterRunItem, rows: Sequence[FilterRow], on: bool) -> Iterator[FilterRunChange]:
    wanted = 0 if on else 1
    for row in rows:
        if row.is_on != on:
            yield FilterRunChange(
                item=item,
                filter_id=row.pk,
                table=row.table,
                name=row.name,
                found_state=row.state,
                found_status=row.status,
                etag=row.etag,
                wanted_state=wanted,
                wanted_status=_STATUS[wanted],
            )
