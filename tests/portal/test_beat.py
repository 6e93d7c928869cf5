"""Beat with a broker of its own: its backlog without workers, and outages it survives."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection
from django.db.models import F
from django.utils import timezone

from portal import celery
from portal.beat import Scheduler
from syncapp import tasks
from syncapp.health import heartbeats
from syncapp.jobs import queue
from syncapp.models import Delivery, Heartbeat, PeriodicTask
from syncapp.models.jobs.job import database_now
from tests.support.servers import Server, valkey

# Beat drops a connection that is in a transaction, as a test's connection would be.
pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Run a broker for this process, without workers."""
    with valkey() as server:
        for setting in ("broker_url", "broker_read_url", "broker_write_url"):
            monkeypatch.setattr(celery.app.conf, setting, server.url)
        monkeypatch.setattr(celery.app, "_pool", None)
        monkeypatch.setattr(celery.app.amqp, "_producer_pool", None)
        yield server


def waiting(server: Server) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.llen("periodic"))


def wipe(server: Server) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()


def an_hour_later(*schedulers: Scheduler) -> None:
    """Let an hour pass for rows and schedulers."""
    for column in ("published_at", "started_at", "finished_at"):
        PeriodicTask.objects.update(**{column: F(column) - HOUR})
    for scheduler in schedulers:
        scheduler._due = dict.fromkeys(scheduler.schedule, 0.0)


def due_tasks() -> list[str]:
    """Return the tasks that are due in a new installation: all except those that are turned off."""
    return [name for name in tasks.periodic_tasks if name != "read_audit_log"]


def scheduler() -> Scheduler:
    made = Scheduler(app=celery.app)
    made._due = dict.fromkeys(made.schedule, 0.0)
    return made


def test_messages_do_not_pile_up_without_workers(broker: Server) -> None:
    first, second = scheduler(), scheduler()
    for _ in range(5):
        first.tick()
        second.tick()
        an_hour_later(first, second)

    assert waiting(broker) == len(due_tasks())


def test_rounds_are_republished_after_broker_wipe(broker: Server) -> None:
    beat = scheduler()
    beat.tick()
    wipe(broker)
    an_hour_later(beat)

    for _ in due_tasks():
        beat.tick()
        wipe(broker)  # as when a worker takes the waiting messages; only then is another lost message noticed
        beat._due = dict.fromkeys(beat.schedule, 0.0)

    assert set(PeriodicTask.objects.values_list("number", flat=True)) == {2}


def test_beat_records_heartbeats_without_publishing_anything(broker: Server) -> None:
    beat = scheduler()
    beat.tick()
    Heartbeat.objects.update(answered_at=database_now(plus=-60))
    an_hour_later(beat)
    for note in (heartbeats.record_beat, heartbeats.record_published):
        note._next = 0.0

    beat.tick()

    assert waiting(broker) == len(due_tasks()), "there was nothing to publish"
    heard = set(Heartbeat.objects.filter(answered_at__gt=database_now(plus=-30)).values_list("name", flat=True))
    assert heard >= {heartbeats.BEAT, heartbeats.PUBLISHED}


def test_beat_survives_database_outage(broker: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    beat = scheduler()

    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as away:
        away.setattr(connection, "cursor", refuse)
        assert beat.tick() < 5
    assert waiting(broker) == 0

    beat._due = dict.fromkeys(beat.schedule, 0.0)
    beat.tick()
    assert waiting(broker) == len(due_tasks())


def test_beat_waits_by_the_monotonic_clock(broker: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    beat = scheduler()
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() - HOUR.total_seconds())  # set back, as NTP may do

    beat.tick()

    assert waiting(broker) == len(due_tasks())


def test_tick_stops_publishing_at_backlog_limit(broker: Server) -> None:
    """Process the periodic queue while the workers of the default one are down."""
    due = database_now(plus=-1)
    Delivery.objects.bulk_create(
        Delivery(target_table="contact", target_id=uuid.uuid4(), due_at=timezone.now()) for _ in range(600)
    )
    Delivery.objects.update(due_at=due)
    for _ in range(60):
        tasks.tick()
        Delivery.objects.update(dispatched_at=database_now(plus=-queue.REDISPATCH_AFTER - 1))

    with redis.Redis.from_url(broker.url) as client:
        assert tasks.MAX_WAITING_MESSAGES <= client.llen("celery") < tasks.MAX_WAITING_MESSAGES + 200
