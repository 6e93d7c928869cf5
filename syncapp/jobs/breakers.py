"""Named stop switches: checked when work is claimed, opened by a probe that succeeds or by a person.

A closed gate costs no attempts. Whoever wins the probe may try one piece of work; its success opens the gate.
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
from syncapp.crm.rate_limit.limiter import GOVERNED
from syncapp.models import Gate, Person
from syncapp.models.jobs.job import database_now

CONNECTION_GATES = (Gate.Name.CRM_CREDENTIALS, Gate.Name.CRM_UNREACHABLE, Gate.Name.CRM_THROTTLED)
# While one of these is closed the CRM need not be asked for present values: it does not answer us.
SILENT_GATES = (Gate.Name.CRM_UNREACHABLE, Gate.Name.CRM_CREDENTIALS, Gate.Name.WRONG_ORGANIZATION)
WRITE_GATES = (Gate.Name.OPERATOR_STOP, Gate.Name.WRONG_ORGANIZATION, *CONNECTION_GATES)
FAILURES_TO_CLOSE = 3


@dataclass(frozen=True, slots=True)
class Passage:
    """Leave to work: through open gates, or as the one probe of those that are closed."""

    probes: tuple[str, ...] = ()


def pass_through(names: Sequence[str]) -> Passage | None:
    """Leave to claim work behind these gates, or None while one is closed and its probe is not ours.

    Where several are closed, one probe goes through all of them, as soon as the last of them lets it.
    """
    closed = Gate.objects.filter(name__in=names, closed_at__isnull=False).values_list("name", "next_probe_at")
    probes = dict(closed)
    if not probes:
        return Passage()
    if None in probes.values():
        return None
    last = max(probes, key=lambda name: (probes[name], name))
    return Passage(probes=tuple(sorted(probes))) if _wins_probe(last) else None


def are_open(names: Sequence[str]) -> bool:
    """Whether none of these gates is closed; asks for no probe."""
    return not Gate.objects.filter(name__in=names, closed_at__isnull=False).exists()


def would_let_through(names: Sequence[str]) -> bool:
    """Whether ringing a worker makes sense: no gate is closed, or the probe of all that are is due. Takes no probe."""
    closed = Gate.objects.filter(name__in=names, closed_at__isnull=False)
    return not closed.filter(Q(next_probe_at__isnull=True) | Q(next_probe_at__gt=Now())).exists()


def _wins_probe(name: str) -> bool:
    due = Gate.objects.filter(name=name, closed_at__isnull=False, next_probe_at__lte=Now())
    return due.update(next_probe_at=database_now(plus=settings.PROBE_SECONDS)) == 1


def give_back(passage: Passage) -> None:
    """The probe found nothing to do: let the next one try at once."""
    if passage.probes:
        Gate.objects.filter(name__in=passage.probes, closed_at__isnull=False).update(next_probe_at=Now())


def close(name: str, *, reason: str, probe_in: float | None, by: Person | None = None) -> bool:
    """Close a gate; True for the one caller who did. `probe_in` None: only a person opens it again."""
    probe = None if probe_in is None else database_now(plus=probe_in)
    with transaction.atomic():
        Gate.objects.get_or_create(name=name)
        first = Gate.objects.filter(name=name, closed_at__isnull=True).update(
            closed_at=Now(), reason=reason[:300], next_probe_at=probe, closed_by=by
        )
        if first:
            channel, why = ("system", "") if by is None else ("settings", reason)
            audit.record("gate.closed", by=by, channel=channel, details={"gate": name}, reason=why)
    return bool(first)


def stop_writes(*, reason: str, by: Person) -> bool:
    """Stop all writing to the CRM until a person resumes it; decisions are kept. False: it was stopped already."""
    return close(Gate.Name.OPERATOR_STOP, reason=reason, probe_in=None, by=by)


def resume_writes(*, by: Person) -> bool:
    """Go on writing after `stop_writes`. False: it was not stopped."""
    return reopen(Gate.Name.OPERATOR_STOP, by=by)


def reopen(name: str, *, by: Person | None = None) -> bool:
    """Open a gate; True for the one caller who did."""
    with transaction.atomic():
        opened = Gate.objects.filter(name=name, closed_at__isnull=False).delete()[0] > 0
        if opened:
            audit.record("gate.opened", by=by, channel="system" if by is None else "settings", details={"gate": name})
    return opened


def crm_answered(passage: Passage | None = None) -> None:
    """The CRM answered and let us in: forget counted failures, open the gates that this was the probe of."""
    for name in passage.probes if passage is not None else ():
        reopen(name)
    silent = Q(name=Gate.Name.CRM_CREDENTIALS) | Q(name=Gate.Name.CRM_UNREACHABLE)
    for name in Gate.objects.filter(silent).values_list("name", flat=True):
        reopen(name)
    Gate.objects.filter(name=Gate.Name.CRM_UNREACHABLE, failures__gt=0).update(failures=0)


def crm_failed(error: CrmError, *, forbidden_gate: str) -> bool:
    """Close the gate that `error` calls for; True where the failure is the connection's and costs no attempt."""
    if isinstance(error, CredentialsRefused):
        close(Gate.Name.CRM_CREDENTIALS, reason=str(error), probe_in=settings.PROBE_SECONDS)
        return True
    if isinstance(error, Throttled):
        # Our own limits turn one call away for now; that is no reason to stop the others.
        if error.code != GOVERNED:
            pause(error.retry_after or 5.0)
        return True
    if isinstance(error, Forbidden):
        close(forbidden_gate, reason=str(error), probe_in=settings.PROBE_SECONDS * 10)
        return True
    if isinstance(error, Unreachable | ServerFault | TokenUnavailable):
        return _count_silence(error)
    return False


def pause(seconds: float) -> None:
    """Stop everything that talks to the CRM for `seconds`; a later 429 prolongs it."""
    close(Gate.Name.CRM_THROTTLED, reason="asked for a pause", probe_in=seconds)
    later = database_now(plus=seconds)
    Gate.objects.filter(name=Gate.Name.CRM_THROTTLED, next_probe_at__lt=later).update(next_probe_at=later)


def _count_silence(error: CrmError) -> bool:
    name = Gate.Name.CRM_UNREACHABLE
    Gate.objects.get_or_create(name=name)
    Gate.objects.filter(name=name).update(failures=F("failures") + 1)
    if Gate.objects.filter(name=name, failures__gte=FAILURES_TO_CLOSE).exists():
        close(name, reason=type(error).__name__, probe_in=min(5.0, settings.PROBE_SECONDS))
    return Gate.objects.filter(Q(name=name) & Q(closed_at__isnull=False)).exists()


def closed() -> list[Gate]:
    """Every closed gate, for the banner and /healthz."""
    return list(Gate.objects.filter(closed_at__isnull=False).select_related("closed_by").order_by("closed_at"))
