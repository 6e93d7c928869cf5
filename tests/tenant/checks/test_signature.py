"""Restoring unlocks once the signature was seen on an edit that an administrator has just made in Outlook."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from pytest_django import Settings

from syncapp.models import AuditEntry, Capture, CaptureIdentity
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import database_now
from syncapp.tenant.checks.findings import Answer, Level
from tests.support.people import ada
from tests.sync_filters.users import make_user
from tests.tenant.checks.conftest import WHO_AM_I, answer_of, answering
from tests.tenant.checks.test_auditing import CONTACT, ago, changed, entry

SIGNER = "00000000-0000-4000-8000-0000000000aa"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _observing(settings: Settings) -> None:
    settings.CAPTURE = "audit"
    Capture.objects.create(mode=CaptureMode.OBSERVING, observing_since=database_now())
    CaptureIdentity.objects.create(user_id=SIGNER, name="# SSSAdminProd")


@pytest.fixture
def user() -> uuid.UUID:
    """Return the CRM user of Ada, an administrator."""
    return make_user("Ada", entra_id=ada().oid).pk


def check(*edits: dict[str, Any], by: Any = None, row: dict[str, Any] | None = None) -> Answer:
    """Make the check with these edits in the audit log and `row` as the contact's last change."""
    answers = {"/audits": {"value": list(edits)}, "WhoAmI": WHO_AM_I, "/contacts": {"value": [row] if row else []}}
    with answering(answers) as context:
        context.checked_by = by
        return answer_of("signature-on-own-edit", context)


def edit(user: uuid.UUID, *, signer: str | None = SIGNER, seconds_ago: float = 90, **columns: Any) -> dict[str, Any]:
    """Return the audit entry of an edit."""
    by = {"_userid_value": str(user), "_callinguserid_value": signer}
    return entry(CONTACT, ago(seconds_ago), **by | {"auditid": str(uuid.uuid4()), **columns})


def is_stored() -> bool:
    """Return whether the signature is stored as seen and its user as confirmed."""
    confirmed = CaptureIdentity.objects.filter(is_confirmed=True).exists()
    assert confirmed is (Capture.objects.get().signature_seen_at is not None)
    return confirmed


def test_signed_own_edit_unlocks_restoring(user: uuid.UUID) -> None:
    found = check(edit(user), by=ada())

    assert (found.level, is_stored()) == (Level.OK, True)
    assert [(each.action, each.actor, each.details) for each in AuditEntry.objects.all()] == [
        ("capture.signature", ada(), {"evidence": "calling_user"})
    ]


@pytest.mark.parametrize("signer", [None, "00000000-0000-4000-8000-0000000000bb"], ids=["unsigned", "by another"])
def test_unsigned_own_edit_unlocks_nothing(user: uuid.UUID, signer: str | None) -> None:
    found = check(edit(user, signer=signer))

    assert (found.level, is_stored()) == (Level.WARNING, False)
    assert "none signed" in found.answer
    assert "Change a contact in Outlook" in found.remedy


def test_check_without_edit_explains_what_to_do(user: uuid.UUID) -> None:
    found = check()

    assert (found.level, is_stored()) == (Level.UNKNOWN, False)
    assert found.remedy.startswith("Change a contact in Outlook, wait until the CRM shows it")


def test_earlier_proof_counts_until_signature_vanishes(user: uuid.UUID) -> None:
    check(edit(user))

    assert check().level is Level.OK
    Capture.objects.update(mode=CaptureMode.PAUSED, mode_since=database_now(), reason="signature_gone")
    assert check().level is Level.UNKNOWN


def test_delegate_recorded_on_contact_unlocks_restoring(user: uuid.UUID) -> None:
    own = edit(user, signer=None)
    by = {"_modifiedby_value": str(user), "_modifiedonbehalfby_value": SIGNER}

    assert check(own, row=changed(CONTACT, ago(10), **by)).level is Level.WARNING
    found = check(own, row=changed(CONTACT, own["createdon"], **by))

    assert (found.level, found.answer) == (Level.OK, "seen: signed; shown by the contact’s Modified By (Delegate)")
    assert is_stored()


def test_check_needs_administrator_with_crm_user() -> None:
    ada()

    found = check(edit(uuid.uuid4()))

    assert (found.level, is_stored()) == (Level.UNKNOWN, False)
    assert "known CRM user" in found.answer


@pytest.mark.parametrize("matches", [True, False])
def test_user_without_entra_id_is_matched_by_address(matches: bool) -> None:
    user = make_user("Ada", entra_id=None, address=ada().address.upper() if matches else "other@brandvik.example")

    assert (check(edit(user.pk)).level is Level.OK) is matches


@pytest.mark.parametrize("off", ["setting", "mode", "row"])
def test_disabled_capture_is_not_checked(user: uuid.UUID, settings: Settings, off: str) -> None:
    if off == "setting":
        settings.CAPTURE = "off"
    elif off == "mode":
        Capture.objects.update(mode=CaptureMode.OFF)
    else:
        Capture.objects.all().delete()

    found = check(edit(user))

    assert (found.level, found.answer) == (Level.UNKNOWN, "not checked: capture is off")
    assert not CaptureIdentity.objects.filter(is_confirmed=True).exists()
