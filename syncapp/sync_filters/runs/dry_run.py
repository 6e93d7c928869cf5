"""Dry runs: the plans that a run would make, without storing anything or asking the CRM.

The plans are those of a real list (items.plan_user), but future meetings are not counted, so a user whose meetings a
real run would count is counted in `may_be_held`.
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
from syncapp.sync_filters.runs.creation import RunSpec
from syncapp.sync_filters.runs.item_plan import ItemPlan

_CHUNK = 250
ReportProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class DryRunSummary:
    """Counts of users. `may_be_held`: those among the users to change whose meetings a real run would count first."""

    users: int
    by_plan: dict[str, int]
    by_reason: dict[str, int]
    may_be_held: int


def plan_users(
    user_ids: Sequence[UUID], spec: RunSpec, *, report_progress: ReportProgress | None = None
) -> Iterator[tuple[UUID, ItemPlan]]:
    """Yield the plan for each of these users; application users are left out."""
    keeps_apart = access.capabilities().keeps_deletes_apart
    run = FilterRun(tables=list(spec.tables), wanted_on=spec.on, keeps_deletes_apart=keeps_apart)
    for start in range(0, len(user_ids), _CHUNK):
        ids = user_ids[start : start + _CHUNK]
        users = items.load_people(ids)
        states = items.states_of(items.filters_of(users, run.tables))
        for user_id in ids:
            if user_id in users:
                yield user_id, items.plan_user(users[user_id], states[user_id], run)
        if report_progress:
            report_progress(min(start + _CHUNK, len(user_ids)))


def summarize(
    user_ids: Sequence[UUID], spec: RunSpec, *, report_progress: ReportProgress | None = None
) -> DryRunSummary:
    """Count these users by plan."""
    plans = [plan for _, plan in plan_users(user_ids, spec, report_progress=report_progress)]
    by_plan = Counter(each.plan.value for each in plans)
    return DryRunSummary(
        users=len(plans),
        # Only people leave users out.
        by_plan={plan.value: by_plan[plan.value] for plan in Plan if plan != Plan.LEFT_OUT},
        by_reason=dict(Counter(each.why for each in plans if each.plan == Plan.CANNOT)),
        may_be_held=sum(each.needs_count for each in plans),
    )
