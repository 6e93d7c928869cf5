"""Reading while the CRM fails: nothing is lost, one unreadable entry blocks no other, and each gap has a reason."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from dataverse_sandbox.server import SandboxServer
from syncapp.capture import contacts, details, entry_lists, rhythm
from syncapp.connection import clients
from syncapp.crm.audits import reads
from syncapp.crm.errors import Forbidden, Unreachable
from syncapp.models import Capture, CaptureColumn, CaptureEntry, CaptureValue, UnreadableRow
from syncapp.models.capture.entry import EntryState, Source
from tests.capture.conftest import Company, entries, gaps, jobs
from tests.support.altered_answers import altered
from tests.support.servers import wait_until

DETAILS = "RetrieveAuditDetails"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncapp.crm.transport.Transport.sleep", lambda self, seconds: None)


def test_entry_deleted_from_log_is_set_aside(company: Company) -> None:
    first, second = company.contact(0), company.contact(1)
    company.outlook(first, jobtitle="Pilot")
    company.outlook(second, jobtitle="Pilot")
    company.faults({"path": DETAILS, "status": 404, "times": 1})

    result = company.read()

    states = sorted(entry.state for contact in (first, second) for entry in entries(contact))
    assert states == [EntryState.OBSERVED, EntryState.SET_ASIDE]
    assert (result.set_aside, result.finished) == (1, True)
    assert CaptureEntry.objects.get(state=EntryState.SET_ASIDE).problem.startswith("The CRM deleted")


def test_entry_with_failing_values_is_eventually_set_aside(company: Company) -> None:
    contact = company.contact()
    company.outlook(contact, jobtitle="Pilot")
    company.faults({"path": DETAILS, "status": 500})

    for _ in range(details.MAX_ATTEMPTS - 1):
        company.read()
    assert [entry.state for entry in entries(contact)] == [EntryState.NEW]
    company.read()

    assert [entry.state for entry in entries(contact)] == [EntryState.SET_ASIDE]


def test_values_that_fail_once_are_read_later(company: Company) -> None:
    company.outlook(company.contact(), jobtitle="Pilot")
    company.faults({"path": DETAILS, "status": 500, "times": 1})

    company.read()
    company.read()

    assert [entry.state for entry in entries(company.contact())] == [EntryState.OBSERVED]


def test_forbidden_values_stop_the_round(company: Company) -> None:
    company.outlook(company.contact(), jobtitle="Pilot")
    company.faults({"path": DETAILS, "status": 403, "times": 1})

    with pytest.raises(Forbidden):
        company.read()
    company.read()

    assert [entry.state for entry in entries(company.contact())] == [EntryState.OBSERVED]


@pytest.mark.parametrize("table", ["contact", "audit"])
def test_edit_is_read_after_unanswered_list(company: Company, table) -> None:
    company.outlook(company.contact(), jobtitle="Pilot")
    company.faults({"method": "GET", "table": table, "cut": "after_commit"})

    with pytest.raises(Unreachable):
        company.read()
    company.heal()
    company.read()

    assert [entry.state for entry in entries(company.contact())] == [EntryState.OBSERVED]


def test_unreadable_entry_does_not_block_other_entries(company: Company, sandbox: SandboxServer) -> None:
    first, second = company.contact(0), company.contact(1)
    company.outlook(first, jobtitle="Pilot")
    company.outlook(second, jobtitle="Pilot")
    created_on = f'"createdon":"[^"]+"(?=[^{{}}]+"_objectid_value":"{first}")'

    with altered(sandbox, created_on, '"createdon":"never"'):
        company.read()
    assert [len(entries(contact)) for contact in (first, second)] == [0, 1]
    assert UnreadableRow.objects.get().kind == UnreadableRow.Kind.ENTRY

    Capture.objects.update(listed_at=None)
    company.read()
    assert [len(entries(contact)) for contact in (first, second)] == [1, 1]
    assert not UnreadableRow.objects.exists()


def test_reading_continues_if_change_data_is_refused(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    Capture.objects.update(has_change_data=None)
    company.outlook(company.contact(), jobtitle="Pilot")
    monkeypatch.setattr(reads, "_CHANGE_DATA", "not_in_this_crm")  # answered 400, as in a CRM where it cannot be read

    company.read()

    assert Capture.objects.get().has_change_data is False
    assert [entry.state for entry in entries(company.contact())] == [EntryState.OBSERVED]


def test_all_pages_are_read_over_several_rounds(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_lists, "PAGE_SIZE", 2)
    monkeypatch.setattr(contacts, "PAGE_SIZE", 2)
    monkeypatch.setattr(details, "BATCH_SIZE", 2)
    for number in range(5):
        company.outlook(company.contact(number % 3), jobtitle=f"Pilot {number}")

    rounds = 0
    while not company.read(seconds=0).finished:
        rounds += 1
        assert rounds < 40

    assert rounds > 1
    assert CaptureEntry.objects.filter(state=EntryState.OBSERVED).count() == CaptureValue.objects.count() == 5


def test_entries_out_of_order_are_all_read(company: Company) -> None:
    company.audit(delay_seconds=0, jitter_seconds=1.5)
    for number in range(6):
        company.outlook(company.contact(number % 3), jobtitle=f"Pilot {number}")
        company.read()

    def has_read_all() -> bool:
        Capture.objects.update(listed_at=None)
        company.read()
        return CaptureEntry.objects.exclude(state=EntryState.NEW).count() == 6

    wait_until(has_read_all, seconds=10, what="six entries")


def test_expired_delta_is_replaced_by_a_full_read(company: Company) -> None:
    company.expire(delta_tokens=True)
    company.outlook(company.contact(), jobtitle="Pilot")

    company.read()

    assert [entry.state for entry in entries(company.contact())] == [EntryState.OBSERVED]


def test_values_of_untracked_columns_are_not_read(company: Company, settings) -> None:
    settings.CAPTURE_COLUMNS = []
    company.outlook(company.contact(), creditlimit=5)

    result = company.read()

    assert (result.entries, result.values) == (1, 0)
    assert entries(company.contact())[0].reason == "no_tracked_column"


def test_exhausted_allowance_postpones_entries_by_other_writers(company: Company, settings) -> None:
    settings.CRM_DAILY_ALLOWANCE = 1
    clients.usage.store()
    company.write("erp", company.contact(0), jobtitle="By ERP")
    company.outlook(company.contact(1), jobtitle="Pilot")

    company.read()

    assert [entry.state for entry in entries(company.contact(0))] == [EntryState.NEW]
    assert [entry.state for entry in entries(company.contact(1))] == [EntryState.OBSERVED]
    assert [value.column_name for value in entries(company.contact(0))[0].values.all()] == ["jobtitle"]


def test_reading_values_by_other_writers_is_limited_daily(company: Company, settings) -> None:
    settings.CRM_DAILY_ALLOWANCE = 2_000
    details_of_others = 2_000 * rhythm.SHARE_FOR_OTHERS
    read_before = [
        CaptureEntry(
            audit_id=uuid.uuid4(),
            contact_id=uuid.uuid4(),
            action=2,
            happened_at=timezone.now(),
            read_at=timezone.now(),
            state=EntryState.LET_THROUGH,
            reason="not_outlook",
        )
        for _ in range(round(details_of_others) - 1)
    ]
    CaptureEntry.objects.bulk_create(read_before)
    for number in range(3):
        company.write("erp", company.contact(number), jobtitle="By ERP")

    company.read()

    assert CaptureEntry.objects.filter(state=EntryState.NEW).count() == 2


def test_disabled_auditing_is_a_gap(company: Company) -> None:
    company.audit(enabled=False)
    Capture.objects.update(switches_read_at=None)
    company.read()
    assert gaps() == [("auditing_off", True)]

    company.audit(enabled=True)
    Capture.objects.update(switches_read_at=None)
    company.read()
    assert gaps() == [("auditing_off", False)]


def test_silent_log_triggers_check_of_audit_switches(company: Company) -> None:
    company.audit(enabled=False)
    company.outlook(company.contact(), jobtitle="Pilot")
    company.read()
    assert gaps() == []

    company.backdate(seconds=1_200)
    company.stop_waiting()
    company.outlook(company.contact(1), jobtitle="Pilot")
    company.read()

    assert gaps() == [("auditing_off", True)]


def test_column_no_longer_audited_is_a_gap(company: Company) -> None:
    capture = Capture.objects.get()
    capture.audited_since["gone"] = "2026-01-01T00:00:00+00:00"
    capture.switches_read_at = None
    capture.save()

    company.read()
    assert gaps() == [("auditing_off", True)]

    CaptureColumn.objects.create(source=Source.OUTLOOK, column_name="gone", handling="let_through")
    Capture.objects.update(switches_read_at=None)
    company.read()
    assert gaps() == [("auditing_off", False)]


@pytest.mark.parametrize(
    ("silence", "found"),
    [
        ({"minutes": 5}, []),
        ({"hours": 2}, [("downtime", False)]),
        ({"days": 40}, [("deleted", False), ("downtime", False)]),
    ],
)
def test_long_downtime_is_a_gap(company: Company, silence, found) -> None:
    company.silent_for(**silence)

    company.read()
    company.read()

    assert gaps() == found


def test_reading_after_downtime_lists_previous_day_again(company: Company) -> None:
    company.backdate(10 * 86_400)
    stopped = timezone.now() - timedelta(days=3)
    Capture.objects.update(listed_at=stopped, deep_listed_at=stopped, read_until=stopped)

    company.read()

    assert Capture.objects.get().listing_since == stopped - entry_lists.DEEP_LISTING_PERIOD


def test_import_of_all_contacts_is_let_through(company: Company) -> None:
    company.switch_on()
    company.import_all(jobtitle="Imported")

    company.read()

    assert CaptureEntry.objects.filter(state=EntryState.LET_THROUGH).count() == len(company.rows("contacts"))
    assert jobs() == set()
