"""Troubles of this moment: one function looks for each, and causes leave out their symptoms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncapp.checks import installation
from syncapp.crm.errors import TokenUnavailable
from syncapp.health import clocks, kinds
from syncapp.health.kinds import Kind
from syncapp.health.observations import SILENT_SECONDS, Look, stalled_after, unreadable_rows, unreadable_since
from syncapp.models import Breaker, MirrorCursor


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble that was found. `sentence` names it where the kind's title says too little.

    `detail` is for administrators' eyes only.
    `instance` tells several of one kind apart, such as two kinds of jobs that are behind.
    """

    kind: Kind
    sentence: str = ""
    instance: str = ""
    since: datetime | None = None
    by: str = ""
    detail: str = ""

    @property
    def code(self) -> str:
        """Return what alerts and monitors know it by."""
        return f"{self.kind.code}-{self.instance}" if self.instance else str(self.kind.code)

    @property
    def text(self) -> str:
        """Return the sentence that names it."""
        return self.sentence or self.kind.title


def troubles(look: Look | None = None) -> list[Trouble]:
    """Return what the banner says, the gravest first."""
    look = look or Look()
    return _without_symptoms([trouble for find in _FINDERS for trouble in find(look)])


def _without_symptoms(found: Sequence[Trouble]) -> list[Trouble]:
    hidden = frozenset[str]().union(*(trouble.kind.hides for trouble in found))
    return [trouble for trouble in found if not hidden.intersection((trouble.kind.code, trouble.code))]


def _migrations(look: Look) -> Iterator[Trouble]:
    if installation.lacks_migrations():
        yield Trouble(kinds.MIGRATIONS)


def _redis(look: Look) -> Iterator[Trouble]:
    # The last message that went through it is the last proof that it was there.
    if not look.redis_answers:
        yield Trouble(kinds.REDIS, since=look.pulses.worker_answered_at)


def _beat(look: Look) -> Iterator[Trouble]:
    # Before its first pulse (a new installation, an upgrade) nothing is known of it.
    if look.pulses.beat_at is not None and look.is_older(look.pulses.beat_at, SILENT_SECONDS):
        yield Trouble(kinds.BEAT, since=look.pulses.beat_at)


def _worker(look: Look) -> Iterator[Trouble]:
    answered, asked_since = look.pulses.worker_answered_at, look.pulses.published_since
    # Where nobody could ask, because the portal or Redis had stopped, silence counts from the first message since.
    heard = max((moment for moment in (answered, asked_since) if moment), default=None)
    if look.is_older(heard, SILENT_SECONDS):
        yield Trouble(kinds.WORKER, since=heard)


def _gates(look: Look) -> Iterator[Trouble]:
    for breaker in look.open_breakers:
        by = breaker.opened_by.name if breaker.opened_by else ""
        yield Trouble(_kind_of(breaker), since=breaker.opened_at, by=by, detail=breaker.reason)


def _kind_of(breaker: Breaker) -> Kind:
    # No token is no fault of the CRM, although it is what then cannot be reached.
    is_token = breaker.name == Breaker.Name.CRM_UNREACHABLE and breaker.reason == TokenUnavailable.__name__
    return kinds.TOKENS if is_token else kinds.of_breaker(breaker.name)


def _pull(look: Look) -> Iterator[Trouble]:
    heard = max((moment for moment in (look.pulled_at, look.pulses.published_since) if moment), default=None)
    why = next((cursor.trouble for cursor in look.cursors if cursor.trouble), "")
    if look.pulled_at is not None and not look.is_older(heard, stalled_after()):
        return
    if why:
        yield Trouble(kinds.PULL, f"{kinds.PULL.title.removesuffix('.')}: {why}", since=look.pulled_at)
    elif _is_under_way(look.cursors, look):
        yield Trouble(kinds.READING if look.pulled_at else kinds.FIRST_READING)
    elif look.pulled_at is None:
        yield Trouble(kinds.PULL, "The CRM has not been read yet.")
    else:
        yield Trouble(kinds.PULL, since=look.pulled_at)


def _is_under_way(cursors: Iterable[MirrorCursor], look: Look) -> bool:
    """Return whether a full read that is not at its end goes on."""
    read_at = max((each.moved_at for each in cursors if each.is_full_read and each.moved_at), default=None)
    return read_at is not None and not look.is_older(read_at, stalled_after())


def _read_only(look: Look) -> Iterator[Trouble]:
    if look.connection is not None and not look.connection.review_writes:
        yield Trouble(kinds.READ_ONLY, since=look.connection.first_contact_at)


def _overdue(look: Look) -> Iterator[Trouble]:
    for late in look.overdue_jobs:
        minutes = max(1, int(late.age // 60))
        yield Trouble(
            kinds.OVERDUE,
            f"{late.job_type.title} is behind: the oldest job has been due for {minutes} min.",
            instance=late.job_type.name,
            since=look.at - timedelta(seconds=late.age - late.job_type.overdue_after),
        )


def _clocks(look: Look) -> Iterator[Trouble]:
    """Find the clock that is furthest from the database's, if it is too far."""
    for clock in clocks.wrong()[:1]:
        sentence = f"The clock of {clock.get_role_display()} is {clock.difference}."
        yield Trouble(kinds.CLOCKS, sentence, detail=clock.host)


# In the order of KINDS; another trouble is one more function here.
_FINDERS: tuple[Callable[[Look], Iterable[Trouble]], ...] = (
    _migrations,
    _redis,
    _beat,
    _worker,
    _gates,
    _pull,
    _read_only,
    _overdue,
    _clocks,
)


def unreadable_trouble() -> Trouble | None:
    """Return the operators' alert; a banner would show it to people who can do nothing about it."""
    found = unreadable_rows()
    if not found:
        return None
    rows = "1 row of the CRM cannot be read." if found == 1 else f"{found:,} rows of the CRM cannot be read."
    return Trouble(kinds.UNREADABLE, rows, since=unreadable_since())
