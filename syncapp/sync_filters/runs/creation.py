"""Creation of runs: targets and a desired state become a fixed list with one item per user.

Nothing is switched here. The list is made from the mirror; every write carries the version that was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from syncapp.mirror.filters import access
from syncapp.models import FilterPolicy, FilterRun, Person
from syncapp.models.sync_filters.run import RunOperation
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import preparation
from syncapp.text.localization import number

MAX_USERS = 50_000
_NUMBER_ATTEMPTS = 10  # one for each run created at the same moment


@dataclass(frozen=True, slots=True)
class RunSpec:
    """The desired state of a run (filters of these tables on or off, or a mailbox method) and its options.

    `words`: the targets in words.
    """

    tables: tuple[str, ...] = ()
    on: bool = False
    method: int | None = None
    words: str = ""
    reason: str = ""
    change_number: str = ""
    pilot: int = 0
    starts_at: datetime | None = None
    stop_above_percent: int = 5
    retries: FilterRun | None = None
    policy: FilterPolicy | None = None


@transaction.atomic
def create_run(user_ids: Sequence[UUID], spec: RunSpec, *, by: Person, channel: str = "screen") -> FilterRun:
    """Create a run for these users, in the order given. Raises NotPossible.

    A long list is prepared by workers afterwards; until then the run is "preparing".
    """
    if not user_ids:
        raise NotPossible("Select at least one user.")
    if not spec.tables and spec.method is None:
        raise NotPossible("Select at least one table.")
    if len(user_ids) > MAX_USERS:
        raise NotPossible(f"A run can switch at most {number(MAX_USERS)} users.")
    unique_ids = list(dict.fromkeys(user_ids))
    run = create_numbered(
        tables=list(spec.tables) if spec.method is None else [],
        wanted_on=spec.on,
        operation=RunOperation.FILTERS if spec.method is None else RunOperation.METHOD,
        wanted_method=spec.method,
        stop_above_percent=spec.stop_above_percent,
        retries=spec.retries,
        policy=spec.policy,
        confirmed_by=spec.policy.confirmed_by if spec.policy else None,
        users=len(unique_ids),
        words=spec.words[:300],
        reason=spec.reason[:500],
        change_number=spec.change_number[:60],
        pilot=spec.pilot,
        starts_at=spec.starts_at,
        person=by,
        keeps_deletes_apart=access.capabilities().keeps_deletes_apart,
    )
    preparation.prepare(run, unique_ids, channel=channel)
    return run


def create_numbered(**columns: Any) -> FilterRun:
    """Create a run under the next free number, even if another one is created at the same moment.

    Both runs try the same number; the second waits at the unique constraint for the first, then takes the next one. A
    database sequence would leave gaps, which look like missing runs. Raises NotPossible.
    """
    for _ in range(_NUMBER_ATTEMPTS):
        next_number = (FilterRun.objects.aggregate(highest=Max("number"))["highest"] or 0) + 1
        try:
            with transaction.atomic():
                return FilterRun.objects.create(number=next_number, **columns)
        except IntegrityError:
            if not FilterRun.objects.filter(number=next_number).exists():
                raise
    raise NotPossible("Many runs are being created at the moment. Try again.")
