"""The facts that determine what reaches one user's Outlook, as last read from the CRM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncapp.crm.filters.records import QueryType
from syncapp.mirror.directory import user_matching
from syncapp.mirror.filters import sync_paths
from syncapp.models import FilterMembership, FilterRow, FilterTeam, FilterUser, SystemFilter, UserList
from syncapp.models.folding import by_name
from syncapp.models.sync_filters.tables import Group, group_of

_GROUP_ORDER = {group: index for index, group in enumerate(Group)}


@dataclass(frozen=True, slots=True)
class TableExplanation:
    """One table: the user's filters, system filters, and the number of `paths` that bring its rows to Outlook."""

    table: str
    filters: Sequence[FilterRow]
    system_filters: Sequence[SystemFilter]
    paths: int

    @property
    def on(self) -> int:
        """Return how many of the user's own filters are on."""
        return sum(row.is_on for row in self.filters)


@dataclass(frozen=True, slots=True)
class UserExplanation:
    """The facts about one user.

    `mailbox_paths`: the number of paths that the mailbox opens for rows selected by filters, 0 to 2.
    `team_filters`: filters owned by the user's teams. The CRM's documentation does not say that they apply to members.
    """

    tables: Sequence[TableExplanation]
    templates: Sequence[SystemFilter]
    offline: Sequence[FilterRow]
    team_filters: Sequence[tuple[FilterTeam, FilterRow]]
    lists: Sequence[UserList]
    mailbox_paths: int
    teams: Sequence[FilterTeam]


def explain(user: FilterUser) -> UserExplanation:
    """Collect the known facts about a user."""
    rows = list(FilterRow.objects.filter(owner_id=user.pk).order_by("table", "name", "pk"))
    system = list(SystemFilter.objects.order_by("table", "name", "pk"))
    lists, mailbox_paths = user_matching.lists_naming(user.pk), sync_paths.count_mailbox_paths(user)
    memberships = FilterMembership.objects.filter(user_id=user.pk)
    teams = by_name(FilterTeam.objects.filter(pk__in=list(memberships.values_list("team_id", flat=True))))
    by_id = {team.pk: team for team in teams}
    team_owned = FilterRow.objects.for_outlook().filter(owner_id__in=list(by_id), owner_table="team")
    own_filters = [row for row in rows if row.query_type == QueryType.OUTLOOK_FILTER]
    shared = [each for each in system if each.query_type == QueryType.OUTLOOK_FILTER]
    table_names = {row.table for row in own_filters} | {each.table for each in shared}
    tables = []
    for table in sorted(table_names, key=lambda table: (_GROUP_ORDER[group_of(table)], table)):
        filters = [row for row in own_filters if row.table == table]
        system_filters = [each for each in shared if each.table == table]
        selects = any(row.is_on for row in filters) or any(each.state == 0 for each in system_filters)
        is_about_appointments = group_of(table) is Group.APPOINTMENTS
        product_paths = sum(each.brings_appointments for each in lists) if is_about_appointments else 0
        tables.append(
            TableExplanation(table, filters, system_filters, (mailbox_paths if selects else 0) + product_paths)
        )
    return UserExplanation(
        tables=tables,
        templates=[each for each in system if each.query_type == QueryType.OUTLOOK_TEMPLATE],
        offline=[row for row in rows if row.query_type == QueryType.OFFLINE_FILTER],
        team_filters=[(by_id[row.owner_id], row) for row in team_owned.order_by("table", "name", "pk")],
        lists=lists,
        mailbox_paths=mailbox_paths,
        teams=[team for team in teams if not team.is_default],
    )
