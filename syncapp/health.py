"""How the portal is doing: what /healthz answers, and the troubles that every page's banner names."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Min, Subquery
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from syncapp import clocks, gates
from syncapp.jobs import runner
from syncapp.jobs.runner import JobType
from syncapp.mirror import changes
from syncapp.models import Connection, Gate, MirrorCursor, Pulse, UnreadableRow

BROKER_SECONDS = 0.8
SILENT_SECONDS = 45.0  # the canary is asked every 10 seconds


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that everybody should know now. `detail` is for administrators' eyes only."""

    code: str
    text: str
    since: datetime | None = None
    by: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """The state of every part; ages in seconds, None where it never happened."""

    database: bool
    broker: bool
    worker_age: float | None
    pull_age: float | None
    oldest_due_age: float | None
    overdue: tuple[str, ...]
    closed_gates: tuple[Gate, ...]
    unreadable_rows: int = 0
    clocks: Mapping[str, float] = field(default_factory=dict)  # seconds ahead of the database's, by the role

    @property
    def well(self) -> bool:
        """Whether everything works. What a person stopped on purpose is no illness."""
        return self.database and self.broker and not (self.ill_parts or self._broken_gates)

    @property
    def ill_parts(self) -> list[str]:
        """Return which ages and differences exceed their limits; the age of due jobs has a limit for each kind."""
        ages = {"worker": (self.worker_age, SILENT_SECONDS), "pull": (self.pull_age, stalled_after())}
        ill = [part for part, (age, limit) in ages.items() if age is None or age > limit]
        ill += ["oldest_due"] if self.overdue else []
        return [*ill, "clocks"] if any(abs(ahead) > clocks.MOST_SECONDS for ahead in self.clocks.values()) else ill

    @property
    def _broken_gates(self) -> list[Gate]:
        return [gate for gate in self.closed_gates if gate.closed_by_id is None]


def stalled_after() -> float:
    """The age in seconds from which the mirror counts as stalled."""
    return float(max(30.0, 6 * settings.PULL_SECONDS))


def examine() -> Health:
    """Look at every part. Never raises; takes about a second at most when the broker is away."""
    broker = broker_answers()
    try:
        ages = due_ages()
        late = tuple(each.job_type.name for each in overdue_jobs(ages))
        oldest = max((age for age in ages.values()), default=None)
        closed = tuple(gates.closed())
        differences = clocks.differences()
        return Health(True, broker, worker_age(), pull_age(), oldest, late, closed, unreadable_rows(), differences)
    except DatabaseError:
        connection.close()
        return Health(False, broker, None, None, None, (), ())


def troubles() -> list[Trouble]:
    """What the banner says, the gravest first."""
    found = [_gate_trouble(gate) for gate in gates.closed()]
    found += [trouble for trouble in (_worker_trouble(), _pull_trouble(), _read_only()) if trouble]
    found += [_overdue_trouble(each) for each in overdue_jobs(due_ages())]
    return found + _clock_troubles()


def worker_age() -> float | None:
    """Seconds since a worker last answered through the broker; None: never."""
    return _age(worker_answered_at())


def worker_answered_at() -> datetime | None:
    """When a worker last answered through the broker."""
    return Pulse.objects.filter(name="worker").values_list("answered_at", flat=True).first()


def pull_age() -> float | None:
    """Seconds since both tables had been read to their end; None: not yet."""
    return _age(pulled_at())


def pulled_at() -> datetime | None:
    """When both tables had last been read to their end."""
    return _pulled_at(_cursors())


def _pulled_at(cursors: Sequence[MirrorCursor]) -> datetime | None:
    dates = [cursor.pulled_at for cursor in cursors if cursor.pulled_at is not None]
    return min(dates) if len(dates) == len((changes.FIELDS, changes.RECORDS)) else None


def _cursors() -> list[MirrorCursor]:
    """Return how far both tables of edits have been read, in one query."""
    return list(MirrorCursor.objects.filter(table__in=[changes.FIELDS, changes.RECORDS]))


@dataclass(frozen=True, slots=True)
class OverdueJobs:
    """A kind of job whose oldest due one is older than it may be; `age` in seconds."""

    job_type: type[JobType]
    age: float


def due_ages() -> dict[str, float]:
    """Return for how many seconds the oldest due job of each kind has waited; in one statement, for every page."""
    # Any table with a row that is always there; before the first tick nothing can be due.
    row = Pulse.objects.filter(name="worker").values(
        **{
            job_type.name: Subquery(job_type.model.objects.due().order_by("due_at").values("due_at")[:1])
            for job_type in runner.job_types()
        }
    )
    dates: Mapping[str, Any] = row.first() or {}
    return {name: _age(due_at) or 0.0 for name, due_at in dates.items() if due_at is not None}


def overdue_jobs(ages: Mapping[str, float]) -> list[OverdueJobs]:
    """Return the kinds whose jobs wait for too long, but for those that a breaker or a person holds back."""
    late = [
        OverdueJobs(job_type, ages[job_type.name])
        for job_type in runner.job_types()
        if ages.get(job_type.name, 0.0) > job_type.overdue_after
    ]
    return [each for each in late if gates.are_open(each.job_type.breakers) and _writes_are_enabled(each.job_type)]


