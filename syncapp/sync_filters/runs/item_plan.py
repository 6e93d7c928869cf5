"""What a frozen list says of one user, and the row that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from syncapp.models import FilterRun
from syncapp.models.jobs.job import JobState
from syncapp.models.sync_filters.run import NEVER, Outcome, Plan


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan for one user before anything was counted; `outcome` where he has come to his end already."""

    plan: Plan
    outcome: Outcome = Outcome.OPEN
    why: str = ""
    needs_count: bool = False

    def row(self, run: FilterRun, place: int, user_id: UUID) -> dict[str, Any]:
        """The columns of the item, not saved yet; due for nobody before the run starts."""
        now, is_settled = timezone.now(), self.plan not in (Plan.CHANGE, Plan.HELD)
        return {
            "run_id": run.pk,
            "position": place,
            "user_id": user_id,
            "plan": self.plan.value,
            "outcome": self.outcome.value,
            "why": self.why,
            "needs_count": self.needs_count,
            "due_at": NEVER,
            "state": (JobState.DONE if is_settled else JobState.READY).value,
            "finished_at": now if is_settled else None,
            "created_at": now,
        }
