"""Retries for the users with one outcome: a new run with the same desired state, linked to the first one."""

from __future__ import annotations

from syncapp.models import FilterRun, Person
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import creation
from syncapp.sync_filters.runs.creation import RunSpec

# Outcomes that a new run can change.
RETRYABLE = tuple(each for each in Outcome if each not in (Outcome.OPEN, Outcome.DONE, Outcome.ALREADY))


def retry(run: FilterRun, outcome: Outcome, *, by: Person) -> FilterRun:
    """Create a run for the users with this outcome; users held back before are held back again. Raises NotPossible."""
    if run.undoes_id is not None:
        raise NotPossible("This run is an undo. To restore the remaining users, undo the original run again.")
    if outcome not in RETRYABLE:
        raise NotPossible(f"Users with the result “{outcome.label}” need no retry.")
    users = run.items.filter(outcome=outcome).order_by("position").values_list("user", flat=True)
    spec = RunSpec(
        tables=tuple(run.tables),
        on=run.wanted_on,
        method=run.wanted_method if run.sets_mailbox_method else None,
        words=f"{outcome.label} in run {run.number}",
        reason=run.reason,
        change_number=run.change_number,
        stop_above_percent=run.stop_above_percent,
        retries=run,
    )
    return creation.create_run(list(users), spec, by=by)
