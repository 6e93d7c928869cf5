"""Circuit breakers, which hold back jobs that would fail anyway, so that no attempts are wasted.

    closed (normal) ──trip──▶ open ──next_probe_at──▶ half-open: one caller may try one job
           ▲                   ▲                          │
           └───────reset───────┼──────── it succeeds ─────┤
                               └──────── it fails ────────┘

A breaker without `next_probe_at` stays open until a person resets it. OPERATOR_STOP is a pause set by a person; it is a
row among the breakers because jobs check both in one query. An operation that the CRM refuses for good (forbidden:…,
refused:…) is retried slowly: after each refused probe the wait begins again, and the breaker keeps the latest answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from syncapp import audit
from syncapp.crm.errors import (
    CredentialsRefused,
    CrmError,
    Forbidden,
    ServerFault,
    Throttled,
    TokenUnavailable,
    Unreachable,
)
from syncapp.crm.rate_limit.limiter import RATE_LIMITED
from syncapp.models import Breaker, Person
from syncapp.models.jobs.job import database_now

CONNECTION_BREAKERS = (Breaker.Name.CRM_CREDENTIALS, Breaker.Name.CRM_UNREACHABLE, Breaker.Name.CRM_THROTTLED)
# While one of these is open the CRM does not answer us, so pages do not ask it for live values.
SILENT_BREAKERS = (Breaker.Name.CRM_UNREACHABLE, Breaker.Name.CRM_CREDENTIALS, Breaker.Name.WRONG_ORGANIZATION)
WRITE_BREAKERS = (Breaker.Name.OPERATOR_STOP, Breaker.Name.WRONG_ORGANIZATION, *CONNECTION_BREAKERS)
FAILURES_TO_TRIP = 3
# A refusal lasts until a person changes the CRM, so its probes are this many times PROBE_SECONDS apart.
SLOW_PROBES = 10


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to process a job; `probes` names the open breakers that it tests."""

    probes: tuple[str, ...] = ()


def try_acquire(names: Sequence[str]) -> Permit | None:
    """Return a permit to claim a job, or None while one of these breakers is open and its probe is taken or not due.

    If several are open, one probe tests all of them, once the last of them is due.
    """
    tripped = Breaker.objects.filter(name__in=names, opened_at__isnull=False).values_list("name", "next_probe_at")
    probe_times = dict(tripped)
    if not probe_times:
        return Permit()
    if None in probe_times.values():
        return None
    last = max(probe_times, key=lambda name: (probe_times[name], name))
    due = Breaker.objects.filter(name=last, opened_at__isnull=False, next_probe_at__lte=Now())
    takes_probe = due.update(next_probe_at=database_now(plus=settings.PROBE_SECONDS)) == 1
    return Permit(probes=tuple(sorted(probe_times))) if takes_probe else None


def all_closed(names: Sequence[str]) -> bool:
    """Return whether none of these breakers is open, without taking a probe."""
    return not Breaker.objects.filter(name__in=names, opened_at__isnull=False).exists()


def allows_dispatch(names: Sequence[str]) -> bool:
    """Return whether a job may be dispatched: every open breaker is due for its probe. Takes no probe itself."""
    tripped = Breaker.objects.filter(name__in=names, opened_at__isnull=False)
    return not tripped.filter(Q(next_probe_at__isnull=True) | Q(next_probe_at__gt=Now())).exists()


def release(permit: Permit) -> None:
    """Return an unused permit, so that the next probe may start at once."""
    if permit.probes:
        Breaker.objects.filter(name__in=permit.probes, opened_at__isnull=False).update(next_probe_at=Now())


def trip(name: str, *, reason: str, probe_in: float | None, by: Person | None = None, asked: str = "") -> bool:
    """Open a breaker and return whether it was closed.

    The first probe is due in `probe_in` seconds; with None, only a person resets the breaker. `asked` describes the
    request that the CRM refused.
    """
    probe = None if probe_in is None else database_now(plus=probe_in)
    with transaction.atomic():
        Breaker.objects.get_or_create(name=name)
        was_closed = Breaker.objects.filter(name=name, opened_at__isnull=True).update(
            opened_at=Now(), reason=reason[:300], asked=asked[:200], next_probe_at=probe, opened_by=by
        )
        if was_closed:
            channel, why = ("system", "") if by is None else ("settings", reason)
            audit.record("gate.closed", by=by, channel=channel, details={"gate": name}, reason=why)
    return bool(was_closed)


