"""What a frozen list says of one user, and the row that it becomes."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from syncapp.models import FilterRun, FilterRunItem, FilterUser
from syncapp.models.durable_work import WorkState
from syncapp.models.filter_run import NEVER, Outcome, Plan


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan for one user before anything was counted; `outcome` where he has come to his end already."""

    plan: Plan
    outcome: Outcome = Outcome.OPEN
    why: str = ""
    needs_count: bool = False

    def item(self, run: FilterRun, place: int, user: FilterUser) -> FilterRunItem:
        """The row, not saved yet; due for nobody before the run starts."""
        is_settled = self.plan not in (Plan.CHANGE, Plan.HELD)
        return FilterRunItem(
            run=run,
            position=place,
            user=user,
            plan=self.plan,
            outcome=self.outcome,
            why=self.why,
            needs_count=self.needs_count,
            due_at=NEVER,
            state=WorkState.DONE if is_settled else WorkState.READY,
            settled_at=timezone.now() if is_settled else None,
        )
