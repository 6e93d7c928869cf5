"""The risk report: users whose appointments reach Outlook twice, once or not at all, by business unit and cause.

The counts are stored with each user (mirror/filters/sync_paths.py), so a report of 20,000 users is one grouped query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from syncapp.mirror.filters import sync_paths
from syncapp.models import FilterTeam, FilterUnit, FilterUser, SyncPathsDay, UserList
from syncapp.models.folding import by_name, search_key
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.inventory.matrix import UserCriteria
from syncapp.sync_filters.inventory.recommendations import Recommendation, recommend

MAX_DAYS = 30


@dataclass(frozen=True, slots=True)
class UnitRisk:
    """One business unit with the number of its users by sync paths."""

    unit_id: UUID | None
    name: str
    users: Mapping[SyncPaths, int]

    @property
    def total(self) -> int:
        """Return the number of users in this unit."""
        return sum(self.users.values())


@dataclass(frozen=True, slots=True)
class CauseRisk:
    """One cause with its users and the recommendation."""

    cause: Cause
    paths: SyncPaths
    users: int
    recommendation: Recommendation


@dataclass(frozen=True, slots=True)
class Report:
    """The number of users by sync paths, in total and by business unit, and by cause.

    `units`: those with the most users reached twice come first. `causes`: by sync paths, then the most frequent first.
    `team`: the only team covered, or None. `days`: daily counts of all users, oldest first; empty for a team.
    """

    users: Mapping[SyncPaths, int]
    units: Sequence[UnitRisk]
    causes: Sequence[CauseRisk]
    team: FilterTeam | None
    lists: Sequence[UserList]
    days: Sequence[SyncPathsDay]

    @property
    def total(self) -> int:
        """Return how many users were counted."""
        return sum(self.users.values())


def report(team_id: UUID | None = None) -> Report:
    """Count all users, or those of one team."""
    by_unit: dict[UUID | None, dict[SyncPaths, int]] = defaultdict(lambda: dict.fromkeys(SyncPaths, 0))
    by_cause: dict[Cause, int] = defaultdict(int)
    users = dict.fromkeys(SyncPaths, 0)
    counted = matrix.matching_users(UserCriteria(team=team_id)).order_by().values_list("unit_id", "paths", "cause")
    for unit_id, paths, cause, number in counted.annotate(number=Count("pk")).iterator():
        by_unit[unit_id][SyncPaths(paths)] += number
        by_cause[Cause(cause)] += number
        users[SyncPaths(paths)] += number
    names = dict(FilterUnit.objects.filter(pk__in=[key for key in by_unit if key]).values_list("pk", "name"))
    units = [UnitRisk(key, names.get(key, "") if key else "", counts) for key, counts in by_unit.items()]
    system_selects = sync_paths.has_system_filter()
    causes = [
        CauseRisk(cause, sync_paths.paths_of(cause), count, recommend(cause, system_selects=system_selects))
        for cause, count in by_cause.items()
    ]
    return Report(
        users=users,
        units=sorted(units, key=lambda each: (-each.users[SyncPaths.TWICE], -each.total, search_key(each.name))),
        causes=sorted(causes, key=lambda each: (list(SyncPaths).index(each.paths), -each.users)),
        team=FilterTeam.objects.filter(pk=team_id).first() if team_id else None,
        lists=by_name(UserList.objects.of_products()),
        days=[] if team_id else list(SyncPathsDay.objects.order_by("-day")[:MAX_DAYS])[::-1],
    )


def iterate_users(team_id: UUID | None = None) -> Iterator[FilterUser]:
    """Yield the users of the report, sorted by name."""
    yield from matrix.matching_users(UserCriteria(team=team_id)).order_by("name_key", "id").iterator(chunk_size=1000)
