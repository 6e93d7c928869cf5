"""Links in mails preselect a decision without making it, and always lead to their edit; one POST stops mails."""

from __future__ import annotations

import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from syncapp.models import AuditEntry, Person, SyncField, SyncRecord
from syncapp.notifications import links
from syncapp.notifications.links import Intent
from tests.support import people, scenes
from tests.support.factories import make_field, make_record, store_columns
from tests.support.people import browser
from tests.support.screen import Screen, on, pressed

pytestmark = pytest.mark.django_db


@pytest.fixture
def record() -> SyncRecord:
    store_columns()
    record = make_record()
    make_field(record, "jobtitle")
    make_field(record, "telephone1", original_value="1", proposed_value="2")
    return record


def path(record: SyncRecord, intent: Intent = Intent.LOOK, *, reader: Person | None = None) -> str:
    return urlsplit(links.to_record(record.pk, recipient=reader or people.rita(), intent=intent)).path


def follow(address: str, client: Client | None = None) -> Screen:
    return Screen((client or browser(people.rita())).get(address, follow=True))


def undecided() -> int:
    return SyncField.objects.undecided().count()


def test_link_redirects_signed_out_reader_to_sign_in(record: SyncRecord) -> None:
    response = browser().get(path(record))

    assert response.headers["Location"].startswith("/sign-in?next=%2Fl%2F")


def test_token_is_removed_from_the_address(record: SyncRecord) -> None:
    response = browser(people.rita()).get(path(record, Intent.APPROVE))

    assert response.headers["Location"] == f"/review/{record.pk}/?link=a"


@pytest.mark.parametrize("ending", ["/", "//", "/)"])
def test_link_with_trailing_characters_leads_to_edit(record: SyncRecord, ending: str) -> None:
    response = browser(people.rita()).get(path(record, Intent.APPROVE) + ending)

    assert response.headers["Location"].startswith(f"/review/{record.pk}/?link=")
    assert response.headers["Location"].endswith("link=a") == (ending != "/)")


def test_approve_link_only_preselects(record: SyncRecord) -> None:
    client = browser(people.rita())

    screen = follow(path(record, Intent.APPROVE), client)

    assert "Your mail asked to approve" in screen.words
    assert all(screen.is_checked(on(field, "tick"), "1") for field in record.fields.all())
    assert undecided() == 2
    pressed(client, screen, record, "do=marked")
    assert undecided() == 0


def test_reject_link_preselects_rejection_of_all_fields(record: SyncRecord) -> None:
    screen = follow(path(record, Intent.REJECT))

    assert "Your mail asked to reject" in screen.words
    assert screen.is_checked("mark.all", "reject")
    assert undecided() == 2


def test_reject_link_preselects_rejection_of_single_field() -> None:
    store_columns()
    field = make_field()

    screen = follow(path(field.record, Intent.REJECT))

    assert screen.is_checked(on(field, "mark"), "reject")


def focused(screen: Screen) -> list[str]:
    """Return the values of the controls that take the focus when the page opens."""
    return [tag["value"] for _, tag in screen.tags if "autofocus" in tag]


def test_link_focuses_the_control_of_its_intent(record: SyncRecord) -> None:
    alone = make_field(make_record("Solveig Brandt"))

    assert focused(follow(path(record, Intent.APPROVE))) == ["marked"]
    assert focused(follow(path(alone.record, Intent.APPROVE))) == [f"approve:{alone.pk}"]
    for edit in (record, alone.record):
        assert focused(follow(path(edit, Intent.REJECT))) == ["not_correct"], "the first reason"
        assert focused(follow(path(edit))) == []


def test_link_without_intent_ticks_nothing(record: SyncRecord) -> None:
    screen = follow(path(record))

    assert "Your mail asked" not in screen.words
    assert not any(screen.is_checked(on(field, "tick"), "1") for field in record.fields.all())


def test_decided_edit_names_decider_and_time(record: SyncRecord) -> None:
    for field in record.fields.all():
        scenes.approved(field, by=people.rob())

    screen = follow(path(record, Intent.APPROVE))

    assert "Already decided, last by Rob at" in screen.words
    assert "Your mail asked to approve" not in screen.words


def test_link_names_decisions_made_since(record: SyncRecord) -> None:
    scenes.approved(record.fields.get(column_name="jobtitle"), by=people.rob())

    assert "Since then, 1 of 2 fields was decided, last by Rob" in follow(path(record, Intent.APPROVE)).words


def test_link_made_for_colleague_preselects_nothing(record: SyncRecord) -> None:
    screen = follow(path(record, Intent.APPROVE, reader=people.rob()))

    assert "made for someone else" in screen.words
    assert not any(screen.is_checked(on(field, "tick"), "1") for field in record.fields.all())


def test_expired_link_says_that_it_is_old(record: SyncRecord) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=40), tick=False):
        address = path(record, Intent.APPROVE)

    assert "This link is old" in follow(address).words


def test_link_to_missing_edit_leads_to_queue(record: SyncRecord) -> None:
    address = urlsplit(links.to_record(uuid.uuid4(), recipient=people.rita())).path

    assert "is no longer here" in follow(address).words


def test_preferences_link_with_slash_opens(record: SyncRecord) -> None:
    assert browser().get(urlsplit(links.to_preferences(people.rita())).path + "/").status_code == 200


def test_opening_mail_preferences_changes_nothing(record: SyncRecord) -> None:
    rita = people.rita()

    screen = follow(urlsplit(links.to_preferences(rita)).path, browser())

    rita.refresh_from_db()
    assert "Opening this page has not changed anything" in screen.words
    assert rita.notify == Person.Notify.AT_ONCE


def test_one_click_post_turns_mails_off() -> None:
    rita = people.rita()
    client = Client(enforce_csrf_checks=True)

    response = client.post(urlsplit(links.to_preferences(rita)).path, {"List-Unsubscribe": "One-Click"})

    rita.refresh_from_db()
    assert (response.status_code, rita.notify) == (200, Person.Notify.OFF)
    assert "portal_session" not in response.cookies
    assert AuditEntry.objects.filter(actor=rita).count() == 1


def test_mail_preference_can_be_changed() -> None:
    rita = people.rita()

    Screen(browser().post(urlsplit(links.to_preferences(rita)).path, {"wish": "daily"}))

    rita.refresh_from_db()
    assert rita.notify == Person.Notify.DAILY


def test_mail_preference_needs_whole_link() -> None:
    rita = people.rita()

    response = browser().post(urlsplit(links.to_preferences(rita)).path[:-5], {"List-Unsubscribe": "One-Click"})

    rita.refresh_from_db()
    assert (response.status_code, rita.notify) == (404, Person.Notify.AT_ONCE)
