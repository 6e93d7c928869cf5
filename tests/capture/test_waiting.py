"""Evidence from the contact's row, late or unordered entries, and contacts created by Outlook."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest
import requests

from dataverse_sandbox.server import SandboxServer
from syncapp.models import Capture, CaptureContact, CaptureEntry
from syncapp.models.capture.entry import EntryState, Evidence, Source
from syncapp.models.capture.settings import CaptureRule
from tests.capture.conftest import Company, entries, jobs
from tests.support.altered_answers import altered


@pytest.fixture
def unnamed(company: Company, sandbox: SandboxServer) -> Iterator[Company]:
    """Yield a company whose audit log names no calling user, so that only the contact's row proves Outlook."""
    company.switch_on()
    with altered(sandbox, '"_callinguserid_value":"[^"]+"', '"_callinguserid_value":null'):
        yield company


def test_signed_row_proves_outlook_edit_after_waiting(unnamed: Company) -> None:
    contact = unnamed.contact()
    unnamed.outlook(contact, jobtitle="Pilot")

    unnamed.read()
    assert [entry.state for entry in entries(contact)] == [EntryState.READ]
    assert jobs() == set(), "a later change of the same second may have signed the row"

    unnamed.stop_waiting()
    unnamed.read()

    (entry,) = entries(contact)
    assert (entry.source, entry.evidence) == (Source.OUTLOOK, Evidence.DELEGATE)
    assert jobs() == {contact}


def test_signed_row_proves_nothing_about_earlier_entries(unnamed: Company) -> None:
    contact = unnamed.contact()
    unnamed.write("erp", contact, jobtitle="By ERP")
    CaptureContact.objects.all().delete()
    unnamed.outlook(contact, jobtitle="Pilot")

    unnamed.read()
    unnamed.stop_waiting()
    unnamed.read()

    by_value = {entry.values.get().new_value: entry for entry in entries(contact)}
    assert by_value["By ERP"].source == Source.UNKNOWN
    assert by_value["By ERP"].state == EntryState.LET_THROUGH


def test_two_entries_within_one_second_prove_nothing(unnamed: Company) -> None:
    contact = unnamed.contact()
    unnamed.outlook(contact, jobtitle="Pilot")
    unnamed.outlook(contact, jobtitle="Captain")
    unnamed.read()
    moment = entries(contact)[0].happened_at
    CaptureEntry.objects.update(happened_at=moment)
    CaptureContact.objects.update(modified_on=moment)

    unnamed.stop_waiting()
    unnamed.read()

    assert {entry.state for entry in entries(contact)} == {EntryState.LET_THROUGH}


def test_save_without_change_does_not_sign_earlier_value(company: Company) -> None:
    company.switch_on()
    company.outlook(company.contact(1), jobtitle="Pilot")
    company.read()
    contact = company.contact()
    company.write("form_without_script", contact, jobtitle="By hand")
    company.outlook_by("Jonas Weber", contact, jobtitle="By hand")  # as in a real CRM: no entry, but the row is signed
    company.read()
    (entry,) = entries(contact)
    CaptureContact.objects.filter(pk=contact).update(modified_on=entry.happened_at, modified_by=entry.user_id)
    CaptureEntry.objects.filter(pk=entry.pk).update(state=EntryState.READ)

    company.stop_waiting()
    company.read()

    assert CaptureContact.objects.get(pk=contact).signed_by is not None
    assert [(entry.source, entry.state) for entry in entries(contact)] == [(Source.UNKNOWN, EntryState.LET_THROUGH)]


def test_awaited_entry_delays_the_job(company: Company) -> None:
    company.switch_on()
    contact = company.contact()
    company.outlook(contact, jobtitle="Pilot")
    company.audit(delay_seconds=300)
    time.sleep(1.1)  # entries keep whole seconds
    company.write("erp", contact, jobtitle="By ERP")

    company.read()
    assert [entry.state for entry in entries(contact)] == [EntryState.READ]
    assert jobs() == set()

    company.stop_waiting()
    company.read()
    assert jobs() == {contact}


def test_edit_of_new_outlook_contact_is_let_through(company: Company) -> None:
    company.switch_on()
    contact = _create_signed(company)
    company.outlook(contact, jobtitle="Pilot")

    company.read()

    # Both can fall within one second, and then their order is unknown.
    created, updated = sorted(entries(contact), key=lambda entry: entry.action)
    assert created.state == EntryState.BASELINE_END
    assert (updated.source, updated.state, updated.reason) == (Source.OUTLOOK, EntryState.LET_THROUGH, "new_contact")
    assert jobs() == set()


def _create_signed(company: Company) -> uuid.UUID:
    """Create a contact as the synchronization does for Jonas Weber."""
    key = uuid.uuid4()
    token = company._post("token", {"user": "# SSSAdminProd"})["access_token"]
    users = company.rows("systemusers", select="fullname")
    jonas = next(row["systemuserid"] for row in users if row["fullname"] == "Jonas Weber")
    headers = {"Authorization": f"Bearer {token}", "MSCRMCallerID": jonas}
    body = {"contactid": str(key), "lastname": "Ny", "osync_revision": 1}
    requests.post(f"{company.url}/api/data/v9.2/contacts", json=body, headers=headers, timeout=10).raise_for_status()
    return key


def test_creation_and_deletion_end_the_baseline(company: Company) -> None:
    contact = company.new_contact("Short")
    company.read()
    company.delete(contact)

    company.read()

    assert [entry.state for entry in entries(contact)] == [EntryState.BASELINE_END] * 2


def test_original_rule_claims_changes_without_revision(company: Company) -> None:
    company.switch_on(Source.UNKNOWN)
    Capture.objects.update(rule=CaptureRule.ORIGINAL)
    contact, other = company.contact(0), company.contact(1)
    company.write("form_without_script", contact, jobtitle="By hand")
    company.write("form", other, jobtitle="By the script")

    company.read()

    assert jobs() == {contact}
    assert [entry.state for entry in entries(other)] == [EntryState.LET_THROUGH]


def test_original_rule_needs_an_audited_revision(company: Company) -> None:
    company.switch_on(Source.UNKNOWN)
    Capture.objects.update(rule=CaptureRule.ORIGINAL)
    capture = Capture.objects.get()
    del capture.audited_since["osync_revision"]
    capture.save(update_fields=["audited_since"])
    company.write("form_without_script", company.contact(), jobtitle="By hand")

    company.read()

    assert jobs() == set()


def test_unsigned_edit_is_let_through(company: Company) -> None:
    company.switch_on()
    company.sign("unsigned")
    company.outlook(company.contact(), jobtitle="Pilot")

    company.read()

    assert [entry.state for entry in entries(company.contact())] == [EntryState.LET_THROUGH]
    assert jobs() == set()
