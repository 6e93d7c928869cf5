"""Gates: who closes them, who may pass, what opens them again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from syncapp.crm.errors import CredentialsRefused, Forbidden, Throttled, Unreachable
from syncapp.crm.rate_limit.limiter import RATE_LIMITED
from syncapp.jobs import breakers
from syncapp.models import AuditEntry, Breaker
from tests.support.people import ada

pytestmark = pytest.mark.django_db

NAMES = breakers.WRITE_BREAKERS


def later(seconds: float = 3600) -> None:
    Breaker.objects.exclude(next_probe_at=None).update(next_probe_at=F("next_probe_at") - timedelta(seconds=seconds))


def test_without_a_row_a_gate_is_open():
    assert breakers.try_acquire(NAMES) is not None


def test_a_closed_gate_lets_nobody_through():
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="expired", probe_in=300)

    assert breakers.try_acquire(NAMES) is None


def test_a_gate_closes_for_its_own_work_only():
    breakers.trip(Breaker.Name.FORBIDDEN_REVIEW, reason="no right", probe_in=300)

    assert breakers.try_acquire(NAMES) is not None


def test_one_alone_wins_the_probe():
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="expired", probe_in=300)
    later()

    assert breakers.try_acquire(NAMES) == breakers.Permit(probes=(Breaker.Name.CRM_CREDENTIALS,))
    assert breakers.try_acquire(NAMES) is None


def test_nobody_is_rung_while_a_gate_would_turn_everybody_away():
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="expired", probe_in=300)
    assert not breakers.allows_dispatch(NAMES)

    later()
    assert breakers.allows_dispatch(NAMES), "one of those that are rung wins the probe"


def test_a_probe_that_succeeds_opens_the_gate():
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="expired", probe_in=300)
    later()

    breakers.record_success(breakers.try_acquire(NAMES))

    assert breakers.all_open() == []


def test_one_probe_opens_all_gates_that_closed_one_after_the_other():
    breakers.record_failure(Throttled("slow down", retry_after=7), forbidden_breaker="")
    breakers.record_failure(CredentialsRefused("expired"), forbidden_breaker="")
    later(8)
    assert breakers.try_acquire(NAMES) is None, "the probe of the credentials' breaker is not due yet"

    later()
    breakers.record_success(breakers.try_acquire(NAMES))

    assert breakers.all_open() == []


@pytest.mark.parametrize("besides", [[], [Breaker.Name.CRM_CREDENTIALS]], ids=["alone", "beside another"])
def test_no_probe_passes_a_gate_that_a_person_closed(besides):
    for name in besides:
        breakers.trip(name, reason="expired", probe_in=1)
    breakers.trip(Breaker.Name.OPERATOR_STOP, reason="Migration", probe_in=None, by=ada())
    later()

    assert breakers.try_acquire(NAMES) is None
    breakers.record_success()
    assert [breaker.name for breaker in breakers.all_open()] == [Breaker.Name.OPERATOR_STOP]


def test_refused_credentials_close_at_once_and_cost_nothing():
    assert breakers.record_failure(CredentialsRefused("expired"), forbidden_breaker=Breaker.Name.FORBIDDEN_REVIEW)

    assert breakers.all_open()[0].name == Breaker.Name.CRM_CREDENTIALS


def test_a_missing_right_closes_its_own_operation():
    breakers.record_failure(Forbidden("no right"), forbidden_breaker=Breaker.Name.FORBIDDEN_REVIEW)

    assert breakers.all_open()[0].name == Breaker.Name.FORBIDDEN_REVIEW


def test_silence_closes_after_three_in_a_row_and_an_answer_in_between_forgets():
    silent = Unreachable("no answer")
    outcomes = [breakers.record_failure(silent, forbidden_breaker="") for _ in range(2)]
    breakers.record_success()
    outcomes += [breakers.record_failure(silent, forbidden_breaker="") for _ in range(3)]

    assert outcomes == [False, False, False, False, True]


def test_a_pause_that_the_crm_asks_for_ends_by_itself():
    breakers.record_failure(Throttled("slow down", retry_after=7), forbidden_breaker="")
    assert breakers.try_acquire(NAMES) is None

    later(8)

    assert breakers.try_acquire(NAMES) is not None


def test_a_call_that_our_own_limits_turn_away_stops_no_other():
    turned_away = Throttled("no slot", code=RATE_LIMITED, retry_after=7)

    assert breakers.record_failure(turned_away, forbidden_breaker=""), "it costs no attempt"

    assert breakers.try_acquire(NAMES) is not None


def test_closing_and_opening_are_in_the_audit_trail_once():
    for _ in range(2):
        breakers.trip(Breaker.Name.OPERATOR_STOP, reason="Migration", probe_in=None, by=ada())
    breakers.reset(Breaker.Name.OPERATOR_STOP, by=ada())

    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == ["gate.closed", "gate.opened"]
