"""Who gets a mail about a run: when it waits for a second person, paused by itself, or ended after a while.

Made in the transaction that moves the run; what it says is read when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from syncapp import messages
from syncapp.models import FilterRun, Person
from syncapp.models.message import MessageKind
from syncapp.models.person import ROLE_COLUMNS, Role

WAITS, PAUSED, DONE = "waits", "paused", "done"
# Of a run over fewer users, which nobody else confirmed and that started at once, its person sees the end on the page.
FEWEST_FOR_A_MAIL = 20
_MOST_ASKED = 20


def waits(run: FilterRun, *, asked: Person | None = None) -> None:
    """Ask one person to confirm, or everybody who may."""
    _tell([asked] if asked else who_may_confirm(run)[:_MOST_ASKED], run, WAITS)


def paused(run: FilterRun) -> None:
    """It stopped itself, or its pilot is done."""
    _tell(_concerned(run), run, PAUSED)


def done(run: FilterRun) -> None:
    """It ended, after long enough that nobody is expected to have waited for it."""
    if run.confirmed_by_id or run.starts_at or run.users >= FEWEST_FOR_A_MAIL:
        _tell(_concerned(run), run, DONE)


def who_may_confirm(run: FilterRun) -> list[Person]:
    """Who could be the second person, by name."""
    roles = Q(**{ROLE_COLUMNS[Role.FILTER_MANAGER]: True}) | Q(**{ROLE_COLUMNS[Role.ADMINISTRATOR]: True})
    return list(Person.objects.filter(roles, is_active=True).exclude(pk=run.person_id).order_by("name")[:100])


def _concerned(run: FilterRun) -> Iterable[Person]:
    return [run.person, *([run.confirmed_by] if run.confirmed_by else [])]


def _tell(readers: Iterable[Person], run: FilterRun, news: str) -> None:
    for person in readers:
        messages.queue(MessageKind.RUN, to=person, details={"run": str(run.pk), "news": news})
