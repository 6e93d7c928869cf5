"""Periodic tasks: at most one round of each runs at a time, even with lost or repeated messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from pytest_django import Settings

from portal.celery import app
from syncapp import tasks
from syncapp.jobs import periodic
from syncapp.models import PeriodicTask
from syncapp.notifications import alerts

pytestmark = pytest.mark.django_db
EVERY, STALLED_AFTER = 5.0, 50.0


def in_the_broker() -> bool:
    return True


def nowhere() -> bool:
    return False


def claim(is_waiting: Callable[[], bool] = in_the_broker, *, every: float = EVERY) -> int | None:
    return periodic.claim("tell", every=every, stalled_after=STALLED_AFTER, is_waiting=is_waiting)


def forward(seconds: float) -> None:
    """Let `seconds` pass on the database's clock."""
    for column in ("published_at", "started_at", "finished_at"):
        PeriodicTask.objects.update(**{column: F(column) - timedelta(seconds=seconds)})


def test_second_scheduler_claims_nothing() -> None:
    assert claim() == 1
    assert claim() is None


def test_next_round_starts_after_interval() -> None:
    claim()
    assert periodic.start("tell", 1)
    periodic.finish("tell", 1)

    assert claim() is None, "the interval has not passed yet"
    forward(EVERY)
    assert claim() == 2


def test_waiting_message_is_not_published_again() -> None:
    claim()
    forward(3600)

    assert claim(in_the_broker) is None


def test_lost_message_is_replaced_within_seconds() -> None:
    claim()
    forward(periodic.lost_after() - 1)
    assert claim(nowhere) is None, "a worker may be about to start it"

    forward(2)

    assert claim(nowhere) == 2
    assert not periodic.start("tell", 1), "the lost message does nothing if it arrives after all"
    assert periodic.start("tell", 2)


def test_running_round_is_not_published_again() -> None:
    claim()
    periodic.start("tell", 1)
    forward(STALLED_AFTER - 1)

    assert claim(nowhere) is None


def test_round_of_dead_process_is_replaced() -> None:
    claim()
    periodic.start("tell", 1)
    forward(STALLED_AFTER + 1)

    assert claim(in_the_broker) == 2
    periodic.finish("tell", 1)  # the first was only slow
    assert PeriodicTask.objects.get().finished_at is None


def test_setting_database_clock_back_stops_no_round() -> None:
    claim()
    periodic.start("tell", 1)
    periodic.finish("tell", 1)
    forward(-3600)
    assert claim() == 2

    periodic.start("tell", 2)
    forward(-3600)
    assert claim() == 3


def test_redelivered_message_may_restart_its_round() -> None:
    claim()

    assert periodic.start("tell", 1)
    assert periodic.start("tell", 1)


def test_duplicate_message_runs_round_once(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    monkeypatch.setattr(alerts, "queue_alerts", lambda: runs.append("watched"))
    claim()

    tasks.tell(1)
    tasks.tell(1)

    assert runs == ["watched"]


def test_failed_round_allows_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise RuntimeError("no")

    monkeypatch.setattr(tasks.daily, "update_counts", fail)
    periodic.claim("numbers", every=EVERY, stalled_after=STALLED_AFTER, is_waiting=nowhere)

    with pytest.raises(RuntimeError):
        tasks.numbers(1)

    assert PeriodicTask.objects.get().finished_at is not None


def test_message_from_earlier_release_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    monkeypatch.setattr(alerts, "queue_alerts", lambda: runs.append("watched"))

    tasks.tell()

    assert (runs, PeriodicTask.objects.count()) == (["watched"], 0)


def test_periodic_messages_never_expire(settings: Settings) -> None:
    assert set(tasks.periodic_tasks) == set(settings.CELERY_BEAT_SCHEDULE) == set(app.conf.beat_schedule)
    assert not any(entry.get("options") for entry in settings.CELERY_BEAT_SCHEDULE.values())


def test_writes_have_their_own_queue() -> None:
    route = app.amqp.router.route
    queues = {name.rpartition(".")[2]: route({}, name)["queue"].name for name in app.tasks if "syncapp" in name}

    writing = {name for name, queue in queues.items() if queue == "celery"}
    runs = {"switch_filters", "count_meetings", "keep_policy", "prepare_run"}
    captured = {"stage_captured", "put_back_contact", "prepare_put_back"}
    assert writing == {"deliver", "decide_selection", "check_connection", *captured, *runs}
    assert {queues[name] for name in set(queues) - writing} == {"periodic"}
    assert set(app.amqp.queues.consume_from) == {"celery", "periodic"}, "a worker without -Q serves both"
