"""The health of the whole portal, for /healthz and `manage.py watch`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import Error, connection

from syncapp.checks import installation
from syncapp.health import clocks, kinds, probes
from syncapp.health.observations import Observations, count_unreadable_rows
from syncapp.health.troubles import Trouble, troubles
from syncapp.models import Breaker


@dataclass(frozen=True, slots=True)
class Health:
    """The state of every part. Ages are in seconds; None if the event never happened."""

    database: bool
    broker: bool
    troubles: tuple[Trouble, ...]
    worker_age: float | None = None
    pull_age: float | None = None
    oldest_due_age: float | None = None
    overdue: tuple[str, ...] = ()
    open_breakers: tuple[Breaker, ...] = ()
    unreadable_rows: int = 0
    clocks: Mapping[str, float] = field(default_factory=dict)  # role ─▶ seconds ahead of the database's clock

    @property
    def is_ready(self) -> bool:
        """Return whether this instance can serve people."""
        return not any(trouble.kind.blocks_pages for trouble in self.troubles)

    @property
    def is_healthy(self) -> bool:
        """Return whether everything works; a part that a person stopped on purpose counts as working."""
        return not self.failing

    @property
    def failing(self) -> list[str]:
        """Return the codes of the troubles that are failures, with "oldest_due" for any kind of overdue jobs."""
        codes = [
            "oldest_due" if trouble.kind is kinds.OVERDUE else trouble.code
            for trouble in self.troubles
            if trouble.kind.is_failure
        ]
        return list(dict.fromkeys(codes))


def check_health(*, role: str = "") -> Health:
    """Check every part; takes at most about four seconds, even if Redis and the database are silent. Never raises.

    With `role`, one of the roles in `clocks`, measure this process's own clock first.
    """
    observed = Observations(always_ping_redis=True)
    broker = observed.redis_answers
    if not probes.DATABASE.answers():
        return _without_database(broker=broker)
    try:
        if missing := installation.missing_migrations():
            sentence = f"The database lacks migrations of this version: {missing[0]} is the first of {len(missing)}."
            return Health(database=True, broker=broker, troubles=(Trouble(kinds.MIGRATIONS, sentence),))
        if role:
            clocks.measure(role)
        lacks_static_files = role == clocks.WEB and installation.static_files_missing_at_start()
        instance_troubles = (Trouble(kinds.STATIC_FILES),) if lacks_static_files else ()
        return Health(
            database=True,
            broker=broker,
            troubles=(*instance_troubles, *troubles(observed)),
            worker_age=observed.age(observed.heartbeats.worker_answered_at),
            pull_age=observed.age(observed.pulled_at),
            oldest_due_age=max(observed.due_ages.values(), default=None),
            overdue=tuple(late.job_type.name for late in observed.overdue_jobs),
            open_breakers=tuple(observed.open_breakers),
            unreadable_rows=count_unreadable_rows(),
            clocks=clocks.largest_differences(),
        )
    except Error:
        connection.close()
        return _without_database(broker=broker)


def _without_database(*, broker: bool) -> Health:
    return Health(database=False, broker=broker, troubles=(Trouble(kinds.DATABASE),))
