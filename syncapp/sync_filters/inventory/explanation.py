"""The facts that decide what reaches one user's Outlook, as last read, from a few queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from syncapp.crm.filters.records import QueryType
from syncapp.mirror.directory import user_matching
from syncapp.mirror.filters import sync_paths
from syncapp.models import FilterMembership, FilterRow, FilterTeam, FilterUser, SystemFilter, UserList
from syncapp.models.folding import by_name
from syncapp.models.sync_filters.tables import Group, group_of

_ORDER = {group: place for place, group in enumerate(Group)}


@dataclass(frozen=True, slots=True)
class TableExplanation:
    """One table: the user's filters, system filters, and how many paths bring its rows to Outlook (`ways`)."""

    table: str
    filters: Sequence[FilterRow]
    system_filters: Sequence[SystemFilter]
    ways: int

    @property
    def on(self) -> int:
        """Return how many of the user's own filters are on."""
        return sum(row.is_on for row in self.filters)


@dataclass(frozen=True, slots=True)
class UserExplanation:
    """The facts about one user. `mailbox_ways`: paths that the mailbox opens for whatever filters select, 0 to 2.

    `of_teams`: filters owned by the user's teams; the CRM's documentation does not say that they apply to members.
    """

    tables: Sequence[TableExplanation]
    templates: Sequence[SystemFilter]
    offline: Sequence[FilterRow]
    of_teams: Sequence[tuple[FilterTeam, FilterRow]]
    lists: Sequence[UserList]
    count_mailbox_paths: int
    teams: Sequence[FilterTeam]


def explain(user: FilterUser) -> UserExplanation:
    """Collect what is known of a user."""
    rows = list(FilterRow.objects.filter(owner_id=user.pk).order_by("table", "name", "pk"))
    system = list(SystemFilter.objects.order_by("table", "name", "pk"))
    lists, ways = user_matching.products_of(user.pk), sync_paths.count_mailbox_paths(user)
    products = sum(each.brings_appointments for each in lists)
    memberships = FilterMembership.objects.filter(user_id=user.pk)
    teams = by_name(FilterTeam.objects.filter(pk__in=list(memberships.values_list("team_id", flat=True))))
    by_id = {team.pk: team for team in teams}
    owned = FilterRow.objects.for_outlook().filter(owner_id__in=list(by_id), owner_table="team")
    return UserExplanation(
        tables=_tables(rows, system, ways, products),
        templates=[each for each in system if each.query_type == QueryType.OUTLOOK_TEMPLATE],
        offline=[row for row in rows if row.query_type == QueryType.OFFLINE_FILTER],
        of_teams=[(by_id[row.owner_id], row) for row in owned.order_by("table", "name", "pk")],
        lists=lists,
        count_mailbox_paths=ways,
        teams=[team for team in teams if not team.is_default],
    )


def _tables(
    rows: Sequence[FilterRow], system: Sequence[SystemFilter], ways: int, products: int
) -> Sequence[TableExplanation]:
    own = [row for row in rows if row.query_type == QueryType.OUTLOOK_FILTER]
    common = [each for each in system if each.query_type == QueryType.OUTLOOK_FILTER]
    by_table = {table: list(part) for table, part in groupby(own, key=lambda row: row.table)}
    found = []
    tables = by_table.keys() | {each.table for each in common}
    for table in sorted(tables, key=lambda table: (_ORDER[group_of(table)], table)):
        filters = by_table.get(table, [])
        system_filters = [each for each in common if each.table == table]
        selects = any(row.is_on for row in filters) or any(each.state == 0 for each in system_filters)
        others = products if group_of(table) is Group.APPOINTMENTS else 0
        found.append(TableExplanation(table, filters, system_filters, (ways if selects else 0) + others))
    return found
