"""Switches by administrators: each is refused with a cause and allowed without it, and acts only on later entries."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from pytest_django import Settings

from syncapp.capture import policy, switching
from syncapp.capture.errors import SwitchRefused
from syncapp.capture.policy import Facts
from syncapp.models import AuditEntry, Capture, CaptureColumn, CaptureIdentity, CaptureSource, Connection, FilterTeam
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from tests.capture.switches import is_on, mode, now, observe, recorded
from tests.support.people import ada

pytestmark = pytest.mark.django_db
OUTLOOK = Source.OUTLOOK
REVIEW, LET_THROUGH = CaptureColumn.Handling.REVIEW, CaptureColumn.Handling.LET_THROUGH


@pytest.fixture(autouse=True)
def _observing(settings: Settings) -> None:
    settings.CAPTURE = "audit"
    observe()


def switch_on(source: Source = OUTLOOK, pilot: uuid.UUID | None = None) -> None:
    switching.switch_on(source, by=ada(), pilot_team_id=pilot)


def refusal(switch: Callable[[], object]) -> str:
    """Return the message with which a switch is refused."""
    with pytest.raises(SwitchRefused) as caught:
        switch()
    return caught.value.message


def decided(*, source: Source = OUTLOOK, column: str = "fax", **ago: float) -> str:
    """Return why an entry of this age is not staged, '' if it is."""
    found = policy.decide(Facts(source, now(**ago), None, frozenset({column})), policy.load(Capture.objects.get()))
    return found[1] if found else ""


def test_first_source_starts_restoring() -> None:
    switch_on()

    row = CaptureSource.objects.get()
    assert (mode(), is_on(), row.pilot_team_id, row.switched_by) == (("restoring", ""), True, None, ada())
    assert Capture.objects.get().mode_by == ada()
    assert [(entry.action, entry.actor, entry.details) for entry in AuditEntry.objects.all()] == [
        ("capture.switched_on", ada(), {"source": "outlook", "pilot": ""})
    ]


def test_switching_on_affects_later_entries_only() -> None:
    switch_on()

    assert (decided(seconds=5), decided(seconds=-5)) == ("before_switch_on", "")


@pytest.mark.parametrize("source", [Source.OURS, Source.FORM])
@pytest.mark.parametrize("rule", CaptureRule)
def test_own_changes_and_forms_cannot_be_switched_on(source: Source, rule: CaptureRule) -> None:
    Capture.objects.update(rule=rule)

    assert "never reviewed" in refusal(lambda: switch_on(source))
    assert recorded() == []


@pytest.mark.parametrize("source", [Source.PROGRAM, Source.UNKNOWN])
def test_unsigned_sources_need_the_original_rule(source: Source) -> None:
    assert "Ask for the original rule." in refusal(lambda: switch_on(source))

    Capture.objects.update(rule=CaptureRule.ORIGINAL)
    switch_on(source)
    assert is_on(source)


@pytest.mark.parametrize("state", [CaptureMode.OFF, CaptureMode.PAUSED])
def test_stopped_capture_refuses_new_source(state: CaptureMode) -> None:
    Capture.objects.update(mode=state)

    assert refusal(switch_on).startswith(f"Capture is {state}.")
    assert not is_on()


def test_switching_on_needs_the_capture_setting(settings: Settings) -> None:
    settings.CAPTURE = "off"

    assert refusal(switch_on).startswith("Capture is off.")


def test_source_cannot_be_switched_on_twice() -> None:
    switch_on()

    assert refusal(switch_on) == "Outlook synchronization is already on."
    assert recorded() == ["capture.switched_on"]


def test_switching_on_needs_a_writable_connection() -> None:
    Connection.objects.update(review_writes=False)

    assert "read-only" in refusal(switch_on)


@pytest.mark.parametrize("missing", ["check", "confirmation", "identity", "second identity"])
def test_switching_on_needs_a_proven_signature(missing: str) -> None:
    if missing == "check":
        Capture.objects.update(signature_seen_at=None)
    elif missing == "confirmation":
        CaptureIdentity.objects.update(is_confirmed=False)
    elif missing == "identity":
        CaptureIdentity.objects.all().delete()
    else:
        CaptureIdentity.objects.create(user_id=uuid.uuid4())

    assert "Edit a contact in Outlook" in refusal(switch_on)


def test_program_identity_needs_no_signature() -> None:
    CaptureIdentity.objects.create(user_id=uuid.uuid4(), kind=CaptureIdentity.Kind.PROGRAM)

    switch_on()

    assert is_on()


def test_original_rule_needs_no_signature_for_other_sources() -> None:
    Capture.objects.update(rule=CaptureRule.ORIGINAL, signature_seen_at=None)

    assert "Edit a contact in Outlook" in refusal(switch_on)
    switch_on(Source.UNKNOWN)
    assert is_on(Source.UNKNOWN)


def test_missing_pilot_team_is_refused() -> None:
    assert "no longer has this team" in refusal(lambda: switch_on(pilot=uuid.uuid4()))
    assert not CaptureSource.objects.exists()


def test_including_everyone_affects_later_entries_only() -> None:
    team = FilterTeam.objects.create(id=uuid.uuid4(), name="Sales")
    switch_on(pilot=team.pk)
    assert decided(seconds=-5) == "not_in_pilot"
    CaptureSource.objects.update(since=now(hours=1))

    switching.include_everyone(OUTLOOK, by=ada())

    assert (decided(seconds=-5), decided(seconds=5)) == ("", "before_switch_on")
    assert "Reload" in refusal(lambda: switching.include_everyone(OUTLOOK, by=ada()))
    assert recorded() == ["capture.switched_on", "capture.everyone"]


def test_switching_last_source_off_returns_to_observing() -> None:
    Capture.objects.update(rule=CaptureRule.ORIGINAL)
    switch_on()
    switch_on(Source.UNKNOWN)

    switching.switch_off(OUTLOOK, by=ada())
    assert (mode(), is_on(), decided(seconds=-5)) == (("restoring", ""), False, "source_off")
    switching.switch_off(Source.UNKNOWN, by=ada())

    assert mode() == ("observing", "")
    assert "Reload" in refusal(lambda: switching.switch_off(OUTLOOK, by=ada()))


def test_second_source_does_not_resume_restoring() -> None:
    Capture.objects.update(rule=CaptureRule.ORIGINAL)
    switch_on()
    switching.stop_restoring(by=ada())

    switch_on(Source.UNKNOWN)

    assert mode() == ("staging", "")


def test_resuming_after_stop_still_stages_earlier_entries() -> None:
    switch_on()
    CaptureSource.objects.update(since=now(days=1))
    switching.stop_restoring(by=ada())
    stopped_at = Capture.objects.get().mode_since

    switching.resume(by=ada())

    resumed_at = Capture.objects.get().mode_since
    assert (mode(), decided(hours=1)) == (("restoring", ""), "")
    assert stopped_at is not None
    assert resumed_at is not None
    assert resumed_at >= stopped_at
    assert recorded() == ["capture.switched_on", "capture.stopped", "capture.resumed"]


def test_resuming_after_brake_affects_later_entries_only() -> None:
    switch_on()
    Capture.objects.update(mode=CaptureMode.PAUSED, mode_since=now(), reason="mass_edit", trouble="300 changed")
    CaptureSource.objects.update(since=now(days=1))

    switching.resume(by=ada())

    assert (mode(), decided(seconds=5), decided(seconds=-5)) == (("restoring", ""), "before_switch_on", "")
    assert Capture.objects.get().trouble == ""
    assert AuditEntry.objects.get(action="capture.resumed").details == {"before": "paused", "brake": "mass_edit"}


def test_resuming_without_sources_returns_to_observing() -> None:
    Capture.objects.update(mode=CaptureMode.PAUSED, mode_since=now(), reason="mass_edit")

    switching.resume(by=ada())

    assert mode() == ("observing", "")


def test_resuming_requires_signature_to_be_seen_again() -> None:
    switch_on()
    Capture.objects.update(mode=CaptureMode.PAUSED, mode_since=now(seconds=5), reason="signature_gone")

    assert "Edit a contact in Outlook" in refusal(lambda: switching.resume(by=ada()))
    assert mode() == ("paused", "signature_gone")
    Capture.objects.update(signature_seen_at=now())
    switching.resume(by=ada())
    assert mode() == ("restoring", "")


@pytest.mark.parametrize("present", [CaptureMode.OFF, CaptureMode.OBSERVING, CaptureMode.RESTORING])
def test_resuming_requires_stopped_capture(present: CaptureMode) -> None:
    Capture.objects.update(mode=present)

    assert "nothing to resume" in refusal(lambda: switching.resume(by=ada()))
    assert recorded() == []


@pytest.mark.parametrize("present", [CaptureMode.OBSERVING, CaptureMode.STAGING, CaptureMode.PAUSED])
def test_stopping_requires_active_restoring(present: CaptureMode) -> None:
    Capture.objects.update(mode=present)

    assert "Nothing is being restored" in refusal(lambda: switching.stop_restoring(by=ada()))
    assert mode() == (present, "")


def test_letting_column_through_affects_later_entries() -> None:
    switch_on()
    CaptureSource.objects.update(since=now(days=1))

    switching.set_handling(OUTLOOK, "fax", LET_THROUGH, by=ada())
    assert (decided(seconds=-5), decided(hours=1)) == ("columns_let_through", "")

    CaptureColumn.objects.update(since=now(minutes=30))
    switching.set_handling(OUTLOOK, "fax", REVIEW, by=ada())
    assert (decided(seconds=-5), decided(minutes=5)) == ("", "columns_let_through")
    assert recorded() == ["capture.switched_on", "capture.handling", "capture.handling"]


def test_repeated_column_choice_changes_nothing() -> None:
    switching.set_handling(OUTLOOK, "fax", REVIEW, by=ada())
    assert not CaptureColumn.objects.exists()
    switching.set_handling(OUTLOOK, "fax", LET_THROUGH, by=ada())
    switching.set_handling(OUTLOOK, "fax", LET_THROUGH, by=ada())

    assert recorded() == ["capture.handling"]


@pytest.mark.parametrize("source", [OUTLOOK, Source.OURS])
def test_handling_of_unknown_column_is_refused(source: Source) -> None:
    message = refusal(lambda: switching.set_handling(source, "shoesize", LET_THROUGH, by=ada()))

    assert ("shoesize" in message) is (source == OUTLOOK)


@pytest.mark.parametrize(("limit", "is_allowed"), [(0, False), (1, True), (10_000, True), (10_001, False)])
def test_limit_outside_its_range_is_refused(limit: int, is_allowed: bool) -> None:
    if is_allowed:
        switching.set_limit(limit, by=ada())
    else:
        assert refusal(lambda: switching.set_limit(limit, by=ada())) == "Enter a number from 1 to 10,000."

    assert Capture.objects.get().max_restores == (limit if is_allowed else 50)
    assert recorded() == (["capture.limit"] if is_allowed else [])


def test_switching_needs_a_first_reading() -> None:
    Capture.objects.all().delete()

    for switch in (switching.stop_restoring, switching.resume):
        assert refusal(lambda switch=switch: switch(by=ada())).startswith("Capture is off.")
    assert refusal(switch_on).startswith("Capture is off.")
