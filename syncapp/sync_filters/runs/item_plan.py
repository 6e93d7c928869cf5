"""The plan for one user of a run, and the item that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from syncapp.models import FilterRun
from syncapp.models.jobs.job import JobState
from syncapp.models.sync_filters.run import NEVER, Outcome, Plan


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """The plan for one user before meetings are counted; `outcome` is set if there is nothing to do."""

    plan: Plan
    outcome: Outcome = Outcome.OPEN
    why: str = ""
    needs_count: bool = False

    def columns(self, run: FilterRun, position: int, user_id: UUID) -> dict[str, Any]:
        """Return the item's columns; an item with work is not due before the run starts."""
        now, is_finished = timezone.now(), self.plan not in (Plan.CHANGE, Plan.HELD)
        return {
            "run_id": run.pk,
            "position": position,
            "user_id": user_id,
            "plan": self.plan.value,
            "outcome": self.outcome.value,
            "why": self.why,
            "needs_count": self.needs_count,
            "due_at": NEVER,
            "state": (JobState.DONE if is_finished else JobState.READY).value,
            "finished_at": now if is_finished else None,
            "created_at": now,
        }
