"""Switches act before the next contact is sent, and what was sent already is not forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models import F

from syncapp.capture import rule, switching
from syncapp.models import Capture, CaptureColumn, CaptureEntry, CaptureJob, CaptureSource
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from syncapp.models.jobs.job import JobState
from tests.capture.conftest import Company, entries
from tests.capture.staging_scene import flags, results, staged, work
from tests.machine.failpoints import Failpoints
from tests.support.people import ada

pytestmark = pytest.mark.django_db(transaction=True)
OUTLOOK = Source.OUTLOOK
LET_THROUGH = CaptureColumn.Handling.LET_THROUGH


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Failpoints:
    found = Failpoints()
    found.connect(monkeypatch)
    return found


def edit(company: Company) -> None:
    """Edit a contact in Outlook, and make its edit ready to be staged."""
    company.outlook(company.contact(), jobtitle="Pilot")
    company.read()
    company.stop_waiting()
    company.read()


def pause() -> None:
    Capture.objects.update(mode=CaptureMode.PAUSED, reason="mass_edit", mode_since=F("mode_since"))


SWITCHES: dict[str, Callable[[], None]] = {
    "stopped": lambda: switching.stop_restoring(by=ada()),
    "paused": pause,
    "off": lambda: switching.switch_off(OUTLOOK, by=ada()),
    "let through": lambda: switching.set_handling(OUTLOOK, "jobtitle", LET_THROUGH, by=ada()),
}


@pytest.mark.parametrize("moment", ["before", "during"])
@pytest.mark.parametrize(
    ("switch", "is_staged", "reason"),
    [("stopped", True, ""), ("paused", False, "paused"), ("off", False, "observing")],
)
def test_stopping_capture_takes_effect_before_next_write(
    restoring: Company, points: Failpoints, moment: str, switch: str, is_staged: bool, reason: str
) -> None:
    contact = restoring.contact()
    edit(restoring)
    if moment == "during":
        points.arm("capture.read", SWITCHES[switch])
    else:
        SWITCHES[switch]()

    work()
    work()

    assert restoring.value(contact, "jobtitle") == "Pilot"
    assert (flags(restoring, contact), entries(contact)[-1].reason) == ([False] if is_staged else [], reason)
    assert CaptureJob.objects.get().state == JobState.DONE


def test_changing_the_limit_does_not_stop_restoring(restoring: Company, points: Failpoints) -> None:
    edit(restoring)
    before = restoring.value(restoring.contact(), "jobtitle")
    points.arm("capture.read", lambda: switching.set_limit(60, by=ada()))

    work()

    assert flags(restoring, restoring.contact()) == [True]
    assert restoring.value(restoring.contact(), "jobtitle") != before


def test_edit_before_column_switch_is_still_reviewed(restoring: Company, points: Failpoints) -> None:
    edit(restoring)
    points.arm("capture.read", SWITCHES["let through"])

    work()
    work()

    # The edit came before the switch, so it is reviewed as it was then.
    assert flags(restoring, restoring.contact()) == [True]


def test_switched_off_source_is_only_observed(restoring: Company) -> None:
    Capture.objects.update(rule=CaptureRule.ORIGINAL)
    CaptureSource.objects.create(source=Source.UNKNOWN, is_on=True, since=Capture.objects.get().observing_since)
    restoring.write("erp", restoring.contact(1), jobtitle="By ERP")
    edit(restoring)

    switching.switch_off(OUTLOOK, by=ada())
    work()

    assert [entry.reason for entry in entries(restoring.contact())] == ["source_off"]
    assert flags(restoring, restoring.contact()) == []


@pytest.mark.parametrize("switch", ["paused", "off"])
def test_unconfirmed_staging_is_recorded_after_capture_stops(restoring: Company, switch: str) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    edit(restoring)
    restoring.faults({"method": "PATCH", "table": "contact", "cut": "after_commit", "times": 1})
    work()
    assert CaptureJob.objects.get().state == JobState.VERIFY
    SWITCHES[switch]()
    restoring.read()

    work()

    assert staged(restoring, contact) == [("jobtitle", before, "Pilot")]
    assert CaptureEntry.objects.get(source=OUTLOOK).state == EntryState.STAGED
    assert results() == [("jobtitle", "restored", "")]


@pytest.mark.parametrize("switch", ["paused", "off"])
def test_unsent_change_is_not_staged_after_capture_stops(restoring: Company, switch: str) -> None:
    edit(restoring)
    restoring.faults({"method": "PATCH", "table": "contact", "cut": "before_commit", "times": 1})
    work()
    SWITCHES[switch]()
    restoring.read()

    work()

    assert (flags(restoring, restoring.contact()), results()) == ([], [])
    assert [entry.state for entry in entries(restoring.contact())] == [EntryState.OBSERVED]


def test_staging_waits_for_undecided_entry_of_contact(restoring: Company) -> None:
    edit(restoring)
    first = entries(restoring.contact())[0]
    values = {"contact_id": first.contact_id, "action": 2, "happened_at": first.happened_at, "read_at": first.read_at}
    other = CaptureEntry.objects.create(audit_id=ada().pk, state=EntryState.READ, source=Source.UNKNOWN, **values)

    work()
    assert flags(restoring, restoring.contact()) == []
    CaptureEntry.objects.filter(pk=other.pk).update(state=EntryState.LET_THROUGH)
    work()

    assert flags(restoring, restoring.contact()) == [True]


def test_signed_rule_drops_waiting_changes(restoring: Company) -> None:
    Capture.objects.update(rule=CaptureRule.ORIGINAL)
    since = Capture.objects.get().observing_since
    CaptureSource.objects.create(source=Source.UNKNOWN, is_on=True, since=since)
    restoring.write("erp", restoring.contact(), jobtitle="By ERP")
    restoring.read()
    restoring.stop_waiting()
    restoring.read()

    rule.request_rule(CaptureRule.SIGNED, by=ada())
    work()

    assert restoring.value(restoring.contact(), "jobtitle") == "By ERP"
    assert [entry.reason for entry in entries(restoring.contact())] == ["source_off"]
