"""What a run would do, told without freezing one: nothing is stored and the CRM is not asked.

The guards are those of a real list (listing.plan_for). Only the future meetings are not counted, so whoever a real list
counts stands here as "may be held back".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from syncapp.mirror.filters import access
from syncapp.models import FilterRun
from syncapp.models.sync_filters.run import Plan
from syncapp.sync_filters.runs import items
from syncapp.sync_filters.runs.freezing import Wish
from syncapp.sync_filters.runs.item_plan import Planned

_CHUNK = 250
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class DryPlan:
    """So many users in each class; `may_be_held` of those who will change are counted before a real run starts."""

    users: int
    by_plan: dict[str, int]
    by_reason: dict[str, int]
    may_be_held: int


def look(user_ids: Sequence[UUID], wish: Wish, *, progress: Progress | None = None) -> Iterator[tuple[UUID, Planned]]:
    """What a list frozen now would say of each of these users; who is no person of the CRM is left out."""
    keeps_apart = access.ground().keeps_deletes_apart
    run = FilterRun(tables=list(wish.tables), wanted_on=wish.on, keeps_deletes_apart=keeps_apart)
    for start in range(0, len(user_ids), _CHUNK):
        ids = user_ids[start : start + _CHUNK]
        users = items.people(ids)
        states = items.states_of(items.filters_of(users, run.tables))
        for user_id in ids:
            if user_id in users:
                yield user_id, items.plan_for(users[user_id], states[user_id], run)
        if progress:
            progress(min(start + _CHUNK, len(user_ids)))


def dry_plan(user_ids: Sequence[UUID], wish: Wish, *, progress: Progress | None = None) -> DryPlan:
    """Count the classes in which these users would stand."""
    found = [planned for _, planned in look(user_ids, wish, progress=progress)]
    by_plan = Counter(planned.plan.value for planned in found)
    return DryPlan(
        users=len(found),
        by_plan={plan.value: by_plan[plan.value] for plan in Plan},
        by_reason=dict(Counter(planned.why for planned in found if planned.plan == Plan.CANNOT)),
        may_be_held=sum(planned.needs_count for planned in found),
    )