def _writes_are_enabled(job_type: type[JobType]) -> bool:
    return not job_type.needs_writes or Connection.objects.filter(**{job_type.needs_writes: True}).exists()


def _age(moment: datetime | None) -> float | None:
    return None if moment is None else max(0.0, (timezone.now() - moment).total_seconds())


def broker_answers() -> bool:
    """Whether Redis answers a ping within BROKER_SECONDS, name resolution included."""
    answers: list[bool] = []
    attempt = threading.Thread(target=_ping, args=(answers,), name="broker-ping", daemon=True)
    attempt.start()
    attempt.join(BROKER_SECONDS)
    return bool(answers)


def _ping(answers: list[bool]) -> None:
    half = BROKER_SECONDS / 2
    limits: dict[str, Any] = {"socket_timeout": half, "socket_connect_timeout": half}
    try:
        client = redis.Redis.from_url(_redis_address(), retry=Retry(NoBackoff(), 0), **limits)
        with client:
            answers.append(bool(client.ping()))
    except (redis.RedisError, OSError, ValueError):
        return


def _redis_address() -> str:
    # Celery and redis-py have different names for the same kind of address.
    return str(settings.REDIS_URL).replace("redis+socket://", "unix://", 1)


_WAITS: dict[str, str] = {
    Gate.Name.FORBIDDEN_READ: "",
    Gate.Name.FORBIDDEN_FILTERS: "Reviewing is not touched by it.",
    Gate.Name.SMTP: "They are kept and sent later; everything else works.",
}


def _gate_trouble(gate: Gate) -> Trouble:
    by = gate.closed_by.name if gate.closed_by else ""
    text = f"{Gate.Name(gate.name).label}." if gate.name in Gate.Name.values else f"Stopped: {gate.name}."
    wait = _WAITS.get(gate.name, "Decisions are kept and written later.")
    return Trouble(gate.name, f"{text} {wait}".strip(), since=gate.closed_at, by=by, detail=gate.reason)


def _worker_trouble() -> Trouble | None:
    answered = worker_answered_at()
    if answered is not None and (_age(answered) or 0.0) <= SILENT_SECONDS:
        return None
    return Trouble("worker", "No background worker answers. Decisions are kept and written later.", since=answered)


def _pull_trouble() -> Trouble | None:
    cursors = _cursors()
    finished_at = _pulled_at(cursors)
    if finished_at is not None and (_age(finished_at) or 0.0) <= stalled_after():
        return None
    why = next((cursor.trouble for cursor in cursors if cursor.trouble), "")
    if why:
        text = f"The CRM is not being read: {why} Newer edits are missing here."
        return Trouble("pull", text, since=finished_at)
    # The last page of a full read that is not at its end.
    read_at = max((each.moved_at for each in cursors if each.is_full_read and each.moved_at), default=None)
    if read_at is not None and (_age(read_at) or 0.0) <= stalled_after():
        return Trouble("reading", "The CRM is being read from the beginning. Edits appear here as they are read.")
    if finished_at is None:
        return Trouble("pull", "The CRM has not been read yet. Edits appear here after the first reading.")
    return Trouble("pull", "The CRM is not being read at the moment. Newer edits are missing here.", since=finished_at)


def unreadable_rows() -> int:
    """Return how many rows of the CRM could not be read at their last reading."""
    return UnreadableRow.objects.count()


def unreadable_trouble() -> Trouble | None:
    """Return the operators' alert; a banner would show it to people who can do nothing about it."""
    found = unreadable_rows()
    if not found:
        return None
    since = UnreadableRow.objects.aggregate(first=Min("first_seen_at"))["first"]
    rows = "1 row of the CRM cannot be read." if found == 1 else f"{found:,} rows of the CRM cannot be read."
    text = f"{rows} Everything else arrives. Settings, Connection says what is wrong."
    return Trouble("unreadable", text, since=since)


def _overdue_trouble(late: OverdueJobs) -> Trouble:
    minutes = max(1, int(late.age // 60))
    text = f"{late.job_type.title} is behind: the oldest job has been due for {minutes} min."
    since = timezone.now() - timedelta(seconds=late.age - late.job_type.overdue_after)
    return Trouble(f"overdue-{late.job_type.name}", text, since=since)


def _clock_troubles() -> list[Trouble]:
    """Return one trouble for the clock that is furthest from the database's, if it is too far."""
    return [
        Trouble(
            "clocks",
            f"The clock of {clock.get_role_display()} is {clock.difference}, so times here may be wrong. "
            "Let NTP set the clocks of all hosts; Settings, Connection lists them.",
            detail=clock.host,
        )
        for clock in clocks.wrong()[:1]
    ]


def _read_only() -> Trouble | None:
    known = Connection.objects.first()
    if known is None or known.review_writes:
        return None
    text = "Read only: nothing is written to this CRM until an administrator enables it."
    return Trouble("read_only", text, since=known.first_contact_at)
