"""Operations are retried after conflicts with another transaction only."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError, connection, connections, transaction
from django.db.models import F

from syncapp.jobs import queue, runner
from syncapp.jobs.runner import JobType
from syncapp.models import Delivery, SyncField, locking
from syncapp.models.jobs.job import JobState, database_now
from syncapp.models.locking import TRIES, is_conflict, retried
from tests.support.factories import make_field
from tests.support.people import browser, rita

pytestmark = pytest.mark.django_db(transaction=True)


class OtherWriter:
    """Another transaction that holds the same row until released."""

    def __init__(self, field: SyncField) -> None:
        self._field, self._go, self._holds = field, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()
        assert self._holds.wait(20)

    def _write(self) -> None:
        try:
            with transaction.atomic():
                SyncField.objects.filter(pk=self._field.pk).update(trouble="other")
                self._holds.set()
                self._go.wait(20)
        finally:
            connections.close_all()

    def leave(self) -> None:
        self._go.set()
        self._thread.join()


@pytest.fixture
def other_writer() -> Iterator[OtherWriter]:
    """Hold a row, or on SQLite the database; others wait 50 ms at most."""
    with transaction.atomic():
        field = make_field()
    writer = OtherWriter(field)
    wait_at_most(50)
    yield writer
    writer.leave()
    wait_at_most(20_000)


def wait_at_most(milliseconds: int) -> None:
    postgres = f"SET lock_timeout = {milliseconds}"
    with connection.cursor() as cursor:
        cursor.execute(postgres if connection.vendor == "postgresql" else f"PRAGMA busy_timeout = {milliseconds}")


def raise_revision() -> None:
    SyncField.objects.update(revision=F("revision") + 1)


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """Record the pauses between tries instead of sleeping."""
    taken: list[float] = []
    monkeypatch.setattr(locking.time, "sleep", taken.append)
    return taken


def test_operation_is_retried_when_row_is_free(other_writer, monkeypatch):
    monkeypatch.setattr(locking.time, "sleep", lambda seconds: other_writer.leave())

    retried(raise_revision)()

    assert SyncField.objects.get().revision == 1


def test_operation_raises_after_last_try(other_writer, pauses):
    with pytest.raises(OperationalError) as error:
        retried(raise_revision)()

    assert is_conflict(error.value)
    assert len(pauses) == TRIES - 1


def test_nested_operation_is_not_retried(other_writer, pauses):
    with pytest.raises(OperationalError), transaction.atomic():
        retried(raise_revision)()

    assert pauses == []


def test_other_error_is_raised_at_once():
    tries = []

    @retried
    def write() -> None:
        tries.append(1)
        raise DataError("no conflict")

    with pytest.raises(DataError):
        write()
    assert len(tries) == 1


class Blocked(JobType):
    """A job that needs a row held by another transaction."""

    name, title, failures_at, model = "blocked", "Blocked", "nowhere", Delivery

    def process(self, lease, permit):
        retried(raise_revision)()
        queue.finish(lease)


def test_conflict_costs_no_attempt(other_writer):
    if connection.vendor == "sqlite":
        other_writer.leave()  # it would block all writes to the database
    job = Delivery.objects.create(
        target_table="contact", target_id=SyncField.objects.get().record.contact, due_at=database_now()
    )
    lease = queue.claim(Delivery, job.pk)

    runner.apply_error(Blocked(), lease, conflict(other_writer))

    job.refresh_from_db()
    assert (job.state, job.attempts, job.last_error) == (JobState.READY, 0, "conflict")
    assert Delivery.objects.filter(pk=job.pk, due_at__lte=database_now(plus=runner.CONFLICT_PAUSE)).exists()


def conflict(other_writer: OtherWriter) -> OperationalError:
    """Return the error of a real conflict."""
    other = OtherWriter(SyncField.objects.get()) if connection.vendor == "sqlite" else None
    try:
        raise_revision()
    except OperationalError as error:
        return error
    finally:
        if other:
            other.leave()
    raise AssertionError("no conflict occurred")


def test_pull_command_explains_conflict(monkeypatch, world, other_writer):
    monkeypatch.setattr("syncapp.management.commands.pull.verified_client", raise_revision)

    with pytest.raises(CommandError, match="run the command again"):
        call_command("pull")


def test_page_explains_conflict(other_writer, monkeypatch):
    if connection.vendor == "sqlite":
        other_writer.leave()
    client = browser(rita())
    client.raise_request_exception = False
    error = conflict(other_writer)

    def busy(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("syncapp.web.review.queue.read_params", busy)
    answer = client.get("/review/")

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "The database was busy" in answer.content.decode()
    assert "Try again" in answer.content.decode()
