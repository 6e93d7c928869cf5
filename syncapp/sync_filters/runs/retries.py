"""Trying again: the users of one result in a new frozen list with the same end state, linked to their run."""

from __future__ import annotations

from syncapp.models import FilterRun, Person
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import freezing
from syncapp.sync_filters.runs.freezing import Wish

# Where a new list may come to another end: everything but what is as wanted.
RETRYABLE = tuple(each for each in Outcome if each not in (Outcome.OPEN, Outcome.DONE, Outcome.ALREADY))


def retry(run: FilterRun, outcome: Outcome, *, by: Person) -> FilterRun:
    """Freeze the users that ended so anew; who is held back is held back again. Raises NotPossible."""
    if run.undoes_id is not None:
        raise NotPossible("This run is an undo. Undo the run itself again for those who are left.")
    if outcome not in RETRYABLE:
        raise NotPossible(f"“{outcome.label}” is nothing to be tried again.")
    users = run.items.filter(outcome=outcome).order_by("position").values_list("user", flat=True)
    words = f"{outcome.label} in run {run.number}"
    return freezing.freeze_run(list(users), _wish(run, words), by=by)


def _wish(run: FilterRun, words: str) -> Wish:
    return Wish(
        tables=tuple(run.tables),
        on=run.wanted_on,
        method=run.wanted_method if run.moves_mailboxes else None,
        words=words,
        reason=run.reason,
        change_number=run.change_number,
        stop_above_percent=run.stop_above_percent,
        retries=run,
    )
