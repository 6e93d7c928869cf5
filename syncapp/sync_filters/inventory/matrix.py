"""Reads for the matrix of users and their filters, page by page, as of the last inventory.

Cells are columns of the user's row, so a page costs as much among 20,000 users as among 20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from syncapp.crm.filters.records import QueryType
from syncapp.mirror.filters.schedule import CURSOR
from syncapp.models import (
    FilterMembership,
    FilterRow,
    FilterTeam,
    FilterUnit,
    FilterUser,
    MirrorCursor,
    SystemFilter,
    UserList,
    UserListEntry,
)
from syncapp.models.folding import by_name, folded, has_words, search_key, words_of
from syncapp.models.sync_filters.tables import Cell, Group, group_of
from syncapp.models.sync_filters.user import Cause, FilterUserQuerySet, SyncPaths
from syncapp.sync_filters.inventory import matrix_order
from syncapp.sync_filters.inventory.matrix_order import BY_NAME, HAS_NO_MAILBOX, IS_NOT_APPROVED, Order, Position
from syncapp.sync_filters.runs.creation import MAX_USERS

PAGE_SIZE = 50
MAX_COUNTED = MAX_USERS  # the maximum of a run; few enough to count exactly


NO_MAILBOX, NOT_APPROVED = -1, -2
_MAILBOX_CONDITIONS = {NO_MAILBOX: HAS_NO_MAILBOX, NOT_APPROVED: ~HAS_NO_MAILBOX & IS_NOT_APPROVED}


@dataclass(frozen=True, slots=True)
class UserCriteria:
    """The search and filters of the matrix; all users by default.

    `cells` are the wanted states of filters, at most one per group. `method` is a SyncMethod, NO_MAILBOX or
    NOT_APPROVED. `team`, `unit` and `listed` are the ids of a team, of a business unit (without the units below it) and
    of a UserList.
    """

    search: str = ""
    team: UUID | None = None
    cells: tuple[tuple[Group, Cell], ...] = ()
    method: int | None = None
    paths: SyncPaths | None = None
    cause: Cause | None = None
    unit: UUID | None = None
    listed: UUID | None = None


ALL_USERS = UserCriteria()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of users in the requested order. `last` is the position of its last user, or None."""

    users: Sequence[FilterUser]
    has_more: bool
    last: Position | None


def matching_users(criteria: UserCriteria) -> FilterUserQuerySet:
    """Return the matching users, unordered."""
    users = FilterUser.objects.people()
    if criteria.search:
        # Search words match the beginning of a word of the name, or the beginning of the address or login.
        words, whole_text, no_users = words_of(criteria.search), folded(criteria.search).strip(), Q(pk__in=())
        users = users.filter(
            (has_words(words) if words else no_users) | (has_words([whole_text]) if whole_text else no_users)
        )
    if criteria.team:
        users = users.filter(pk__in=FilterMembership.objects.filter(team_id=criteria.team).values("user_id"))
    users = users.filter(**{group.value: cell for group, cell in criteria.cells})
    if criteria.method is not None:
        users = users.filter(_MAILBOX_CONDITIONS.get(criteria.method, Q(method=criteria.method)))
    if criteria.listed:
        users = users.filter(pk__in=UserListEntry.objects.filter(list_id=criteria.listed).values("user_id"))
    exact = {"paths": criteria.paths, "cause": criteria.cause, "unit_id": criteria.unit}
    return users.filter(**{column: value for column, value in exact.items() if value})


def page(
    criteria: UserCriteria = ALL_USERS, *, order: Order = BY_NAME, after: Position | None = None, size: int = PAGE_SIZE
) -> Page:
    """Return the first users in an order, or those after a position."""
    users = matrix_order.sort_users(matching_users(criteria), order)
    if after:
        users = matrix_order.users_after(users, order, after)
    found = list(users[: size + 1])
    page_users = found[:size]
    last = Position(page_users[-1].rank, page_users[-1].name_key, page_users[-1].pk) if page_users else None
    return Page(page_users, len(found) > size, last)


def count(criteria: UserCriteria = ALL_USERS) -> int:
    """Count the matching users, at most MAX_COUNTED + 1, where the database stops counting."""
    return matching_users(criteria).order_by()[: MAX_COUNTED + 1].count()


def user_ids(criteria: UserCriteria) -> list[UUID]:
    """Return the ids of the matching users, sorted by name; at most one more than a run can have."""
    return list(matching_users(criteria).order_by("name_key", "id").values_list("pk", flat=True)[: MAX_USERS + 1])


def teams() -> list[FilterTeam]:
    """Return the teams that people created, sorted by name, at most 500."""
    return by_name(FilterTeam.objects.filter(is_default=False))[:500]


def teams_by_unit() -> list[tuple[str, list[FilterTeam]]]:
    """Return the teams that people created, grouped by the name of their business unit; both are sorted by name."""
    names = dict(FilterUnit.objects.values_list("pk", "name"))
    grouped: dict[str, list[FilterTeam]] = {}
    for team in teams():
        grouped.setdefault(names.get(team.unit_id, "") if team.unit_id else "", []).append(team)
    return sorted(grouped.items(), key=lambda each: search_key(each[0]))


def is_managed_by_entra(team_id: UUID) -> bool:
    """Return whether this team's list of members may be incomplete."""
    team = FilterTeam.objects.filter(pk=team_id).first()
    return team is not None and team.is_managed_by_entra


def units() -> list[FilterUnit]:
    """Return the business units, sorted by name, at most 500."""
    return by_name(FilterUnit.objects.all())[:500]


def user_lists() -> list[UserList]:
    """Return the saved lists, sorted by name."""
    return by_name(UserList.objects.all())


def filters_of(user: FilterUser, group: Group) -> list[FilterRow]:
    """Return the filters behind a cell; offline filters of the old add-in belong to the group OTHER."""
    rows = FilterRow.objects.filter(owner_id=user.pk).order_by("table", "query_type", "name", "id")
    return [
        row
        for row in rows
        if (group_of(row.table) is group and row.query_type == QueryType.OUTLOOK_FILTER)
        or (group is Group.OTHER and row.query_type == QueryType.OFFLINE_FILTER)
    ]


def system_filters(group: Group) -> list[SystemFilter]:
    """Return the Outlook system filters whose tables belong to the group."""
    rows = SystemFilter.objects.filter(query_type=QueryType.OUTLOOK_FILTER).order_by("table", "name")
    return [row for row in rows if group_of(row.table) is group]


def all_system_filters() -> list[SystemFilter]:
    """Return all system filters and templates of the organization, active ones first."""
    return list(SystemFilter.objects.order_by("query_type", "state", "table", "name", "id"))


def team_filters() -> list[FilterRow]:
    """Return filters owned by teams, at most 500; they synchronize nothing to anyone's Outlook."""
    teams = FilterTeam.objects.values("pk")
    return list(FilterRow.objects.filter(owner_id__in=teams).order_by("owner_id", "table", "name", "id")[:500])


def inventory_cursor() -> MirrorCursor | None:
    """Return the inventory's cursor: how far it has come, and when it was last completed."""
    return MirrorCursor.objects.filter(table=CURSOR).first()
