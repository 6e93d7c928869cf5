"""The items of a run: each user's plan, made from the mirror, one part of the list at a time."""

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
from syncapp.sync_filters.runs.item_plan import ItemPlan

_STATUS = {0: 1, 1: 2}
# The columns that plans need, here and in method_plans.py; all columns would take twice as long to read.
_PLAN_COLUMNS = (
    *("is_disabled", "has_own_roles", "has_team_roles", "filters_read_at", "filters_error", "appointments", "paths"),
    *("mailbox_id", "mailbox_etag", "mailbox_state", "method", "enabled_for_act", "approval"),
    *("incoming", "outgoing", "offline_on"),
)


def write_items(run: FilterRun, user_ids: Sequence[UUID], start: int) -> None:
    """Write the items of these users from position `start`, in the caller's transaction; skip application users."""
    users = load_people(user_ids)
    listed = [(position, users[each]) for position, each in enumerate(user_ids, start) if each in users]
    if run.sets_mailbox_method:
        upserts.insert(FilterRunItem, [method_plans.columns(run, position, user) for position, user in listed])
        return
    # Locked, so that the states in the plan are those that _write_changes copies.
    states = states_of(filters_of(users, run.tables).order_by("pk").select_for_update())
    planned = [(position, user.pk, plan_user(user, states[user.pk], run)) for position, user in listed]
    upserts.insert(FilterRunItem, [plan.columns(run, position, user_id) for position, user_id, plan in planned])
    _write_changes(run, [user_id for _, user_id, plan in planned if plan.plan == Plan.CHANGE])


def _write_changes(run: FilterRun, user_ids: Sequence[UUID]) -> None:
    """Copy each filter that is not in the wanted state, with its version, within the database."""
    if not user_ids:
        return
    wanted = _wanted_state(run)
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


def load_people(user_ids: Sequence[UUID]) -> dict[UUID, FilterUser]:
    """Return these users by id, with the columns that plans need; application users are left out."""
    found = FilterUser.objects.people().only(*_PLAN_COLUMNS).in_bulk(list(user_ids))
    for user_id, problem in unreadable.problems_of_owners(user_ids).items():
        if user_id in found:
            found[user_id].unreadable = problem
    return found


def filters_of(user_ids: Collection[UUID], tables: Sequence[str]) -> QuerySet[FilterRow]:
    """Return the filters of these users and tables that can be switched."""
    return FilterRow.objects.for_outlook().filter(owner_id__in=list(user_ids), table__in=tables)


def states_of(filters: QuerySet[FilterRow]) -> dict[UUID, list[int]]:
    """Return the states of these filters by owner."""
    found: dict[UUID, list[int]] = defaultdict(list)
    for owner_id, state in filters.values_list("owner_id", "state"):
        found[owner_id].append(state)
    return found


def plan_user(user: FilterUser, states: Sequence[int], run: FilterRun) -> ItemPlan:
    """Return the plan for a user, given the states of their filters."""
    if user.unreadable:
        return ItemPlan(Plan.CANNOT, Outcome.FAILED, user.unreadable)
    if user.is_disabled:
        return ItemPlan(Plan.CANNOT, Outcome.DISABLED, "The user is disabled.")
    if not user.has_roles:
        return ItemPlan(Plan.CANNOT, Outcome.NO_ROLE, "The user has no role in the CRM.")
    if user.filters_read_at is None:
        why = "could not be read" if user.filters_error else "have not been read yet"
        return ItemPlan(Plan.CANNOT, Outcome.FAILED, f"This user's filters {why}.")
    if not states:
        return ItemPlan(Plan.CANNOT, Outcome.NO_FILTER, "The user has no filter for this.")
    if all(state == _wanted_state(run) for state in states):
        return ItemPlan(Plan.ALREADY, Outcome.ALREADY)
    return ItemPlan(Plan.CHANGE, needs_count=endangers_meetings(user, run))


def _wanted_state(run: FilterRun) -> int:
    return 0 if run.wanted_on else 1


def takes_appointments_away(run: FilterRun) -> bool:
    """Return whether the run switches appointment filters off."""
    return not run.sets_mailbox_method and not run.wanted_on and bool(set(run.tables) & set(APPOINTMENT_TABLES))


def endangers_meetings(user: FilterUser, run: FilterRun) -> bool:
    """Return whether meetings that this user organizes may be canceled by the run.

    In a server-side mailbox, an item that no filter selects any longer is deleted, unless the CRM keeps logical deletes
    from Exchange ("Control field synchronization"). That setting does not cover the Outlook add-in, which works in the
    user's own Outlook. Whether the add-in removes such appointments is disputed, so its users are always counted.
    """
    if not takes_appointments_away(run):
        return False
    return user.uses_add_in or (user.is_server_side and run.keeps_deletes_apart is not True)
