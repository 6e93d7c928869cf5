"""Reads for the preview of a run: its totals, and the users of one tab, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, Sum

from syncapp.models import FilterRun, FilterRunChange, FilterRunItem
from syncapp.models.sync_filters.run import ItemQuerySet, Plan
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.inventory.matrix import UserCriteria
from syncapp.sync_filters.runs import held_groups, parts
from syncapp.sync_filters.runs.held_groups import HeldGroup
from syncapp.sync_filters.runs.parts import Part

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class MeetingsAtRisk:
    """Counts of future meetings, their organizers and attendees. `uncounted`: users who may organize some."""

    organizers: int = 0
    meetings: int = 0
    attendees: int = 0
    uncounted: int = 0

    def __add__(self, other: MeetingsAtRisk) -> MeetingsAtRisk:
        return MeetingsAtRisk(
            self.organizers + other.organizers,
            self.meetings + other.meetings,
            self.attendees + other.attendees,
            self.uncounted + other.uncounted,
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """The number of users by plan, of those who cannot change by outcome, and the meetings at risk.

    `held` are the meetings of users held back, `released` those of released users.
    """

    users: Counter[str]
    cannot: Counter[str]
    held: MeetingsAtRisk
    released: MeetingsAtRisk


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """One page of a tab. `first` is the number of its first item, of `total`.

    `next_after` is the position of its last item, after which the next page begins; None on the last page.
    """

    items: Sequence[FilterRunItem]
    total: int
    first: int
    next_after: int | None


def totals(run: FilterRun) -> Totals:
    """Count the run's users and their meetings, in one query."""
    counts: dict[str, Any] = {
        "users": Count("pk"),
        "organizers": Count("pk", filter=Q(meetings__gt=0)),
        "uncounted": Count("pk", filter=Q(meetings__isnull=True)),
        "meetings_sum": Sum("meetings"),
        "attendees_sum": Sum("attendees"),
    }
    users, cannot = Counter[str](), Counter[str]()
    held, released = MeetingsAtRisk(), MeetingsAtRisk()
    for row in run.items.order_by().values("plan", "outcome", "released").annotate(**counts):
        users[row["plan"]] += row["users"]
        if row["plan"] == Plan.CANNOT:
            cannot[row["outcome"]] += row["users"]
        at_risk = MeetingsAtRisk(
            row["organizers"], row["meetings_sum"] or 0, row["attendees_sum"] or 0, row["uncounted"]
        )
        if row["plan"] == Plan.HELD:
            held += at_risk
        elif row["plan"] == Plan.CHANGE and row["released"]:
            released += at_risk
    return Totals(users, cannot, held, released)


def count_filters(run: FilterRun) -> int:
    """Count the filters that the run will write."""
    return FilterRunChange.objects.filter(item__run=run, item__plan=Plan.CHANGE).count()


def items_of(run: FilterRun, tab: str, *, group: HeldGroup | None = None, search: str = "") -> ItemQuerySet:
    """Return the items of a plan or part ('' for all) that match the search; of held users, only those of `group`."""
    found: ItemQuerySet = run.items.all()
    if tab == Plan.HELD and group is not None:
        found = held_groups.members(run, group)
    elif tab in Plan.values:
        found = found.filter(plan=tab)
    elif tab:
        found = parts.members(run, Part(tab))
    return found.filter(user__in=matrix.matching_users(UserCriteria(search=search))) if search else found


def page(run: FilterRun, items: ItemQuerySet, *, by_meeting: bool, after: int | None = None) -> PreviewPage:
    """Return the first page of these items of `run`, or the page after the position `after`.

    Items are ordered as in the list, or with `by_meeting` by their next meeting, unknown ones last. Every item keeps
    its position, so the next page can be found even after the last user of this one has left the tab.
    """
    following = items
    if after is not None:
        following = items.filter(_after_by_meeting(run, after) if by_meeting else Q(position__gt=after))
    order = [F("next_meeting_at").asc(nulls_last=True)] if by_meeting else []
    following = following.order_by(*order, "position")
    found = list(following.select_related("user").prefetch_related("changes", "meetings_at_risk")[: PAGE_SIZE + 1])
    total = items.count()
    first = 1 if after is None else total - following.count() + 1
    next_after = found[PAGE_SIZE - 1].position if len(found) > PAGE_SIZE else None
    return PreviewPage(found[:PAGE_SIZE], total, first, next_after)


def _after_by_meeting(run: FilterRun, position: int) -> Q:
    start = run.items.filter(position=position).values_list("next_meeting_at", flat=True).first()
    later, is_unknown = Q(position__gt=position), Q(next_meeting_at__isnull=True)
    if start is None:
        return is_unknown & later
    return Q(next_meeting_at__gt=start) | (Q(next_meeting_at=start) & later) | is_unknown
