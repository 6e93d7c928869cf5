"""The operators are told once when the portal is in trouble, and once when that is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from syncapp import alarms, gates, preferences
from syncapp.mirror import changes
from syncapp.models import Gate, Message, MirrorCursor, Pulse
from tests import people
from tests.emails.conftest import PostOffice, post_office  # noqa: F401  (a fixture is found by its name)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _well(db: None) -> None:
    """A worker answers, the CRM is read, somebody wants to know."""
    preferences.change(by=None, operations_address="ops@contoso.example")
    heal()


def heal() -> None:
    now = timezone.now()
    Pulse.objects.update_or_create(name="worker", defaults={"answered_at": now})
    for table in (changes.FIELDS, changes.RECORDS):
        MirrorCursor.objects.update_or_create(table=table, defaults={"pulled_at": now})


def close(name: str, *, minutes: float = 5) -> None:
    gates.close(name, reason="test", probe_in=60)
    Gate.objects.filter(name=name).update(closed_at=timezone.now() - timedelta(minutes=minutes))


def told() -> list[tuple[str, bool]]:
    rows = Message.objects.order_by("created_at").values_list("details", flat=True)
    return [(details["code"], details["over"]) for details in rows]


def test_all_is_well_and_nobody_is_told() -> None:
    assert alarms.watch() == 0


def test_a_closed_gate_is_told_once_and_its_end_once() -> None:
    close(Gate.Name.CRM_UNREACHABLE)
    alarms.watch()
    alarms.watch()
    assert told() == [("crm_unreachable", False)]

    gates.reopen(Gate.Name.CRM_UNREACHABLE)
    alarms.watch()
    alarms.watch()

    assert told() == [("crm_unreachable", False), ("crm_unreachable", True)]


def test_what_is_over_within_a_minute_wakes_nobody() -> None:
    close(Gate.Name.CRM_UNREACHABLE, minutes=0.5)

    assert alarms.watch() == 0


def test_a_pause_that_the_crm_asked_for_is_no_trouble() -> None:
    close(Gate.Name.CRM_THROTTLED)

    assert alarms.watch() == 0


def test_a_silent_worker_and_a_stalled_mirror_are_told() -> None:
    long_ago = timezone.now() - timedelta(minutes=10)
    Pulse.objects.update(answered_at=long_ago)
    MirrorCursor.objects.update(pulled_at=long_ago)

    alarms.watch()

    assert {code for code, _ in told()} == {"worker", "pull"}


def test_without_an_address_the_administrators_are_told() -> None:
    preferences.change(by=None, operations_address="")
    ada = people.ada()
    people.rita()
    close(Gate.Name.CRM_UNREACHABLE)

    alarms.watch()

    assert [message.recipient for message in Message.objects.all()] == [ada]


def test_the_watch_outside_of_the_workers_hands_its_mails_over_itself(post_office: PostOffice) -> None:  # noqa: F811  (the fixture itself)
    Pulse.objects.update(answered_at=timezone.now() - timedelta(minutes=10))

    call_command("watch", stdout=None)

    assert "No background worker answers" in post_office.mail().subject
