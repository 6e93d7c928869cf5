"""Reading of the audit log, from a change in the CRM to a job for its contact."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from dataverse_sandbox.server import SandboxServer
from syncapp.connection import clients
from syncapp.models import Capture, CaptureContact, CaptureEntry, CaptureIdentity, CaptureValue
from syncapp.models.capture.entry import EntryState, Evidence, Source
from syncapp.models.capture.settings import CaptureMode
from tests.capture.conftest import Company, entries, jobs
from tests.support.altered_answers import altered


def test_first_round_starts_observing(company: Company) -> None:
    capture = Capture.objects.get()

    assert capture.mode == CaptureMode.OBSERVING
    assert CaptureIdentity.objects.get().name == "# SSSAdminProd"
    assert capture.days_kept == 30
    assert CaptureEntry.objects.count() == 0


def test_signed_edit_is_observed_with_its_values(company: Company) -> None:
    contact = company.contact()
    before = company.value(contact, "jobtitle")
    company.outlook(contact, jobtitle="Pilot")

    result = company.read()

    (entry,) = entries(contact)
    (value,) = entry.values.all()
    assert (entry.source, entry.evidence) == (Source.OUTLOOK, Evidence.CALLING_USER)
    assert (entry.state, entry.reason) == (EntryState.OBSERVED, "observing")
    assert (value.column_name, value.old_value, value.new_value) == ("jobtitle", before, "Pilot")
    assert (value.old_known, value.new_known, result.finished) == (True, True, True)
    assert jobs() == set()


def test_signed_edit_gets_job_when_capture_is_on(company: Company) -> None:
    company.switch_on()
    contact = company.contact()
    company.outlook(contact, jobtitle="Pilot")

    company.read()
    company.read()

    assert [entry.state for entry in entries(contact)] == [EntryState.READ]
    assert jobs() == {contact}


def test_changes_by_other_writers_are_let_through(company: Company) -> None:
    company.switch_on()
    contact = company.contact()
    for number, writer in enumerate(("erp", "flow", "form_without_script", "form")):
        company.write(writer, contact, jobtitle=f"By {number}")
    company.patch(contact, jobtitle="By ourselves")

    company.read()

    found = {entry.values.get(column_name="jobtitle").new_value: entry for entry in entries(contact)}
    assert {text: entry.source for text, entry in found.items()} == {
        "By 0": Source.UNKNOWN,
        "By 1": Source.UNKNOWN,
        "By 2": Source.UNKNOWN,
        "By 3": Source.FORM,
        "By ourselves": Source.OURS,
    }
    assert {entry.state for entry in found.values()} == {EntryState.LET_THROUGH}
    assert jobs() == set()


def test_repeated_rounds_store_each_entry_once(company: Company) -> None:
    company.outlook(company.contact(), jobtitle="Pilot")

    for _ in range(3):
        company.read()
        company.silent_for(minutes=1)
        Capture.objects.update(listed_at=None)

    assert CaptureEntry.objects.count() == CaptureValue.objects.count() == 1


def test_idle_round_asks_only_for_changed_contacts(company: Company) -> None:
    company.outlook(company.contact(), jobtitle="Pilot")
    for _ in range(2):  # entries of the same second may follow, so the list is read once more
        company.read()
    client = clients.verified_client()
    sent = client.requests_sent()
    company.read()

    assert client.requests_sent() - sent == 1


@pytest.fixture
def coarse(sandbox: SandboxServer) -> Iterator[None]:
    """Give all changes of contacts the same moment, as if they came within one second."""
    moment = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    with altered(sandbox, '"modifiedon":"[^"]+"', f'"modifiedon":"{moment}"'):
        yield


def test_second_change_within_same_second_is_found(company: Company, coarse: None) -> None:
    contact = company.contact()
    for number, title in enumerate(("Pilot", "Captain"), start=1):
        company.outlook(contact, jobtitle=title)
        result = company.read()
        company.read()
        Capture.objects.update(listed_at=timezone.now() + timedelta(seconds=1))

        assert (result.contacts, len(entries(contact))) == (1, number)


def test_entry_list_is_read_again_after_new_entries(company: Company) -> None:
    contact, other = company.contact(), company.contact(1)
    company.outlook(contact, jobtitle="Pilot")
    company.audit(delay_seconds=1)
    company.outlook(other, jobtitle="Captain")
    company.read()
    CaptureContact.objects.update(awaited_until=None)
    time.sleep(1)

    company.read()

    assert len(entries(other)) == 1


def test_late_entry_is_awaited_until_read(company: Company) -> None:
    company.switch_on()
    contact = company.contact()
    company.audit(delay_seconds=2)
    company.outlook(contact, jobtitle="Pilot")

    company.read()
    assert entries(contact) == []
    assert CaptureContact.objects.get(pk=contact).awaited_until is not None
    Capture.objects.update(listed_at=None)
    company.audit(delay_seconds=0)
    time.sleep(2.1)
    company.read()

    (entry,) = entries(contact)
    assert CaptureContact.objects.get(pk=contact).awaited_until is None
    assert jobs() == {contact}
    assert entry.happened_at <= entry.read_at + timedelta(seconds=1)
