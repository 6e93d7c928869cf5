"""Queueing of messages."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from syncapp.models import Message, Person
from syncapp.models.jobs.job import JobState
from syncapp.outbox import messages
from tests.support import people
from tests.support.factories import make_record

pytestmark = pytest.mark.django_db


def test_message_is_due_at_once() -> None:
    record = make_record()

    message = messages.queue("question", to=people.rita(), record=record, details={"text": "Is this right?"})

    assert message is not None
    assert list(Message.objects.all().due()) == [message]
    assert (message.state, message.record, message.recipient) == (JobState.READY, record, people.rita())


def test_message_can_be_sent_to_plain_address() -> None:
    message = messages.queue("outcome", to="jonas@contoso.example", record=make_record())

    assert message is not None
    assert (message.recipient, message.address) == (None, "jonas@contoso.example")


@pytest.mark.parametrize("columns", [{"is_active": False}, {"is_reviewer": False}, {"address": ""}])
def test_person_without_access_or_address_gets_no_mail(columns: dict[str, object]) -> None:
    rita = people.rita()
    Person.objects.filter(pk=rita.pk).update(**columns)
    rita.refresh_from_db()

    assert messages.queue("test", to=rita) is None
    assert not Message.objects.exists()


def test_same_once_key_queues_one_message() -> None:
    first = messages.queue("overdue", to=people.rita(), once="overdue of today")

    assert messages.queue("overdue", to=people.rita(), once="overdue of today") is None
    assert list(Message.objects.all()) == [first]


def test_messages_without_once_key_are_all_queued() -> None:
    for _ in range(2):
        messages.queue("test", to=people.rita())

    assert Message.objects.count() == 2


def test_no_mail_service_queues_nothing(settings: Settings) -> None:
    settings.MAIL_BACKEND = ""

    assert messages.queue("test", to=people.rita()) is None


def test_message_needs_recipient() -> None:
    message = messages.queue("test", to=people.rita())
    assert message is not None

    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(recipient=None)
