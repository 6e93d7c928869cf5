"""Links in mails."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from syncapp.notifications import links
from syncapp.notifications.links import Intent, State
from tests.support import people

pytestmark = pytest.mark.django_db
RECORD = uuid.UUID("d3b07384-d113-4ec9-8d9a-0f1f0e0a1a11")


def token(address: str) -> str:
    return address.rpartition("/")[2]


@pytest.mark.parametrize("intent", Intent)
def test_link_carries_edit_and_intent(intent: Intent) -> None:
    address = links.to_record(RECORD, recipient=people.rita(), intent=intent)

    found = links.open_link(token(address), person=people.rita())

    assert (found.record_id, found.intent, found.state) == (RECORD, intent, State.GOOD)
    assert len(address) < links.MAX_LENGTH / 2


def test_forwarded_link_loses_its_intent() -> None:
    address = links.to_record(RECORD, recipient=people.rita(), intent=Intent.APPROVE)

    found = links.open_link(token(address), person=people.rob())

    assert (found.record_id, found.intent, found.state) == (RECORD, Intent.LOOK, State.FOREIGN)


def test_old_link_loses_its_intent() -> None:
    with time_machine.travel(timezone.now() - timedelta(days=31), tick=False):
        address = links.to_record(RECORD, recipient=people.rita(), intent=Intent.APPROVE)

    found = links.open_link(token(address), person=people.rita())

    assert (found.record_id, found.intent, found.state) == (RECORD, Intent.LOOK, State.OLD)


def test_truncated_link_leads_to_the_edit() -> None:
    address = links.to_record(RECORD, recipient=people.rita(), intent=Intent.APPROVE)

    found = links.open_link(token(address)[:-9], person=people.rita())

    assert (found.record_id, found.state) == (RECORD, State.FOREIGN)


@pytest.mark.parametrize("nonsense", ["", "x", "%00", "ünlesbar", "a" * 300])
def test_invalid_token_is_treated_as_foreign(nonsense: str) -> None:
    found = links.open_link(nonsense, person=people.rita())

    assert found.state == State.FOREIGN


def test_preferences_link_names_its_reader() -> None:
    rita = people.rita()

    assert links.recipient_of(token(links.to_preferences(rita))) == rita
    assert links.recipient_of(links.encode_id(rita.pk)) is None
