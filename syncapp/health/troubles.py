"""Current troubles: one finder per trouble; a cause hides its symptoms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncapp.checks import installation
from syncapp.crm.errors import TokenUnavailable
from syncapp.health import clocks, kinds
from syncapp.health.kinds import Kind
from syncapp.health.observations import SILENT_SECONDS, Observations, stalled_after, unreadable_rows, unreadable_since
from syncapp.models import Breaker


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble that was found. `sentence` replaces the kind's title where that says too little.

    `instance` distinguishes several of one kind, such as two job types that are behind. `detail` is for administrators.
    """

    kind: Kind
    sentence: str = ""
    instance: str = ""
    since: datetime | None = None
    by: str = ""
    detail: str = ""

    @property
    def code(self) -> str:
        """Return the stable identifier for alerts and monitors."""
        return f"{self.kind.code}-{self.instance}" if self.instance else str(self.kind.code)

    @property
    def text(self) -> str:
        """Return the sentence that names the trouble."""
        return self.sentence or self.kind.title


def troubles(observed: Observations | None = None) -> list[Trouble]:
    """Return the troubles for the banner, the gravest first, without the symptoms of others."""
    observed = observed or Observations()
    found = [trouble for find in _FINDERS for trouble in find(observed)]
    hidden = frozenset[str]().union(*(trouble.kind.hides for trouble in found))
    return [trouble for trouble in found if not hidden.intersection((trouble.kind.code, trouble.code))]


def _migrations(_: Observations) -> Iterator[Trouble]:
    if installation.lacks_migrations():
        yield Trouble(kinds.MIGRATIONS)


def _redis(observed: Observations) -> Iterator[Trouble]:
    # The worker's last answer came through Redis, so it is the last proof that Redis worked.
    if not observed.redis_answers:
        yield Trouble(kinds.REDIS, since=observed.heartbeats.worker_answered_at)


def _beat(observed: Observations) -> Iterator[Trouble]:
    # Before the first heartbeat (a new installation, an upgrade) the scheduler's state is unknown.
    beat_at = observed.heartbeats.beat_at
    if beat_at is not None and observed.is_older(beat_at, SILENT_SECONDS):
        yield Trouble(kinds.BEAT, since=beat_at)


def _worker(observed: Observations) -> Iterator[Trouble]:
    # While the portal or Redis was down no worker could answer, so silence counts from the first message afterwards.
    moments = (observed.heartbeats.worker_answered_at, observed.heartbeats.published_since)
    silent_since = max(filter(None, moments), default=None)
    if observed.is_older(silent_since, SILENT_SECONDS):
        yield Trouble(kinds.WORKER, since=silent_since)


def _open_breakers(observed: Observations) -> Iterator[Trouble]:
    for breaker in observed.open_breakers:
        by = breaker.opened_by.name if breaker.opened_by else ""
        yield Trouble(_kind_of(breaker), since=breaker.opened_at, by=by, detail=breaker.reason)


def _kind_of(breaker: Breaker) -> Kind:
    # A missing token makes the CRM unreachable, but the fault is the sign-in service's.
    is_token = breaker.name == Breaker.Name.CRM_UNREACHABLE and breaker.reason == TokenUnavailable.__name__
    return kinds.TOKENS if is_token else kinds.of_breaker(breaker.name)


def _pull(observed: Observations) -> Iterator[Trouble]:
    pulled_at = observed.pulled_at
    silent_since = max(filter(None, (pulled_at, observed.heartbeats.published_since)), default=None)
    if pulled_at is not None and not observed.is_older(silent_since, stalled_after()):
        return
    if cause := next((cursor.trouble for cursor in observed.cursors if cursor.trouble), ""):
        yield Trouble(kinds.PULL, f"{kinds.PULL.title.removesuffix('.')}: {cause}", since=pulled_at)
    elif _full_read_progresses(observed):
        yield Trouble(kinds.READING if pulled_at else kinds.FIRST_READING)
    elif pulled_at is None:
        yield Trouble(kinds.PULL, "The CRM has not been read yet.")
    else:
        yield Trouble(kinds.PULL, since=pulled_at)


def _full_read_progresses(observed: Observations) -> bool:
    read_at = max((each.moved_at for each in observed.cursors if each.is_full_read and each.moved_at), default=None)
    return read_at is not None and not observed.is_older(read_at, stalled_after())


def _read_only(observed: Observations) -> Iterator[Trouble]:
    if observed.connection is not None and not observed.connection.review_writes:
        yield Trouble(kinds.READ_ONLY, since=observed.connection.first_contact_at)


def _overdue(observed: Observations) -> Iterator[Trouble]:
    for late in observed.overdue_jobs:
        minutes = max(1, int(late.age // 60))
        yield Trouble(
            kinds.OVERDUE,
            f"{late.job_type.title} is behind: the oldest job has been due for {minutes} min.",
            instance=late.job_type.name,
            since=observed.now - timedelta(seconds=late.age - late.job_type.overdue_after),
        )


def _clocks(_: Observations) -> Iterator[Trouble]:
    """Find the worst of the wrong clocks."""
    for clock in clocks.wrong()[:1]:
        sentence = f"The clock of {clock.get_role_display()} is {clock.difference}."
        yield Trouble(kinds.CLOCKS, sentence, detail=clock.host)


# In the order of KINDS. To find another trouble, add a function.
_FINDERS: tuple[Callable[[Observations], Iterable[Trouble]], ...] = (
    _migrations,
    _redis,
    _beat,
    _worker,
    _open_breakers,
    _pull,
    _read_only,
    _overdue,
    _clocks,
)


def find_unreadable_rows() -> Trouble | None:
    """Return the trouble for the operators' alert; it is not in the banner, since most readers cannot help."""
    found = unreadable_rows()
    if not found:
        return None
    rows = "1 row of the CRM cannot be read." if found == 1 else f"{found:,} rows of the CRM cannot be read."
    return Trouble(kinds.UNREADABLE, rows, since=unreadable_since())
