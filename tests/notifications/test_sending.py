"""Delivery of mails: retries, failures, unknown outcomes."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection as database
from django.utils import timezone
from pytest_django import Settings

from syncapp.jobs import queue
from syncapp.models import Breaker, Message, Person
from syncapp.models.jobs.job import JobState
from syncapp.notifications import mail_service, sending
from syncapp.outbox import messages
from tests.notifications.conftest import PostOffice, send_due
from tests.support import people
from tests.support.servers import free_port

pytestmark = pytest.mark.django_db
SECOND_COPY = "This may be a second copy"
ONLY_SQLITE_STORES_SURROGATES = pytest.mark.skipif(
    database.vendor == "postgresql", reason="PostgreSQL refuses a lone surrogate when the message is stored"
)
OPERATIONS = {"code": "worker", "text": "No worker answers.", "since": "now", "over": False}


@pytest.fixture
def message(post_office: PostOffice) -> Message:
    made = messages.queue("test", to=people.rita())
    assert made is not None
    return made


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def breaker() -> Breaker | None:
    return Breaker.objects.filter(name=Breaker.Name.SMTP, opened_at__isnull=False).first()


def later(seconds: float = 3600) -> None:
    """Let time pass, by moving all due times back."""
    back = timezone.now() - timedelta(seconds=seconds)
    Message.objects.update(due_at=back, dispatched_at=None)
    Message.objects.exclude(lease_until=None).update(lease_until=back)
    Breaker.objects.exclude(next_probe_at=None).update(next_probe_at=back)


def test_due_message_is_delivered(post_office: PostOffice, message: Message) -> None:
    assert send_due() == 1

    assert post_office.mail().recipients == "rita@brandvik.example"
    assert SECOND_COPY not in post_office.mail().text
    assert (state(message), message.sends) == (JobState.DONE, 1)


def test_one_task_sends_all_due_messages(post_office: PostOffice, message: Message) -> None:
    for _ in range(2):
        messages.queue("test", to=people.rita())

    assert sending.send_due(message.pk, channel=mail_service.channel(), seconds=5) == 3
    assert len(post_office.mails()) == 3


def test_dispatched_mail_counts_against_limit_until_sent(post_office: PostOffice, message: Message) -> None:
    assert queue.room_for(Message, limit=1) == 1

    queue.claim_for_dispatch(Message, limit=1)
    assert queue.room_for(Message, limit=1) == 0
    queue.claim(Message, message.pk)
    assert queue.room_for(Message, limit=1) == 0
    later()
    send_due()

    assert queue.room_for(Message, limit=1) == 1


def test_stalled_mail_leaves_room_for_another(post_office: PostOffice, message: Message) -> None:
    others = [messages.queue("test", to=people.rita()) for _ in range(2)]
    held = queue.claim(Message, message.pk)
    assert held is not None
    held.row().update(lease_until=queue.database_now(plus=50))  # its process ended ten seconds ago

    assert queue.room_for(Message, limit=1) == 1
    queue.claim(Message, others[0].pk)
    assert queue.room_for(Message, limit=1) == 0


def test_second_worker_sends_nothing(post_office: PostOffice, message: Message) -> None:
    send_due()

    assert sending.send(message.pk, channel=mail_service.channel()) is False
    assert len(post_office.mails()) == 1


def test_unavailable_service_trips_breaker_and_costs_no_attempt(
    post_office: PostOffice, message: Message, settings: Settings
) -> None:
    there, settings.SMTP_PORT = settings.SMTP_PORT, free_port()
    mail_service.channel.cache_clear()
    send_due()
    assert (breaker() is not None, state(message), message.attempts, message.sends) == (True, JobState.READY, 0, 0)

    settings.SMTP_PORT = there
    mail_service.channel.cache_clear()
    assert send_due() == 0, "nothing is sent before the probe is due"
    later()
    send_due()

    assert breaker() is None
    assert len(post_office.mails()) == 1


def test_refused_account_trips_breaker(post_office: PostOffice, message: Message, settings: Settings) -> None:
    settings.SMTP_USER, settings.SMTP_PASSWORD = "sync", "wrong"
    mail_service.channel.cache_clear()

    send_due()

    opened = breaker()
    assert opened is not None
    assert state(message) == JobState.READY
    assert "wrong" not in opened.reason


def test_temporarily_refused_mail_is_retried(post_office: PostOffice, message: Message) -> None:
    post_office.fault(status=451, times=1)
    send_due()
    assert (state(message), message.sends, breaker()) == (JobState.READY, 0, None)
    assert send_due() == 0

    later()
    send_due()

    assert SECOND_COPY not in post_office.mail().text


def test_refused_mail_fails(post_office: PostOffice, message: Message) -> None:
    post_office.fault(status=554)

    send_due()

    assert (state(message), message.last_error, breaker()) == (JobState.FAILED, "554", None)


def test_mail_with_unknown_outcome_is_resent_once(post_office: PostOffice, message: Message) -> None:
    post_office.fault(cut="after_commit", times=1)
    send_due()
    assert (state(message), message.outcome_unknown) == (JobState.VERIFY, True)

    later()
    send_due()

    first, second = post_office.mails()
    assert SECOND_COPY not in first.text
    assert SECOND_COPY in second.text
    assert SECOND_COPY in second.html
    assert first.parsed["Message-ID"] == second.parsed["Message-ID"]
    assert state(message) == JobState.DONE


def test_mail_is_never_sent_three_times(post_office: PostOffice, message: Message) -> None:
    post_office.fault(cut="after_commit")

    for _ in range(4):
        send_due()
        later()

    assert len(post_office.mails()) == 2
    assert (state(message), message.last_error) == (JobState.FAILED, "outcome unknown twice")


class _Crash(BaseException):
    """The process has ended."""


@pytest.mark.parametrize("delivered", [True, False])
def test_crash_while_sending_adds_at_most_one_copy(
    post_office: PostOffice, message: Message, monkeypatch: pytest.MonkeyPatch, delivered: bool
) -> None:
    point = "message.answered" if delivered else "message.sent"

    def crash(name: str) -> None:
        if name == point:
            raise _Crash

    with monkeypatch.context() as patch:
        patch.setattr(sending, "failpoint", crash)
        with pytest.raises(_Crash):
            send_due()
    assert state(message) == JobState.SENT

    later()
    queue.sweep(Message)
    later()
    send_due()
    send_due()

    copies = post_office.mails()
    assert len(copies) == (2 if delivered else 1)
    assert SECOND_COPY in copies[-1].text
    assert state(message) == JobState.DONE


def test_lost_lease_finishes_nothing(post_office: PostOffice, message: Message) -> None:
    claim = queue.claim(Message, message.pk)
    assert claim is not None
    later()
    queue.sweep(Message)
    queue.claim(Message, message.pk)

    with pytest.raises(queue.LostLease):
        queue.finish(claim)


def test_deactivated_reader_gets_no_mail(post_office: PostOffice, message: Message) -> None:
    Person.objects.update(is_active=False)

    send_due()

    assert post_office.mails() == []
    assert (state(message), message.last_error) == (JobState.DONE, sending.NOTHING_TO_SAY)


def test_graph_sends_the_same_mail(post_office: PostOffice, message: Message, settings: Settings) -> None:
    settings.MAIL_BACKEND, settings.GRAPH_ORIGIN = "graph", post_office.server.url
    mail_service.channel.cache_clear()

    send_due()

    mail = post_office.mail()
    assert (mail.via, mail.recipients) == ("graph", "rita@brandvik.example")
    assert mail.parsed["Auto-Submitted"] == "auto-generated"
    assert "test mail from Outlook Sync" in mail.text


def test_refused_graph_application_trips_breaker(post_office: PostOffice, message: Message, settings: Settings) -> None:
    settings.MAIL_BACKEND, settings.GRAPH_ORIGIN = "graph", post_office.server.url
    mail_service.channel.cache_clear()
    post_office.server.application.faults.put({"rules": [{"path": "sendMail", "status": 403}]})

    send_due()

    assert breaker() is not None
    assert (state(message), message.sends) == (JobState.READY, 0)


def test_interrupted_graph_delivery_is_resent_once(
    post_office: PostOffice, message: Message, settings: Settings
) -> None:
    settings.MAIL_BACKEND, settings.GRAPH_ORIGIN = "graph", post_office.server.url
    mail_service.channel.cache_clear()
    post_office.server.application.faults.put({"rules": [{"path": "sendMail", "cut": "after_commit"}]})

    for _ in range(4):
        send_due()
        later()

    assert [SECOND_COPY in mail.text for mail in post_office.mails()] == [False, True]


@pytest.mark.parametrize(
    "address",
    [
        "a@x.example;b@x.example",
        "jörg@x.example",
        "a@",
        "no at all",
        "a b@x.example",
        "a@x..example",
        "ß" * 70 + "@x.y",
    ],
)
def test_invalid_address_fails_at_once(post_office: PostOffice, message: Message, address: str) -> None:
    Person.objects.update(address=address if "@" in address else f"{address}@")
    good = messages.queue("operations", to="ops@contoso.example", details=OPERATIONS)
    assert good is not None

    send_due()

    assert [mail.recipients for mail in post_office.mails()] == ["ops@contoso.example"]
    assert (state(message), message.attempts, message.last_error) == (JobState.FAILED, 1, "address")
    assert address[:100] in message.failure


def test_international_domain_is_sent_in_punycode(post_office: PostOffice, message: Message) -> None:
    Person.objects.update(address="x@müller.example")

    send_due()

    mail = post_office.mail()
    assert mail.recipients == "x@xn--mller-kva.example"
    assert "x@xn--mller-kva.example" in mail.parsed["To"]


def test_mail_with_missing_details_fails_after_last_attempt(
    post_office: PostOffice, message: Message, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ATTEMPTS = 2
    broken = messages.queue("operations", to="ops@contoso.example", details={})
    assert broken is not None

    for _ in range(2):
        send_due()
        later()

    assert state(message) == JobState.DONE
    assert (state(broken), broken.last_error) == (JobState.FAILED, "unexpected: KeyError")
    assert "Traceback" in caplog.text


@ONLY_SQLITE_STORES_SURROGATES
def test_mail_that_cannot_be_encoded_fails_at_once(post_office: PostOffice, message: Message) -> None:
    lone_surrogate = OPERATIONS | {"since": "\ud800"}
    broken = messages.queue("operations", to="ops@contoso.example", details=lone_surrogate)
    assert broken is not None

    send_due()

    assert (state(broken), broken.attempts, broken.last_error) == (JobState.FAILED, 1, "encoding")
    assert "cannot be encoded" in broken.failure
    assert state(message) == JobState.DONE


@ONLY_SQLITE_STORES_SURROGATES
def test_lone_surrogate_in_name_is_marked(post_office: PostOffice) -> None:
    messages.queue("operations", to="ops@contoso.example", details=OPERATIONS | {"text": "Stopped by Bob \ud800."})

    send_due()

    assert "Stopped by Bob [U+D800]." in post_office.mail().text


def test_broken_template_fails_at_once(
    post_office: PostOffice, message: Message, settings: Settings, tmp_path: Path
) -> None:
    broken = tmp_path / "notifications" / "test.html"
    broken.parent.mkdir()
    broken.write_text("{% no_such_tag %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}]

    send_due()

    assert (state(message), message.attempts, message.last_error) == (JobState.FAILED, 1, "template")
    assert "no_such_tag" in message.failure


def test_failed_mail_can_be_sent_again(post_office: PostOffice, message: Message) -> None:
    post_office.fault(status=554)
    send_due()
    post_office.heal()

    assert sending.retry(message.pk, by=people.ada())
    assert not sending.retry(message.pk, by=people.ada())
    send_due()

    assert SECOND_COPY not in post_office.mail().text
    assert (state(message), message.failure) == (JobState.DONE, "")


def test_retry_after_unknown_outcome_is_marked_second_copy(post_office: PostOffice, message: Message) -> None:
    post_office.fault(cut="after_commit")
    for _ in range(3):
        send_due()
        later()
    post_office.heal()

    sending.retry(message.pk, by=people.ada())
    send_due()

    assert SECOND_COPY in post_office.mails()[-1].text
    assert state(message) == JobState.DONE


def test_invalid_sender_trips_breaker(post_office: PostOffice, message: Message, settings: Settings) -> None:
    settings.MAIL_FROM = "Outlook Sync <outlook sync>"

    send_due()

    opened = breaker()
    assert opened is not None
    assert "MAIL_FROM" in opened.reason
    assert (state(message), message.attempts) == (JobState.READY, 0)


def test_unknown_message_is_ignored(post_office: PostOffice) -> None:
    assert sending.send(uuid.uuid4(), channel=mail_service.channel()) is False
