"""The matrix's named reads: who synchronizes what, page by page, as the last inventory left it.

Each cell is a column of its user, so that a page of 20,000 users costs what a page of 20 does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from syncapp.crm.filters.records import QueryType
from syncapp.mirror.filters.inventory import CURSOR
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
from syncapp.models.folding import by_name, folded, has_words, words_of
from syncapp.models.sync_filters.tables import Cell, Group, group_of
from syncapp.models.sync_filters.user import Cause, FilterUserQuerySet, SyncPaths
from syncapp.sync_filters.runs.freezing import MOST_USERS

PAGE = 50
MOST_COUNTED = MOST_USERS  # as many as a run takes; so few that the exact number costs nothing


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the matrix is narrowed to; everything by default.

    `method` as in SyncMethod; `unit` is one business unit without those below it; `listed` is a UserList.
    """

    search: str = ""
    team: UUID | None = None
    group: Group = Group.APPOINTMENTS
    cell: Cell | None = None
    method: int | None = None
    paths: SyncPaths | None = None
    cause: Cause | None = None
    unit: UUID | None = None
    listed: UUID | None = None


EVERYBODY = Narrowing()


@dataclass(frozen=True, slots=True)
class Page:
    """Some users in the order of their names."""

    users: Sequence[FilterUser]
    has_more: bool


def narrowed(by: Narrowing) -> FilterUserQuerySet:
    """The people whom this leaves, in no order."""
    users = FilterUser.objects.people()
    if by.search:
        users = users.filter(_is_found(by.search))
    if by.team:
        users = users.filter(pk__in=FilterMembership.objects.filter(team_id=by.team).values("user_id"))
    if by.cell:
        users = users.filter(**{by.group.value: by.cell})
    if by.method is not None:
        users = users.filter(method=by.method)
    if by.listed:
        users = users.filter(pk__in=UserListEntry.objects.filter(list_id=by.listed).values("user_id"))
    return users.filter(**_exactly(by))


def _exactly(by: Narrowing) -> dict[str, object]:
    wanted = {"paths": by.paths, "cause": by.cause, "unit_id": by.unit}
    return {column: value for column, value in wanted.items() if value}


def _is_found(text: str) -> Q:
    """Match users by the beginnings of words of their name, or by the beginning of their address or login."""
    words, whole = words_of(text), folded(text).strip()
    nobody = Q(pk__in=())
    return (has_words(words) if words else nobody) | (has_words([whole]) if whole else nobody)


def page(by: Narrowing = EVERYBODY, *, after: FilterUser | None = None, size: int = PAGE) -> Page:
    """The first users, or those who follow the user `after`, whether he is still among them or not."""
    users = narrowed(by).order_by("name_key", "id")
    if after:
        follows = Q(name_key__gt=after.name_key) | Q(name_key=after.name_key, id__gt=after.pk)
        users = users.filter(Q(name_key__gte=after.name_key) & follows)
    found = list(users[: size + 1])
    return Page(found[:size], len(found) > size)


def count(by: Narrowing = EVERYBODY) -> int:
    """How many people there are, at most MOST_COUNTED + 1: the database stops counting there."""
    return narrowed(by).order_by()[: MOST_COUNTED + 1].count()


def everybody(by: Narrowing) -> list[UUID]:
    """The ids of all of them by name, for a run; at most one more than a run takes."""
    return list(narrowed(by).order_by("name_key", "id").values_list("pk", flat=True)[: MOST_USERS + 1])


def teams() -> list[FilterTeam]:
    """The teams that people made, by name."""
    return by_name(FilterTeam.objects.filter(is_default=False))[:500]


def is_fed_by_entra(team_id: UUID) -> bool:
    """Whether this team's list of members may be incomplete."""
    team = FilterTeam.objects.filter(pk=team_id).first()
    return team is not None and team.is_fed_by_entra


def units() -> list[FilterUnit]:
    """The business units, by name."""
    return by_name(FilterUnit.objects.all())[:500]


def user_lists() -> list[UserList]:
    """The lists that people brought, by name."""
    return by_name(UserList.objects.all())


def filters_of(user: FilterUser, group: Group) -> list[FilterRow]:
    """The filters behind a cell, those of the old add-in among the others."""
    rows = FilterRow.objects.filter(owner_id=user.pk).order_by("table", "query_type", "name", "id")
    return [
        row
        for row in rows
        if (group_of(row.table) is group and row.query_type == QueryType.OUTLOOK_FILTER) or _is_offline(row, group)
    ]


def _is_offline(row: FilterRow, group: Group) -> bool:
    return row.query_type == QueryType.OFFLINE_FILTER and group is Group.OTHER


def system_filters(group: Group) -> list[SystemFilter]:
    """The filters for everybody that belong to a cell."""
    rows = SystemFilter.objects.filter(query_type=QueryType.OUTLOOK_FILTER).order_by("table", "name")
    return [row for row in rows if group_of(row.table) is group]


def for_everybody() -> list[SystemFilter]:
    """All filters and templates of the organization, those that are on first."""
    return list(SystemFilter.objects.order_by("query_type", "state", "table", "name", "id"))


def of_teams() -> list[FilterRow]:
    """Filters that a team owns: they select for nobody's Outlook, at most 500."""
    teams = FilterTeam.objects.values("pk")
    return list(FilterRow.objects.filter(owner_id__in=teams).order_by("owner_id", "table", "name", "id")[:500])


def inventory() -> MirrorCursor | None:
    """How far the reading is, and when it last came to its end."""
    return MirrorCursor.objects.filter(table=CURSOR).first()
