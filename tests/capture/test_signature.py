"""The signature on an administrator's own edit, from Outlook to the switch that it unlocks."""

from __future__ import annotations

from uuid import UUID

import pytest
from pytest_django import Settings

from syncapp.capture import signature, switching
from syncapp.capture.errors import SwitchRefused
from syncapp.connection import clients
from syncapp.models import Capture, CaptureEntry, CaptureIdentity, Connection, ConnectionCheck, FilterUser, Person
from syncapp.models.capture.entry import Evidence, Source
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import database_now
from syncapp.tenant.checks import job, run
from syncapp.tenant.checks.findings import Level
from tests.capture.conftest import Company
from tests.capture.switches import mode, now, observe
from tests.support.people import ada, rita

pytestmark = pytest.mark.django_db(transaction=True)


def check(by: Person) -> str:
    """Make this one check for a person; return its level."""
    ConnectionCheck.objects.all().delete()
    assert job.request(by=by)
    before = [each.id for each in run.all_checks(clients.names())].index("signature-on-own-edit")
    ConnectionCheck.objects.update(findings=[{} for _ in range(before)])
    job.work(ConnectionCheck.objects.get().pk, crm=clients.crm(), names=clients.names(), seconds=0)
    (finding,) = ConnectionCheck.objects.get().findings[before:]
    return str(finding["level"])


def make_crm_user(person: Person, user_id: UUID) -> None:
    """Make a person of the portal a user of the CRM."""
    FilterUser.objects.create(id=user_id, name=person.name, entra_id=person.oid, read_at=database_now())


def test_own_signed_edit_allows_restoring(company: Company) -> None:
    Connection.objects.update(review_writes=True)
    company.outlook(company.contact(), jobtitle="Pilot")
    company.read()
    editor = CaptureEntry.objects.get().user_id
    assert editor is not None
    make_crm_user(ada(), editor)
    make_crm_user(rita(), CaptureIdentity.objects.get().user_id)
    with pytest.raises(SwitchRefused, match="Edit a contact in Outlook"):
        switching.switch_on(Source.OUTLOOK, by=ada(), pilot_team_id=None)

    assert (check(rita()), check(ada())) == (Level.UNKNOWN, Level.OK)
    switching.switch_on(Source.OUTLOOK, by=ada(), pilot_team_id=None)

    assert mode() == ("restoring", "")


def test_unsigned_outlook_edit_does_not_allow_restoring(company: Company) -> None:
    company.sign("unsigned")
    company.outlook(company.contact(), jobtitle="Pilot")
    company.read()
    make_crm_user(ada(), CaptureEntry.objects.get().user_id)  # type: ignore[arg-type]  (an edit names its user)

    assert check(ada()) == Level.WARNING
    assert Capture.objects.get().signature_seen_at is None


@pytest.mark.parametrize(
    ("reason", "is_proved"), [("signature_gone", False), ("signers_changed", False), ("mass_edit", True)]
)
def test_pause_over_signature_requires_new_proof(reason: str, is_proved: bool) -> None:
    observe()
    Capture.objects.update(mode=CaptureMode.PAUSED, mode_since=now(hours=1), reason=reason)

    assert signature.is_proved(Capture.objects.get()) is is_proved
    Capture.objects.update(signature_seen_at=now())
    assert signature.is_proved(Capture.objects.get())


def test_seen_signature_of_unknown_user_is_not_stored() -> None:
    observe()
    Capture.objects.update(signature_seen_at=None)

    signature.store(ada().pk, by=ada(), evidence=signature.Evidence.CALLING_USER)

    assert Capture.objects.get().signature_seen_at is None


def test_new_signing_user_pauses_capture(company: Company, settings: Settings) -> None:
    company.switch_on()
    company.outlook(company.contact(), jobtitle="Pilot")
    company.read()
    CaptureIdentity.objects.update(is_confirmed=True)
    usual, settings.CRM_SYNC_USER = settings.CRM_SYNC_USER, "Jonas Weber"
    Capture.objects.update(switches_read_at=None)

    company.read()

    assert mode() == ("paused", "signers_changed")
    assert Capture.objects.get().trouble.startswith("Jonas Weber is a new signing user whose signature")
    assert not signature.is_proved(Capture.objects.get())
    settings.CRM_SYNC_USER = usual
    Capture.objects.update(switches_read_at=None)
    company.read()
    assert [identity.name for identity in CaptureIdentity.objects.all()] == [usual], "the mistake is forgotten"


def test_newest_proof_determines_whether_log_names_signer(company: Company) -> None:
    capture = Capture.objects.get()
    assert not signature.is_in_log(capture)
    company.outlook(company.contact(), jobtitle="Pilot")
    company.read()
    assert signature.is_in_log(capture)

    capture.signature_seen_at, capture.signature_evidence = now(hours=-1), Evidence.DELEGATE
    assert not signature.is_in_log(capture), "these entries are older than the newest proof"
    capture.signature_evidence = Evidence.CALLING_USER
    assert signature.is_in_log(capture)
