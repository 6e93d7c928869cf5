"""The original rule needs days of observing and a second person, and acts only on later entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from pytest_django import Settings

from syncapp.capture import policy, rule, switching
from syncapp.capture.errors import SwitchRefused
from syncapp.capture.policy import Facts
from syncapp.connection import clients
from syncapp.models import AuditEntry, Capture, Person
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from syncapp.models.person import Role
from tests.capture.switches import is_on, mode, now, observe, recorded
from tests.support.people import ada, make_person

pytestmark = pytest.mark.django_db
ORIGINAL, SIGNED = CaptureRule.ORIGINAL, CaptureRule.SIGNED


@pytest.fixture(autouse=True)
def _observing(settings: Settings) -> None:
    settings.CAPTURE = "audit"
    observe()


def bob() -> Person:
    """Return a second administrator."""
    return make_person("Bob", Role.ADMINISTRATOR)


def present() -> Capture:
    return Capture.objects.get()


def refusal(change: Callable[[], object]) -> str:
    """Return the message with which a change of the rule is refused."""
    with pytest.raises(SwitchRefused) as caught:
        change()
    return caught.value.message


def ask() -> None:
    rule.request_rule(ORIGINAL, by=ada())


def use_original() -> None:
    ask()
    rule.confirm(by=bob())


def decided(**ago: float) -> str:
    """Return why an unsigned change without a revision is not staged, '' if it is."""
    facts = Facts(Source.UNKNOWN, now(**ago), None, frozenset({"fax"}), lacks_revision=True)
    found = policy.decide(facts, policy.load(present()))
    return found[1] if found else ""


def test_second_person_enables_the_original_rule() -> None:
    ask()
    assert (present().rule, present().rule_waits, present().rule_asked_by) == (SIGNED, True, ada())
    assert present().rule_asked_at is not None

    rule.confirm(by=bob())

    assert (present().rule, present().rule_waits, present().rule_confirmed_by) == (ORIGINAL, False, bob())
    assert [(entry.action, entry.actor) for entry in AuditEntry.objects.order_by("pk")] == [
        ("capture.rule_asked", ada()),
        ("capture.rule_confirmed", bob()),
    ]


def test_requester_cannot_confirm_own_request() -> None:
    ask()

    assert "Someone other than" in refusal(lambda: rule.confirm(by=ada()))
    assert (present().rule, recorded()) == (SIGNED, ["capture.rule_asked"])


def test_database_refuses_self_confirmed_rule() -> None:
    ask()

    with pytest.raises(IntegrityError), transaction.atomic():
        Capture.objects.update(rule=ORIGINAL, rule_confirmed_by=F("rule_asked_by"))
    assert Capture.objects.update(rule_confirmed_by=bob()) == 1


@pytest.mark.parametrize(("days", "is_enough"), [(6.9, False), (7.1, True)])
def test_original_rule_needs_seven_days_of_observing(days: float, is_enough: bool) -> None:
    Capture.objects.update(observing_since=now(days=days))

    if is_enough:
        ask()
    else:
        assert refusal(ask) == "The original rule needs 7 days of observing; so far there are 6."
    assert present().rule_waits is is_enough


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"mode": CaptureMode.OFF}, "Capture is off."),
        ({"audited_since": {}}, "Turn on auditing"),
        ({"rule": ORIGINAL}, "already applies"),
        ({"observing_since": None}, "so far there are 0"),
    ],
)
def test_rule_requires_each_precondition(columns: dict[str, Any], said: str) -> None:
    Capture.objects.update(**columns)

    assert said in refusal(ask)
    assert recorded() == []


def test_rule_needs_a_revision_column(settings: Settings) -> None:
    settings.CRM_NAMES = {"contact_revision": ""}
    clients.names.cache_clear()

    assert "Name it in CRM_NAMES." in refusal(ask)


def test_second_request_is_refused() -> None:
    ask()

    assert "already waiting for a second person" in refusal(lambda: rule.request_rule(ORIGINAL, by=bob()))
    assert present().rule_asked_by == ada()


@pytest.mark.parametrize("end", [lambda: rule.withdraw(by=bob()), lambda: rule.request_rule(SIGNED, by=ada())])
def test_ended_request_cannot_be_confirmed(end: Callable[[], None]) -> None:
    ask()
    end()

    assert not present().rule_waits
    assert "Reload" in refusal(lambda: rule.confirm(by=bob()))
    assert "Reload" in refusal(lambda: rule.withdraw(by=bob()))
    assert present().rule == SIGNED


def test_signed_rule_applies_again_at_once() -> None:
    use_original()
    switching.switch_on(Source.OUTLOOK, by=ada(), pilot_team_id=None)
    switching.switch_on(Source.UNKNOWN, by=ada(), pilot_team_id=None)

    rule.request_rule(SIGNED, by=ada())

    capture = present()
    assert (capture.rule, capture.rule_asked_by, capture.rule_confirmed_by) == (SIGNED, None, None)
    assert (is_on(), is_on(Source.UNKNOWN), mode()) == (True, False, ("restoring", ""))
    assert "already applies" in refusal(lambda: rule.request_rule(SIGNED, by=ada()))


def test_signed_rule_switches_other_sources_off() -> None:
    use_original()
    switching.switch_on(Source.UNKNOWN, by=ada(), pilot_team_id=None)

    rule.request_rule(SIGNED, by=ada())

    assert (is_on(Source.UNKNOWN), mode()) == (False, ("observing", ""))


def test_original_rule_applies_to_later_entries_only() -> None:
    use_original()
    assert decided(seconds=-5) == "observing"

    switching.switch_on(Source.UNKNOWN, by=ada(), pilot_team_id=None)

    assert (decided(seconds=5), decided(seconds=-5)) == ("before_switch_on", "")
    rule.request_rule(SIGNED, by=ada())
    assert decided(seconds=-5) == "not_outlook"


def test_rule_needs_a_first_reading() -> None:
    Capture.objects.all().delete()

    for change in (ask, lambda: rule.confirm(by=bob()), lambda: rule.request_rule(SIGNED, by=ada())):
        assert refusal(change).startswith("Capture is off.")
