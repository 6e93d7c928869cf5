"""The place where a run is frozen: a selection and a wanted end state become one item for each user.

Nothing is switched here. What the list says was read before; every write carries the version that it saw.
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

MOST_USERS = 50_000
_FROZEN_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run shall bring about: the filters of these tables all on, or all off; or this mailbox method."""

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


def freeze_run(user_ids: Sequence[UUID], wish: Wish, *, by: Person, channel: str = "screen") -> FilterRun:
    """Freeze these users and this end state into a new run, in the order given. Raises NotPossible.

    A long list is only asked for here: the run is "being prepared" until workers have made it.
    """
    if not user_ids:
        raise NotPossible("Nobody is selected.")
    if not wish.tables and wish.method is None:
        raise NotPossible("No table is selected.")
    if len(user_ids) > MOST_USERS:
        raise NotPossible(f"At most {number(MOST_USERS)} users can be switched in one run.")
    chosen = list(dict.fromkeys(user_ids))
    with transaction.atomic():
        run = _run(wish, by, users=len(chosen))
        preparation.begin(run, chosen, channel=channel)
    return run


def _run(wish: Wish, by: Person, *, users: int) -> FilterRun:
    return numbered(
        tables=list(wish.tables) if wish.method is None else [],
        wanted_on=wish.on,
        operation=RunOperation.FILTERS if wish.method is None else RunOperation.METHOD,
        wanted_method=wish.method,
        stop_above_percent=wish.stop_above_percent,
        retries=wish.retries,
        policy=wish.policy,
        confirmed_by=wish.policy.confirmed_by if wish.policy else None,
        users=users,
        words=wish.words[:300],
        reason=wish.reason[:500],
        change_number=wish.change_number[:60],
        pilot=wish.pilot,
        starts_at=wish.starts_at,
        person=by,
        keeps_deletes_apart=access.ground().keeps_deletes_apart,
    )


def numbered(**columns: Any) -> FilterRun:
    """A new run under the next free number, whoever freezes another one at the same moment. Raises NotPossible.

    Both want the same number; the second waits at the unique constraint for the first, then takes the next. A
    sequence of the database would leave gaps, and a run that is spoken of by its number would seem to be missing.
    """
    for _ in range(_FROZEN_AT_ONCE):
        number = _next_number()
        try:
            with transaction.atomic():
                return FilterRun.objects.create(number=number, **columns)
        except IntegrityError:
            if not FilterRun.objects.filter(number=number).exists():
                raise
    raise NotPossible("Many runs are being made at this moment. Try again.")


def _next_number() -> int:
    return int(FilterRun.objects.aggregate(most=Max("number"))["most"] or 0) + 1
