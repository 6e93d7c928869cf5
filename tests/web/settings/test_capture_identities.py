"""The page of signing users and programs: the list, the search, and the effects of adding and removing."""

from __future__ import annotations

import uuid

import pytest
from django.db import DataError
from pytest_django import Settings

from syncapp.capture import identities, signature, switching
from syncapp.capture.errors import SwitchRefused
from syncapp.models import AuditEntry, Capture, CaptureIdentity, CaptureSource, FilterUser
from syncapp.models.capture.entry import Evidence, Source
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from tests.capture.changes import program
from tests.capture.switches import SIGNER, mode, now, observe, recorded
from tests.support.failing_statements import failing
from tests.support.people import ada, browser, rita
from tests.support.screen import Screen
from tests.sync_filters.users import make_user

pytestmark = pytest.mark.django_db
URL = "/settings/capture/identities/"
Kind = CaptureIdentity.Kind


@pytest.fixture(autouse=True)
def _audit(settings: Settings) -> None:
    settings.CAPTURE = "audit"
    observe()


def restore(source: Source = Source.OUTLOOK) -> None:
    """Make capture restore edits of a source for an hour."""
    CaptureSource.objects.create(source=source, is_on=True, since=now(hours=1), switched_by=ada())
    Capture.objects.update(mode=CaptureMode.RESTORING, mode_since=now(hours=1))


def signer(name: str = "# SSSAdminEurope") -> FilterUser:
    """Store an application user that is not listed yet."""
    return make_user(name, is_application=True)


def page(**query: str) -> Screen:
    return Screen(browser(ada()).get(URL, query))


def add(user: FilterUser, kind: str = Kind.SYNCHRONIZATION) -> Screen:
    return Screen(browser(ada()).post(f"{URL}{user.pk}/add", {"kind": kind}, follow=True))


def remove(user_id: uuid.UUID) -> Screen:
    return Screen(browser(ada()).post(f"{URL}{user_id}/remove", follow=True))


def test_list_shows_who_added_and_confirmed() -> None:
    erp = {"kind": Kind.PROGRAM, "name": "# ERP", "added_by": ada()}
    CaptureIdentity.objects.create(user_id=uuid.uuid4(), **erp)
    CaptureIdentity.objects.filter(pk=SIGNER).update(name="# SSSAdminProd", seen_at=now(hours=2))

    words = page().words

    assert "# SSSAdminProd 00000000-0000-4000-8000-0000000000aa Signs what Outlook saves" in words
    assert "by the check Confirmed 2 h ago" in words
    assert "A program, never Outlook" in words
    assert "by Ada" in words


def test_empty_list_says_what_will_appear() -> None:
    CaptureIdentity.objects.all().delete()

    assert "appears here after the first reading" in page().words


def test_search_finds_people_and_applications() -> None:
    user, _ = signer("# ERP Connector"), make_user("Erpelius Oak")
    make_user("Somebody Else")

    screen = page(q="erp")

    assert "# ERP Connector Application user" in screen.words
    assert "Erpelius Oak Person" in screen.words
    assert "Somebody Else" not in screen.words
    assert "# ERP Connector" in page(q=str(user.pk)).words


def test_search_without_result_says_so() -> None:
    assert "No CRM user matches “nobody”" in page(q="nobody").words


def test_listed_user_is_not_offered_again() -> None:
    user = signer()
    assert any(found.get("href", "").endswith(f"{user.pk}/add") for _, found in page(q="SSSAdminEurope").tags)

    add(user)

    assert not any(found.get("href", "").endswith(f"{user.pk}/add") for _, found in page(q="SSSAdminEurope").tags)


def test_form_warns_that_adding_pauses_capture() -> None:
    user = signer()
    address = f"{URL}{user.pk}/add"
    assert "Capture pauses immediately." not in Screen(browser(ada()).get(address)).words
    restore()

    assert "Capture pauses immediately." in Screen(browser(ada()).get(address)).words


def test_capture_pauses_until_new_signers_signature_is_seen() -> None:
    restore()
    user = signer()

    screen = add(user)

    assert "# SSSAdminEurope is listed now. Nothing is restored until" in screen.words
    assert mode() == ("paused", "signers_changed")
    words = Screen(browser(ada()).get("/settings/capture/")).words
    assert "# SSSAdminEurope is a new signing user whose signature has not been seen yet. Resuming waits until" in words
    assert "may have begun to sign differently" not in words
    identity = CaptureIdentity.objects.get(pk=user.pk)
    assert (identity.kind, identity.added_by, identity.is_confirmed) == (Kind.SYNCHRONIZATION, ada(), False)
    with pytest.raises(SwitchRefused, match="has not been seen"):
        switching.resume(by=ada())

    signature.store(SIGNER, by=ada(), evidence=Evidence.CALLING_USER)
    with pytest.raises(SwitchRefused, match="has not been seen"):
        switching.resume(by=ada())
    signature.store(user.pk, by=ada(), evidence=Evidence.CALLING_USER)
    switching.resume(by=ada())

    assert mode() == ("restoring", "")


