"""Circuit breakers: what trips and resets them, and what they stop while open."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from syncapp.crm.errors import CredentialsRefused, Forbidden, Rejected, Throttled, Unreachable
from syncapp.crm.rate_limit.limiter import RATE_LIMITED
from syncapp.jobs import breakers
from syncapp.models import AuditEntry, Breaker
from tests.support.people import ada

pytestmark = pytest.mark.django_db

NAMES = breakers.WRITE_BREAKERS


def make_probes_due(seconds: float = 3600) -> None:
    Breaker.objects.exclude(next_probe_at=None).update(next_probe_at=F("next_probe_at") - timedelta(seconds=seconds))


def test_breaker_without_row_is_closed():
    assert breakers.all_open() == []
    assert breakers.all_closed(NAMES)


def test_closed_breaker_allows_jobs_and_dispatch():
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="expired", probe_in=300)
    breakers.reset(Breaker.Name.CRM_CREDENTIALS)

    assert breakers.try_acquire(NAMES) == breakers.Permit()
    assert breakers.allows_dispatch(NAMES)
    assert breakers.all_closed(NAMES)


def test_open_breaker_stops_jobs_and_dispatch():
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="expired", probe_in=300)

    assert breakers.try_acquire(NAMES) is None
    assert not breakers.allows_dispatch(NAMES)
    assert not breakers.all_closed(NAMES)


def test_half_open_breaker_allows_one_probe():
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="expired", probe_in=300)
    make_probes_due()

    assert breakers.allows_dispatch(NAMES), "one of the dispatched jobs wins the probe"
    assert breakers.try_acquire(NAMES) == breakers.Permit(probes=(Breaker.Name.CRM_CREDENTIALS,))
    assert breakers.try_acquire(NAMES) is None
    assert not breakers.all_closed(NAMES)


def test_open_breaker_stops_only_its_jobs():
    breakers.trip(Breaker.Name.FORBIDDEN_REVIEW, reason="no right", probe_in=300)

    assert breakers.try_acquire(NAMES) is not None
    assert breakers.allows_dispatch(NAMES)
    assert breakers.all_closed(NAMES)


def test_successful_probe_closes_breaker():
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="expired", probe_in=300)
    make_probes_due()

    breakers.record_success(breakers.try_acquire(NAMES))

    assert breakers.all_open() == []


def test_one_probe_closes_several_breakers():
    breakers.record_failure(Throttled("slow down", retry_after=7), forbidden_breaker="")
    breakers.record_failure(CredentialsRefused("expired"), forbidden_breaker="")
    make_probes_due(8)
    assert breakers.try_acquire(NAMES) is None, "the probe of the credentials breaker is not due yet"

    make_probes_due()
    breakers.record_success(breakers.try_acquire(NAMES))

    assert breakers.all_open() == []


@pytest.mark.parametrize("besides", [[], [Breaker.Name.CRM_CREDENTIALS]], ids=["alone", "beside another"])
def test_operator_stop_is_never_probed(besides):
    for name in besides:
        breakers.trip(name, reason="expired", probe_in=1)
    breakers.trip(Breaker.Name.OPERATOR_STOP, reason="Migration", probe_in=None, by=ada())
    make_probes_due()

    assert breakers.try_acquire(NAMES) is None
    breakers.record_success()
    assert [breaker.name for breaker in breakers.all_open()] == [Breaker.Name.OPERATOR_STOP]


def test_refused_credentials_trip_breaker_at_once():
    assert breakers.record_failure(CredentialsRefused("expired"), forbidden_breaker=Breaker.Name.FORBIDDEN_REVIEW)

    assert breakers.all_open()[0].name == Breaker.Name.CRM_CREDENTIALS


def test_forbidden_answer_trips_breaker_of_operation():
    breakers.record_failure(Forbidden("no right"), forbidden_breaker=Breaker.Name.FORBIDDEN_REVIEW)

    assert breakers.all_open()[0].name == Breaker.Name.FORBIDDEN_REVIEW


def refusal(message: str, *, status: int = 400) -> Rejected:
    return Rejected(message, status=status, code="0x80060888", asked="GET osync_syncfields")


def test_refusal_opens_breaker_of_operation():
    spared = breakers.record_failure(
        refusal("Could not find a property"), forbidden_breaker="", refused_breaker=Breaker.Name.REFUSED_READ
    )

    breaker = breakers.all_open()[0]
    assert (spared, breaker.name, breaker.reason) == (True, Breaker.Name.REFUSED_READ, "Could not find a property")
    assert breaker.asked == "GET osync_syncfields, answered 400 (0x80060888)"


def test_refused_value_opens_no_breaker():
    assert not breakers.record_failure(refusal("too long"), forbidden_breaker=Breaker.Name.FORBIDDEN_REVIEW)

    assert breakers.all_open() == []


def test_refused_probe_waits_again_and_updates_reason(settings):
    breakers.record_refusal(Breaker.Name.REFUSED_READ, refusal("no such table"))
    make_probes_due()
    assert breakers.try_acquire((Breaker.Name.REFUSED_READ,)) is not None

    breakers.record_refusal(Breaker.Name.REFUSED_READ, refusal("no such column", status=404))
    make_probes_due(settings.PROBE_SECONDS * breakers.SLOW_PROBES - 20)

    assert breakers.try_acquire((Breaker.Name.REFUSED_READ,)) is None
    breaker = breakers.all_open()[0]
    assert (breaker.reason, breaker.asked) == ("no such column", "GET osync_syncfields, answered 404 (0x80060888)")


def test_requested_retry_makes_only_refusal_probes_due():
    breakers.record_refusal(Breaker.Name.REFUSED_READ, refusal("no such table"))
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="expired", probe_in=300)

    breakers.make_probes_due()

    assert breakers.try_acquire((Breaker.Name.REFUSED_READ,)) is not None
    assert breakers.try_acquire((Breaker.Name.CRM_CREDENTIALS,)) is None


def test_three_timeouts_in_a_row_trip_breaker():
    silent = Unreachable("no answer")
    outcomes = [breakers.record_failure(silent, forbidden_breaker="") for _ in range(2)]
    breakers.record_success()
    outcomes += [breakers.record_failure(silent, forbidden_breaker="") for _ in range(3)]

    assert outcomes == [False, False, False, False, True]


def test_throttling_breaker_is_probed_after_pause():
    breakers.record_failure(Throttled("slow down", retry_after=7), forbidden_breaker="")
    assert breakers.try_acquire(NAMES) is None

    make_probes_due(8)

    assert breakers.try_acquire(NAMES) is not None


def test_own_rate_limit_trips_no_breaker():
    rate_limited = Throttled("no slot", code=RATE_LIMITED, retry_after=7)

    assert breakers.record_failure(rate_limited, forbidden_breaker=""), "it costs no attempt"

    assert breakers.try_acquire(NAMES) is not None


def test_trip_and_reset_are_audited_once():
    for _ in range(2):
        breakers.trip(Breaker.Name.OPERATOR_STOP, reason="Migration", probe_in=None, by=ada())
    breakers.reset(Breaker.Name.OPERATOR_STOP, by=ada())

    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == ["gate.closed", "gate.opened"]
