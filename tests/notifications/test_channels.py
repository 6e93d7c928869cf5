"""Channels: adding one, its errors, its settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from syncapp.models import Breaker, Message
from syncapp.models.jobs.job import JobState
from syncapp.notifications import mail_service
from syncapp.notifications.channels.registry import CHANNELS
from syncapp.outbox import messages
from tests.notifications import chat
from tests.notifications.conftest import send_due
from tests.support import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def registered(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(CHANNELS, "chat", chat.CHANNEL)
    settings.MAIL_BACKEND, settings.CHAT_ROOM, settings.MAIL_FROM = "chat", "sync", ""
    mail_service.channel.cache_clear()
    chat.posts.clear()
    yield
    mail_service.channel.cache_clear()


@pytest.fixture
def message() -> Message:
    made = messages.queue("test", to=people.rita())
    assert made is not None
    return made


def test_new_channel_receives_messages(message: Message) -> None:
    assert send_due() == 1

    ((to, subject, text),) = chat.posts
    assert to == "rita@brandvik.example"
    assert subject
    assert "<" not in text
    message.refresh_from_db()
    assert (message.state, message.sends) == (JobState.DONE, 1)


def test_errors_of_new_channel_trip_breaker(message: Message, settings: Settings) -> None:
    settings.CHAT_ROOM = ""

    send_due()

    message.refresh_from_db()
    assert (message.state, message.sends, chat.posts) == (JobState.READY, 0, [])
    assert Breaker.objects.get(name=Breaker.Name.SMTP).opened_at is not None


def test_settings_of_new_channel_are_checked(settings: Settings) -> None:
    settings.CHAT_ROOM = ""

    assert [found.msg for found in run_checks(tags=["osync"])] == ["CHAT_ROOM is needed."]


def test_check_reports_unregistered_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(CHANNELS, "chat")

    assert [found.id for found in run_checks(tags=["osync"])] == ["osync.E011"]
