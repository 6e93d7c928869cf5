"""The whole state of the portal, for /healthz and `manage.py watch`: ready or not, well or not, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import Error, connection

from syncapp.checks import installation
from syncapp.health import clocks, kinds, probes
from syncapp.health.observations import Look, unreadable_rows
from syncapp.health.troubles import Trouble, troubles
from syncapp.models import Breaker


@dataclass(frozen=True, slots=True)
class Health:
    """The state of every part; ages in seconds, None where it never happened."""

    database: bool
    broker: bool
    troubles: tuple[Trouble, ...]
    worker_age: float | None = None
    pull_age: float | None = None
    oldest_due_age: float | None = None
    overdue: tuple[str, ...] = ()
    open_breakers: tuple[Breaker, ...] = ()
    unreadable_rows: int = 0
    clocks: Mapping[str, float] = field(default_factory=dict)  # seconds ahead of the database's, by the role

    @property
    def ready(self) -> bool:
        """Return whether this instance can serve people."""
        return not [trouble for trouble in self.troubles if trouble.kind.stops_pages]

    @property
    def well(self) -> bool:
        """Return whether everything works. What a person stopped on purpose is no illness."""
        return not self.ill

    @property
    def ill(self) -> list[str]:
        """Return the codes of what is wrong, and "oldest_due" where a kind of jobs is behind."""
        codes = [
            "oldest_due" if trouble.kind is kinds.OVERDUE else trouble.code
            for trouble in self.troubles
            if trouble.kind.is_illness
        ]
        return list(dict.fromkeys(codes))


def examine(*, role: str = "") -> Health:
    """Look at every part. Never raises; takes about four seconds at most, when Redis and the database are silent.

    With a role of `clocks` this process's own clock is measured first.
    """
    look = Look(asks_redis=True)
    broker = look.redis_answers
    if not probes.DATABASE.answers():
        return _without_database(broker=broker)
    try:
        if missing := installation.missing_migrations():
            sentence = f"The database lacks migrations of this version: {missing[0]} is the first of {len(missing)}."
            return Health(database=True, broker=broker, troubles=(Trouble(kinds.MIGRATIONS, sentence),))
        if role:
            clocks.note(role)
        return Health(
            database=True,
            broker=broker,
            troubles=(*_of_this_instance(role), *troubles(look)),
            worker_age=look.age(look.pulses.worker_answered_at),
            pull_age=look.age(look.pulled_at),
            oldest_due_age=max(look.due_ages.values(), default=None),
            overdue=tuple(late.job_type.name for late in look.overdue_jobs),
            open_breakers=tuple(look.open_breakers),
            unreadable_rows=unreadable_rows(),
            clocks=clocks.differences(),
        )
    except Error:
        connection.close()
        return _without_database(broker=broker)


def _of_this_instance(role: str) -> tuple[Trouble, ...]:
    has_pages_without_files = role == clocks.WEB and installation.static_files_at_start()
    return (Trouble(kinds.STATIC_FILES),) if has_pages_without_files else ()


def _without_database(*, broker: bool) -> Health:
    return Health(database=False, broker=broker, troubles=(Trouble(kinds.DATABASE),))
