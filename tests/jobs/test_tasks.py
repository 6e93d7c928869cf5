"""Tasks that the journeys do not cover: the pull with its breakers, and the nightly repair."""

from __future__ import annotations

import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from kombu.exceptions import OperationalError

from portal.celery import app
from syncapp import preferences, tasks
from syncapp.connection import clients
from syncapp.jobs import breakers, deliveries, queue
from syncapp.mirror import cursors
from syncapp.mirror.edits import arrivals, pull
from syncapp.models import Alert, Breaker, Delivery, FilterUser, Heartbeat, Message, MirrorCursor, SyncRecord
from syncapp.models.person import Role
from syncapp.review import notification_rules
from syncapp.sync_filters.runs import creation, job, transitions
from tests.support import people
from tests.support.factories import make_field, make_record
from tests.support.people import fred
from tests.support.world import World
from tests.sync_filters.company import small_company

pytestmark = pytest.mark.django_db


def due_delivery() -> Delivery:
    # A second ago: SQLite's clock cuts off microseconds, so "now" may still be ahead of it.
    return Delivery.objects.create(
        target_table="contact", target_id=uuid.uuid4(), due_at=timezone.now() - timedelta(seconds=1)
    )


def test_failed_publish_is_retried_after_broker_recovers():
    delivery = due_delivery()

    with pytest.raises(OperationalError):
        tasks.tick()

    assert queue.claim_for_dispatch(Delivery) == [delivery.pk]


def test_failed_publish_of_run_is_retried():
    small_company()
    users = list(FilterUser.objects.values_list("pk", flat=True))
    run = creation.create_run(users, creation.RunSpec(("appointment",), on=False), by=fred())
    transitions.start(run, by=fred())

    with pytest.raises(OperationalError):
        tasks.tick()

    assert job.claim_for_dispatch() == [run.pk]


def test_idle_tick_needs_at_most_twelve_queries(django_assert_max_num_queries: Any):
    Heartbeat.objects.create(name="worker", asked_at=timezone.now())

    with django_assert_max_num_queries(12):
        tasks.tick()


def test_notification_task_queues_new_edits_and_reminders():
    people.make_person("Rita", Role.REVIEWER, notified_until=0)
    late = make_field(make_record(edited_on=timezone.now() - timedelta(days=5))).record
    arrivals.record([late.pk])

    tasks.tell()

    assert set(Message.objects.values_list("kind", flat=True)) == {"new_edits", "overdue"}
    assert "syncapp.tasks.tell" in {each["task"] for each in app.conf.beat_schedule.values()}


def test_failing_reminders_do_not_stop_alerts(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    preferences.change(by=None, operations_address="ops@contoso.example")

    def remind() -> int:
        raise RuntimeError("no")

    monkeypatch.setattr(notification_rules, "send_reminders", remind)

    tasks.tell()

    assert Alert.objects.exists()  # no worker answers here
    assert "remind: unexpected error" in caplog.text


def test_failed_orphan_adoption_does_not_stop_tick(monkeypatch: pytest.MonkeyPatch):
    dispatched = []
    monkeypatch.setattr(tasks, "deliver", SimpleNamespace(delay=dispatched.append))
    monkeypatch.setattr(tasks, "pulse", SimpleNamespace(delay=lambda: None))
    due = due_delivery()

    def adopt_orphans() -> int:
        raise RuntimeError("no")

    monkeypatch.setattr(deliveries, "adopt_orphans", adopt_orphans)

    tasks.tick()

    assert dispatched == [str(due.pk)]


@pytest.fixture
def a_day_later() -> None:
    tasks.nightly()
    Heartbeat.objects.update(answered_at=timezone.now() - timedelta(days=1))


def test_first_day_requests_no_full_read():
    tasks.nightly()

    assert not MirrorCursor.objects.exists()


@pytest.mark.usefixtures("a_day_later")
def test_nightly_requests_full_reads():
    tasks.nightly()

    assert set(MirrorCursor.objects.values_list("table", "generation", "is_full_read")) == {
        (pull.FIELDS, 1, True),
        (pull.RECORDS, 1, True),
    }


@pytest.mark.usefixtures("a_day_later")
def test_nightly_runs_once_with_two_schedulers():
    tasks.nightly()
    tasks.nightly()

    assert set(MirrorCursor.objects.values_list("generation", flat=True)) == {1}


@pytest.mark.usefixtures("a_day_later")
def test_busy_table_gets_full_read_later():
    reader = cursors.acquire(pull.FIELDS)
    tasks.nightly()
    assert set(MirrorCursor.objects.values_list("table", "generation")) == {(pull.FIELDS, 0), (pull.RECORDS, 1)}

    cursors.release(reader)
    tasks.nightly()

    assert set(MirrorCursor.objects.values_list("table", "generation")) == {(pull.FIELDS, 1), (pull.RECORDS, 1)}


@pytest.mark.usefixtures("a_day_later")
def test_nightly_repairs_waiting_counts():
    field = make_field()
    SyncRecord.objects.update(waiting_count=7)

    tasks.nightly()

    field.record.refresh_from_db()
    assert field.record.waiting_count == 1


@pytest.mark.usefixtures("a_day_later")
def test_nightly_deletes_expired_sessions():
    now = timezone.now()
    Session.objects.create(session_key="over", session_data="", expire_date=now - timedelta(hours=1))
    Session.objects.create(session_key="running", session_data="", expire_date=now + timedelta(hours=1))

    tasks.nightly()

    assert [session.pk for session in Session.objects.all()] == ["running"]


def test_busy_pull_returns_permit(world: World):
    world.pull()
    breakers.trip(Breaker.Name.CRM_UNREACHABLE, reason="Unreachable", probe_in=-1)
    reader = cursors.acquire(pull.FIELDS)

    tasks.pull()

    assert [breaker.name for breaker in breakers.all_open()] == [Breaker.Name.CRM_UNREACHABLE]
    cursors.release(reader)
    tasks.pull()
    assert breakers.all_open() == []


def test_pull_runs_despite_open_unreachable_breaker(world: World):
    contact = world.contact()
    breakers.trip(Breaker.Name.CRM_UNREACHABLE, reason="Unreachable", probe_in=30)
    world.outlook(contact, jobtitle="Head")

    tasks.pull()

    assert SyncRecord.objects.get().target_id == contact
    assert breakers.all_open() == [], "the CRM answers"


def test_pull_with_refused_credentials_trips_breaker(world: World):
    world.pull()
    world.faults(credentials_refused=True)
    world.expire(access_tokens=True)

    tasks.pull()

    assert [breaker.name for breaker in breakers.all_open()] == [Breaker.Name.CRM_CREDENTIALS]
    world.heal()
    tasks.pull()
    assert not breakers.all_closed([Breaker.Name.CRM_CREDENTIALS]), "too early for the next try"
    world.forward()
    tasks.pull()
    assert breakers.all_open() == []


def test_pull_from_wrong_organization_reads_nothing(world: World):
    world.outlook(world.contact(), jobtitle="Head")
    clients.check_organization(uuid.uuid4())

    tasks.pull()

    assert [breaker.name for breaker in breakers.all_open()] == [Breaker.Name.WRONG_ORGANIZATION]
    assert not SyncRecord.objects.exists()