def stop_writes(*, reason: str, by: Person) -> bool:
    """Stop all writes to the CRM until a person resumes them; return False if they were already stopped."""
    return trip(Breaker.Name.OPERATOR_STOP, reason=reason, probe_in=None, by=by)


def resume_writes(*, by: Person) -> bool:
    """Resume writes after `stop_writes`; return False if they were not stopped."""
    return reset(Breaker.Name.OPERATOR_STOP, by=by)


def reset(name: str, *, by: Person | None = None) -> bool:
    """Close a breaker and return whether it was open."""
    with transaction.atomic():
        opened = Breaker.objects.filter(name=name, opened_at__isnull=False).delete()[0] > 0
        if opened:
            audit.record("gate.opened", by=by, channel="system" if by is None else "settings", details={"gate": name})
    return opened


def record_success(permit: Permit | None = None) -> None:
    """Record that the CRM answered: clear the failure count and close the breakers that this permit probed."""
    for name in permit.probes if permit is not None else ():
        reset(name)
    answering = (Breaker.Name.CRM_CREDENTIALS, Breaker.Name.CRM_UNREACHABLE)
    for name in Breaker.objects.filter(name__in=answering).values_list("name", flat=True):
        reset(name)
    Breaker.objects.filter(name=Breaker.Name.CRM_UNREACHABLE, failures__gt=0).update(failures=0)


def record_refusal(name: str, error: CrmError) -> None:
    """Open the breaker of an operation that the CRM refuses; if it is already open, store the latest answer in it."""
    code = f" ({error.code})" if error.code else ""
    answered = f", answered {error.status}{code}" if error.status else ""
    asked = f"{error.asked}{answered}" if error.asked else ""
    seconds = settings.PROBE_SECONDS * SLOW_PROBES
    if not trip(name, reason=error.message, asked=asked, probe_in=seconds):
        latest = {"reason": error.message[:300], "asked": asked[:200], "next_probe_at": database_now(plus=seconds)}
        Breaker.objects.filter(name=name, opened_at__isnull=False).update(**latest)


def make_probes_due() -> None:
    """Let the next job probe each refused operation at once, because a person asked whether it works."""
    refused = Q(name__startswith="refused:") | Q(name__startswith="forbidden:")
    Breaker.objects.filter(refused, opened_at__isnull=False, next_probe_at__gt=Now()).update(next_probe_at=Now())


def record_failure(error: CrmError, *, forbidden_breaker: str, refused_breaker: str = "") -> bool:
    """Open the breaker that `error` calls for, and return whether the connection or the operation is at fault.

    In that case the failure costs the job no attempt. A missing privilege opens `forbidden_breaker`, and any other
    refusal opens `refused_breaker`. Without `refused_breaker`, other refusals are left to the caller, since they may
    concern only one value.
    """
    if isinstance(error, CredentialsRefused):
        trip(Breaker.Name.CRM_CREDENTIALS, reason=str(error), probe_in=settings.PROBE_SECONDS)
        return True
    if isinstance(error, Throttled):
        # Our own rate limiter refused this call; other calls may continue.
        if error.code != RATE_LIMITED:
            pause_crm_calls(error.retry_after or 5.0)
        return True
    if isinstance(error, Forbidden):
        record_refusal(forbidden_breaker, error)
        return True
    if refused_breaker and error.is_refusal:
        record_refusal(refused_breaker, error)
        return True
    if not isinstance(error, Unreachable | ServerFault | TokenUnavailable):
        return False
    name = Breaker.Name.CRM_UNREACHABLE
    Breaker.objects.get_or_create(name=name)
    Breaker.objects.filter(name=name).update(failures=F("failures") + 1)
    if Breaker.objects.filter(name=name, failures__gte=FAILURES_TO_TRIP).exists():
        trip(name, reason=type(error).__name__, probe_in=min(5.0, settings.PROBE_SECONDS))
    return not all_closed([name])


def pause_crm_calls(seconds: float) -> None:
    """Stop all calls to the CRM for `seconds`; a later 429 can only extend the pause."""
    trip(Breaker.Name.CRM_THROTTLED, reason="asked for a pause", probe_in=seconds)
    later = database_now(plus=seconds)
    Breaker.objects.filter(name=Breaker.Name.CRM_THROTTLED, next_probe_at__lt=later).update(next_probe_at=later)


def all_open() -> list[Breaker]:
    """Return every open breaker, for the banner and /healthz."""
    return list(Breaker.objects.filter(opened_at__isnull=False).select_related("opened_by").order_by("opened_at"))
