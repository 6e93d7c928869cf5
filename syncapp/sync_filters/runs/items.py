"""What a run's list says of each user, from what was read of him; a part of the list at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery, Value

from syncapp.mirror import unreadable, upserts
from syncapp.models import FilterRow, FilterRun, FilterRunChange, FilterRunItem, FilterUser
from syncapp.models.sync_filters.run import Outcome, Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.runs import method_plans
from syncapp.sync_filters.runs.item_plan import Planned

_STATUS = {0: 1, 1: 2}
# What the plans below and those of mailboxes ask of a user; all his columns would take twice as long to read.
_ASKED = (
    *("is_disabled", "has_own_roles", "has_team_roles", "filters_read_at", "filters_error", "appointments", "paths"),
    *("mailbox_id", "mailbox_etag", "mailbox_state", "method", "enabled_for_act", "approval"),
    *("incoming", "outgoing", "offline_on"),
)


def write(run: FilterRun, user_ids: Sequence[UUID], start: int) -> None:
    """The run's rows of these users, from the place `start` on, in the caller's transaction; programs are left out."""
    users = people(user_ids)
    listed = [(place, users[each]) for place, each in enumerate(user_ids, start) if each in users]
    if run.moves_mailboxes:
        upserts.insert(FilterRunItem, [method_plans.row(run, place, user) for place, user in listed])
        return
    # Locked, so that what is planned from them is what is copied.
    states = states_of(filters_of(users, run.tables).order_by("pk").select_for_update())
    planned = [(place, user.pk, plan_for(user, states[user.pk], run)) for place, user in listed]
    upserts.insert(FilterRunItem, [each.row(run, place, user_id) for place, user_id, each in planned])
    _write_changes(run, [user_id for _, user_id, each in planned if each.plan == Plan.CHANGE])


def _write_changes(run: FilterRun, user_ids: Sequence[UUID]) -> None:
    """Each filter that is not as it shall be, with the version that was read; copied within the database."""
    if not user_ids:
        return
    wanted = _wanted(run)
    rows = filters_of(user_ids, run.tables).exclude(state=wanted)
    columns = {
        "item_id": Subquery(FilterRunItem.objects.filter(run=run, user=OuterRef("owner_id")).values("pk")),
        "filter_id": F("pk"),
        "table": F("table"),
        "name": F("name"),
        "found_state": F("state"),
        "found_status": F("status"),
        "etag": F("etag"),
        "wanted_state": Value(wanted),
        "wanted_status": Value(_STATUS[wanted]),
    }
    upserts.insert_from(FilterRunChange, rows, columns)


def people(user_ids: Sequence[UUID]) -> dict[UUID, FilterUser]:
    """Who of these is a person, with what a plan asks of him."""
    found = FilterUser.objects.people().only(*_ASKED).in_bulk(list(user_ids))
    for user_id, problem in unreadable.problems_of_owners(user_ids).items():
        if user_id in found:
            found[user_id].unreadable = problem
    return found


def filters_of(user_ids: Collection[UUID], tables: Sequence[str]) -> QuerySet[FilterRow]:
    """The filters of these tables that can be switched."""
    return FilterRow.objects.for_outlook().filter(owner_id__in=list(user_ids), table__in=tables)


def states_of(filters: QuerySet[FilterRow]) -> dict[UUID, list[int]]:
    """Their states, by owner."""
    found: dict[UUID, list[int]] = defaultdict(list)
    for owner_id, state in filters.values_list("owner_id", "state"):
        found[owner_id].append(state)
    return found


def plan_for(user: FilterUser, states: Sequence[int], run: FilterRun) -> Planned:
    """What the run will do about this user, from what was read of him and the states of his filters."""
    if user.unreadable:
        return Planned(Plan.CANNOT, Outcome.FAILED, user.unreadable)
    if user.is_disabled:
        return Planned(Plan.CANNOT, Outcome.DISABLED, "The user is disabled.")
    if not user.has_roles:
        return Planned(Plan.CANNOT, Outcome.NO_ROLE, "The user has no role in the CRM.")
    if user.filters_read_at is None:
        why = "could not be read" if user.filters_error else "have not been read yet"
        return Planned(Plan.CANNOT, Outcome.FAILED, f"This user's filters {why}.")
    if not states:
        return Planned(Plan.CANNOT, Outcome.NO_FILTER, "The user has no filter for this.")
    if all(state == _wanted(run) for state in states):
        return Planned(Plan.ALREADY, Outcome.ALREADY)
    return Planned(Plan.CHANGE, needs_count=endangers_meetings(user, run))


def _wanted(run: FilterRun) -> int:
    return 0 if run.wanted_on else 1


def takes_appointments_away(run: FilterRun) -> bool:
    """Return whether the run switches filters of appointments off."""
    return not run.moves_mailboxes and not run.wanted_on and bool(set(run.tables) & set(APPOINTMENT_TABLES))


def endangers_meetings(user: FilterUser, run: FilterRun) -> bool:
    """Return whether meetings that this user organizes may be canceled by the run.

    Server-side, what leaves every filter is deleted from the mailbox, unless the CRM keeps logical deletes from
    Exchange ("Control field synchronization"). That setting says nothing of the Outlook add-in, which works in the
    user's own Outlook; whether it removes such appointments is disputed, so its users are counted in any case.
    """
    if not takes_appointments_away(run):
        return False
    return user.uses_add_in or (user.is_server_side and run.keeps_deletes_apart is not True)