def test_new_signing_user_prevents_switching_on() -> None:
    add(signer())

    assert mode() == ("observing", "")
    with pytest.raises(SwitchRefused, match="has not been seen"):
        switching.switch_on(Source.OUTLOOK, by=ada(), pilot_team_id=None)


def test_pause_and_user_are_stored_together() -> None:
    restore()
    user = signer()

    with failing("UPDATE", Capture), pytest.raises(DataError):
        identities.store_signer(user.pk, user.name)

    assert not CaptureIdentity.objects.filter(pk=user.pk).exists()


def test_program_is_added_without_a_pause() -> None:
    restore()
    user = signer("# ERP Connector")

    add(user, Kind.PROGRAM)

    assert mode() == ("restoring", "")
    assert CaptureIdentity.objects.get(pk=user.pk).kind == Kind.PROGRAM


def test_changes_are_in_the_audit_log() -> None:
    user = signer()

    add(user)
    remove(user.pk)

    found = AuditEntry.objects.order_by("pk").values_list("action", "actor", "details")
    details = {"kind": "sync", "user": str(user.pk)}
    assert list(found) == [
        ("capture.identity_added", ada().pk, details),
        ("capture.identity_removed", ada().pk, details),
    ]
    words = Screen(browser(ada()).get("/activity/")).words
    assert "Capture user added" in words
    assert "Capture user removed" in words


@pytest.mark.parametrize("kind", Kind.values)
def test_listed_user_is_not_added_again(kind: str) -> None:
    user = signer()
    add(user)

    screen = add(user, kind)

    assert screen.status == 422
    assert "# SSSAdminEurope is already listed." in screen.words
    assert CaptureIdentity.objects.get(pk=user.pk).kind == Kind.SYNCHRONIZATION


def test_user_from_setting_cannot_be_a_program() -> None:
    screen = add(signer("# SSSAdminProd"), Kind.PROGRAM)

    assert "so it cannot be listed as a program" in screen.words
    assert recorded() == []


@pytest.mark.parametrize("kind", ["", "robot"])
def test_missing_or_unknown_kind_is_refused(kind: str) -> None:
    screen = add(signer(), kind)

    assert screen.status == 422
    assert "Choose what this user is." in screen.words
    assert recorded() == []


def test_removed_signing_user_pauses_capture() -> None:
    restore()

    screen = remove(SIGNER)

    assert "is removed" in screen.words
    assert mode() == ("paused", "signers_changed")
    words = Screen(browser(ada()).get("/settings/capture/")).words
    assert "no longer counts as a signing user. Resuming waits until" in words
    assert not CaptureIdentity.objects.exists()


def test_user_from_setting_cannot_be_removed() -> None:
    CaptureIdentity.objects.update(name="# SSSAdminProd")
    assert "named by CRM_SYNC_USER" in page().words

    screen = remove(SIGNER)

    assert "CRM_SYNC_USER names # SSSAdminProd." in screen.words
    assert CaptureIdentity.objects.exists()


def test_removing_a_program_restarts_its_source() -> None:
    Capture.objects.update(rule=CaptureRule.ORIGINAL)
    restore(Source.PROGRAM)
    before = CaptureSource.objects.get().since
    erp = CaptureIdentity.objects.create(user_id=program(), kind=Kind.PROGRAM, added_by=ada())

    remove(erp.pk)

    since = CaptureSource.objects.get().since
    assert since is not None
    assert before is not None
    assert since > before
    assert mode() == ("restoring", "")


def test_unknown_user_is_refused() -> None:
    assert "no longer listed" in remove(uuid.uuid4()).words
    assert browser(ada()).get(f"{URL}{uuid.uuid4()}/add").status_code == 404
    assert recorded() == []


def test_only_administrators_may_change_the_list() -> None:
    user = signer()
    for person in (rita(), None):
        browser(person).post(f"{URL}{user.pk}/add", {"kind": Kind.SYNCHRONIZATION})

    assert not CaptureIdentity.objects.filter(pk=user.pk).exists()


def test_capture_page_links_to_the_list() -> None:
    CaptureIdentity.objects.update(name="# SSSAdminProd")

    screen = Screen(browser(ada()).get("/settings/capture/"))

    assert "# SSSAdminProd signs what Outlook saves." in screen.words
    assert any(found.get("href") == URL for _, found in screen.tags)
