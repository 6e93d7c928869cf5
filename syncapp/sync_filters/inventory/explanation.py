"""One user explained: everything that decides what of his reaches Outlook, as it was last read, from a few queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from syncapp.crm.filters.records import QueryType
from syncapp.mirror.directory import list_matching
from syncapp.mirror.filters import sync_paths
from syncapp.models import FilterMembership, FilterRow, FilterTeam, FilterUser, SystemFilter, UserList
from syncapp.models.folding import by_name
from syncapp.models.sync_filters.tables import Group, group_of

_ORDER = {group: place for place, group in enumerate(Group)}


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table: his filters and those for everybody; `ways` is how many times its rows reach his Outlook."""

    table: str
    filters: Sequence[FilterRow]
    for_everybody: Sequence[SystemFilter]
    ways: int

    @property
    def on(self) -> int:
        """How many of his own are on."""
        return sum(row.is_on for row in self.filters)


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known of one user. `mailbox_ways`: ways that his mailbox opens to whatever filters select, 0 to 2.

    `of_teams`: filters that a team of his owns; the CRM's documentation does not say that they reach its members.
    """

    tables: Sequence[TableFacts]
    templates: Sequence[SystemFilter]
    offline: Sequence[FilterRow]
    of_teams: Sequence[tuple[FilterTeam, FilterRow]]
    lists: Sequence[UserList]
    mailbox_ways: int
    teams: Sequence[FilterTeam]


def explain(user: FilterUser) -> Explained:
    """The facts about a user."""
    rows = list(FilterRow.objects.filter(owner_id=user.pk).order_by("table", "name", "pk"))
    system = list(SystemFilter.objects.order_by("table", "name", "pk"))
    lists, ways = list_matching.products_of(user.pk), sync_paths.mailbox_ways(user)
    products = sum(each.brings_appointments for each in lists)
    teams = by_name(FilterTeam.objects.filter(pk__in=_team_ids(user)))
    return Explained(
        tables=_tables(rows, system, ways, products),
        templates=[each for each in system if each.query_type == QueryType.OUTLOOK_TEMPLATE],
        offline=[row for row in rows if row.query_type == QueryType.OFFLINE_FILTER],
        of_teams=_of_teams(teams),
        lists=lists,
        mailbox_ways=ways,
        teams=[team for team in teams if not team.is_default],
    )


def _tables(
    rows: Sequence[FilterRow], system: Sequence[SystemFilter], ways: int, products: int
) -> Sequence[TableFacts]:
    own = [row for row in rows if row.query_type == QueryType.OUTLOOK_FILTER]
    common = [each for each in system if each.query_type == QueryType.OUTLOOK_FILTER]
    by_table = {table: list(part) for table, part in groupby(own, key=lambda row: row.table)}
    found = []
    for table in sorted(by_table.keys() | {each.table for each in common}, key=_place):
        filters = by_table.get(table, [])
        of_all = [each for each in common if each.table == table]
        selects = any(row.is_on for row in filters) or any(each.state == 0 for each in of_all)
        others = products if group_of(table) is Group.APPOINTMENTS else 0
        found.append(TableFacts(table, filters, of_all, (ways if selects else 0) + others))
    return found


def _place(table: str) -> tuple[int, str]:
    return _ORDER[group_of(table)], table


def _team_ids(user: FilterUser) -> list[UUID]:
    return list(FilterMembership.objects.filter(user_id=user.pk).values_list("team_id", flat=True))


def _of_teams(teams: Sequence[FilterTeam]) -> Sequence[tuple[FilterTeam, FilterRow]]:
    by_id = {team.pk: team for team in teams}
    rows = FilterRow.objects.for_outlook().filter(owner_id__in=list(by_id), owner_table="team")
    return [(by_id[row.owner_id], row) for row in rows.order_by("table", "name", "pk")]
