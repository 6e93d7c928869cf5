"""Staging and restoring, from a change in Outlook to the rows in the CRM; judged by the sandbox's ledger."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from syncapp.crm.directory.records import SyncMethod
from syncapp.jobs import breakers
from syncapp.models import (
    Breaker,
    Capture,
    CaptureEntry,
    CaptureJob,
    Connection,
    FilterUser,
    Restore,
    SyncField,
    SyncRecord,
)
from syncapp.models.capture.entry import EntryState
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import JobState, database_now
from syncapp.models.mirror.sync_field import FieldDecision
from tests.capture.conftest import Company, entries
from tests.capture.staging_scene import flags, results, stage, staged, work
from tests.support.people import rita

pytestmark = pytest.mark.django_db(transaction=True)


def newest_job() -> dict[str, Any]:
    """Return the columns of the newest job."""
    return CaptureJob.objects.order_by("-pk").values("state", "last_error").first() or {}


def test_edit_is_staged_and_restored(restoring: Company) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    revision = restoring.value(contact, "osync_revision") or 0
    restoring.outlook(contact, jobtitle="Pilot")

    stage(restoring)

    assert staged(restoring, contact) == [("jobtitle", before, "Pilot")]
    assert (flags(restoring, contact), restoring.value(contact, "jobtitle")) == ([True], before)
    assert restoring.value(contact, "osync_revision") == revision + 1
    assert len({entry["transaction"] for entry in restoring.ledger()}) == 1
    assert results() == [("jobtitle", "restored", "")]
    assert Restore.objects.get().live_seconds is not None
    assert [entry.state for entry in entries(contact)] == [EntryState.STAGED]
    assert newest_job() == {"state": JobState.DONE, "last_error": ""}


def test_restored_edit_reaches_review(restoring: Company) -> None:
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    stage(restoring)

    restoring.pull()

    record = SyncRecord.objects.get(target_id=contact)
    assert (record.source, record.is_restored, record.editor_name) == ("audit", True, "Jonas Weber")
    field = record.fields.get()
    restoring.decide(approve=(field,))
    restoring.deliver()
    assert restoring.value(contact, "jobtitle") == "Pilot"
    stage(restoring)
    assert restoring.value(contact, "jobtitle") == "Pilot", "our own approval is not restored"


def test_chain_is_restored_once(restoring: Company) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    for title in ("Pilot", "Captain"):
        restoring.outlook(contact, jobtitle=title)

    stage(restoring)

    assert sorted(staged(restoring, contact)) == [("jobtitle", before, "Captain"), ("jobtitle", before, "Pilot")]
    assert restoring.written(contact, "jobtitle") == [before]


def test_changes_by_other_writers_are_not_restored(restoring: Company) -> None:
    contact = restoring.contact()
    for number, writer in enumerate(("erp", "flow", "form_without_script", "form")):
        restoring.write(writer, contact, jobtitle=f"By {number}")
    restoring.import_all(fax="+49 1")

    stage(restoring, rounds=2)

    # The sandbox creates the programs' users in our name.
    assert {entry["table"] for entry in restoring.ledger()} <= {"systemuser", "systemuserroles"}
    assert restoring.value(contact, "jobtitle") == "By 3"


def test_program_value_in_between_becomes_baseline(restoring: Company) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.write("erp", contact, jobtitle="From ERP")
    restoring.outlook(contact, jobtitle="Captain")

    stage(restoring)

    assert restoring.value(contact, "jobtitle") == "From ERP"
    assert sorted(staged(restoring, contact)) == [("jobtitle", "From ERP", "Captain"), ("jobtitle", before, "Pilot")]


def test_observing_writes_nothing(company: Company) -> None:
    company.begin_ledger()
    company.outlook(company.contact(), jobtitle="Pilot")

    stage(company, rounds=2)

    assert company.ledger() == []


def test_staging_mode_does_not_restore(restoring: Company) -> None:
    Capture.objects.update(mode=CaptureMode.STAGING)
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")

    stage(restoring)

    assert (flags(restoring, contact), restoring.value(contact, "jobtitle")) == ([False], "Pilot")
    assert results() == [("jobtitle", "not_restored", "not_allowed")]


def test_pause_applies_before_the_next_contact(restoring: Company) -> None:
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.read()
    Capture.objects.update(mode=CaptureMode.PAUSED)

    work()

    assert restoring.ledger() == []
    assert [entry.state for entry in entries(contact)] == [EntryState.OBSERVED]


def test_staging_waits_while_writes_are_stopped(restoring: Company) -> None:
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    breakers.stop_writes(reason="Migration", by=rita())
    stage(restoring)
    assert restoring.ledger() == []

    breakers.resume_writes(by=rita())
    stage(restoring)

    assert flags(restoring, contact) == [True]


def test_read_only_connection_writes_nothing(restoring: Company) -> None:
    restoring.outlook(restoring.contact(), jobtitle="Pilot")
    restoring.read()
    Connection.objects.update(review_writes=False)

    assert work() == 0
    assert restoring.ledger() == []


def test_value_live_too_long_is_only_staged(restoring: Company) -> None:
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.read()
    CaptureEntry.objects.update(happened_at=F("happened_at") - timedelta(minutes=16))
    Capture.objects.update(mode_since=F("mode_since") - timedelta(hours=1))

    work()

    assert results() == [("jobtitle", "not_restored", "too_late")]
    assert (flags(restoring, contact), restoring.value(contact, "jobtitle")) == ([False], "Pilot")


def test_lookup_to_deleted_account_is_not_restored(restoring: Company) -> None:
    account = restoring.account()
    contact = restoring.contact()
    restoring.form(contact, **{"parentcustomerid_account@odata.bind": f"/accounts({account})"})
    stage(restoring)
    restoring.outlook(contact, parentcustomerid=None, jobtitle="Pilot")
    restoring.delete_account(account)

    stage(restoring)

    assert {name for name, _, _ in staged(restoring, contact)} == {"parentcustomerid", "jobtitle"}
    assert flags(restoring, contact) == [False]
    assert ("jobtitle", "restored", "") in results()
    assert restoring.value(contact, "jobtitle") != "Pilot"


def test_edit_is_staged_despite_forbidden_restore(restoring: Company) -> None:
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.take_away("prvWriteContact")
    try:
        stage(restoring)
    finally:
        restoring.take_away()

    assert (flags(restoring, contact), restoring.value(contact, "jobtitle")) == ([False], "Pilot")
    assert results() == [("jobtitle", "not_restored", "refused_403")]
    assert not Breaker.objects.filter(opened_at__isnull=False).exists()


def test_edit_of_constantly_changing_contact_is_only_staged(restoring: Company) -> None:
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.faults({"method": "PATCH", "table": "contact", "status": 412, "times": 3})

    stage(restoring)

    assert (flags(restoring, contact), results()) == ([False], [("jobtitle", "not_restored", "refused_412")])


def test_one_stale_write_replans_the_contact(restoring: Company) -> None:
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.faults({"method": "PATCH", "table": "contact", "status": 412, "times": 1})

    stage(restoring)

    assert (flags(restoring, contact), results()) == ([True], [("jobtitle", "restored", "")])


def test_edit_of_deleted_contact_is_let_through(restoring: Company) -> None:
    contact = restoring.new_contact("Short-lived")
    stage(restoring)
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.read()
    restoring.delete(contact)
    restoring.begin_ledger()

    work()

    assert restoring.ledger() == []
    assert {entry.reason for entry in entries(contact) if entry.state == EntryState.LET_THROUGH} >= {"contact_gone"}


def test_repeats_of_rejected_value_are_counted(restoring: Company) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    restoring.outlook(contact, jobtitle="Pilot")
    stage(restoring)
    restoring.pull()
    field = SyncField.objects.get(record__target_id=contact)
    restoring.decide(reject=(field,))
    restoring.deliver()
    restoring.outlook(contact, jobtitle="Pilot")

    stage(restoring)
    stage(restoring)

    field.refresh_from_db()
    assert (field.decision, field.repeats, field.repeated_at is None) == (FieldDecision.REJECTED, 1, False)
    assert len(flags(restoring, contact)) == 1
    assert restoring.value(contact, "jobtitle") == before


def test_proposal_written_by_program_is_flagged(restoring: Company) -> None:
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    stage(restoring)
    restoring.pull()
    assert SyncField.objects.get().echoed_at is None
    restoring.write("erp", contact, jobtitle="Pilot")

    stage(restoring)

    assert SyncField.objects.get().echoed_at is not None
    assert restoring.value(contact, "jobtitle") == "Pilot"


def test_deleted_restore_entry_is_not_a_gap(restoring: Company) -> None:
    contact = restoring.contact()
    restoring.outlook(contact, jobtitle="Pilot")
    stage(restoring)
    restoring.form(contact, jobtitle="Chief")
    stage(restoring)
    restoring.delete_audits(timezone.now().isoformat())  # as after some weeks
    CaptureEntry.objects.all().delete()
    restoring.outlook(contact, jobtitle="Captain")

    stage(restoring)

    assert results()[-1] == ("jobtitle", "restored", "")
    assert restoring.value(contact, "jobtitle") == "Chief"


def test_column_is_restored_at_most_three_times_daily(restoring: Company) -> None:
    contact = restoring.contact()
    for number in range(4):
        if number == 2:
            time.sleep(1.1)  # more than MAX_AT_ONCE entries of one second have no order
        restoring.outlook(contact, jobtitle=f"Pilot {number}")
        stage(restoring, rounds=2)

    assert restoring.value(contact, "jobtitle") == "Pilot 3"
    assert results()[-1] == ("jobtitle", "not_restored", "held")


@pytest.mark.parametrize("cut", ["before_commit", "after_commit"])
def test_edit_is_staged_once_despite_lost_answer(restoring: Company, cut: str) -> None:
    contact = restoring.contact()
    before = restoring.value(contact, "jobtitle")
    restoring.outlook(contact, jobtitle="Pilot")
    restoring.faults({"method": "PATCH", "table": "contact", "cut": cut, "times": 1})

    stage(restoring, rounds=3)

    assert staged(restoring, contact) == [("jobtitle", before, "Pilot")]
    assert restoring.written(contact, "jobtitle") == [before]
    assert flags(restoring, contact) == [True]
    assert [result for _, result, _ in results()] == ["restored"]


def test_restore_limit_pauses_capture_before_next_contact(restoring: Company) -> None:
    first, second = restoring.contact(), restoring.contact(1)
    Capture.objects.update(max_restores=1)
    restoring.outlook(first, jobtitle="Pilot")
    stage(restoring)
    restoring.outlook(second, jobtitle="Pilot")

    stage(restoring)

    assert restoring.value(first, "jobtitle") != "Pilot"
    assert (restoring.value(second, "jobtitle"), staged(restoring, second)) == ("Pilot", [])
    assert Capture.objects.get().mode == CaptureMode.PAUSED
    assert [(entry.state, entry.reason) for entry in entries(second)] == [(EntryState.OBSERVED, "paused")]


def test_nothing_is_restored_after_signature_vanishes(restoring: Company) -> None:
    contact, other = restoring.contact(), restoring.contact(1)
    restoring.outlook(contact, jobtitle="Pilot")
    stage(restoring)
    editor = CaptureEntry.objects.get(contact_id=contact).user_id
    FilterUser.objects.update_or_create(
        id=editor, defaults={"name": "Editor", "method": SyncMethod.SERVER_SIDE, "read_at": database_now(plus=0)}
    )
    # The CRM keeps whole seconds: an edit in the second of the last signed edit may have come before it.
    CaptureEntry.objects.update(happened_at=F("happened_at") - timedelta(minutes=1))
    restoring.sign("unsigned")
    for number in range(20):
        restoring.outlook(other, jobtitle=f"Pilot {number}")

    stage(restoring)

    capture = Capture.objects.get()
    assert (capture.mode, capture.reason) == (CaptureMode.PAUSED, "signature_gone")
    assert restoring.value(other, "jobtitle") == "Pilot 19"
    restoring.sign("signed")
    restoring.outlook(contact, jobtitle="Pilot once more")
    stage(restoring)
    assert restoring.value(contact, "jobtitle") == "Pilot once more"
