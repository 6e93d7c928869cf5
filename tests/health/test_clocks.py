"""The clocks of the portal's hosts, measured against the database's."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from syncapp.health import clocks, troubles
from syncapp.models import ProcessClock
from syncapp.models.jobs.job import database_now
from tests.support.people import ada, browser

pytestmark = pytest.mark.django_db
HOUR = 3600.0


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process measure as if it had just started."""
    monkeypatch.setattr(clocks, "_measured_at", {})


def clock_is(seconds_ahead: float, *, role: str = "worker", host: str = "crm-jobs-2", age: float = 10.0) -> None:
    ProcessClock.objects.create(role=role, host=host, seconds_ahead=seconds_ahead, measured_at=database_now(plus=-age))


def clock_troubles() -> list[tuple[str, str]]:
    return [(f"{found.text} {found.kind.remedy}", found.detail) for found in troubles() if found.code == "clocks"]


def test_process_measures_its_clock_once() -> None:
    clocks.measure(clocks.WORKER)
    clocks.measure(clocks.WORKER)

    (found,) = ProcessClock.objects.all()
    assert found.role == "worker"
    assert abs(found.seconds_ahead) < 1


def test_wrong_clock_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + HOUR)  # the host's clock, as faketime would set it

    clocks.measure(clocks.BEAT)

    assert ProcessClock.objects.get().seconds_ahead == pytest.approx(HOUR, abs=5)


def test_slow_query_gives_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "MAX_QUERY_SECONDS", -1.0)

    clocks.measure(clocks.WORKER)

    assert ProcessClock.objects.get().measured_at is None
    assert clocks.largest_differences() == {}


@pytest.mark.parametrize(("seconds", "words"), [(12.0, "12.0 s ahead of"), (-600.0, "600.0 s behind")])
def test_wrong_clock_is_reported_as_trouble(seconds: float, words: str) -> None:
    clock_is(seconds)

    ((text, detail),) = clock_troubles()

    assert text.startswith(f"The clock of a worker is {words} the database’s")
    assert "NTP" in text
    assert detail == "crm-jobs-2"


def test_small_difference_is_not_reported() -> None:
    clock_is(4.9)

    assert clock_troubles() == []


def test_old_clock_measurements_are_ignored_and_deleted() -> None:
    clock_is(HOUR, age=clocks.RECENT + 10)

    assert clock_troubles() == []
    assert clocks.delete_old() == 0
    ProcessClock.objects.update(measured_at=database_now(plus=-clocks.RETENTION - 1))
    assert clocks.delete_old() == 1


def test_healthz_shows_largest_difference_per_role() -> None:
    clock_is(0.2, host="near")
    clock_is(-12.04, host="far")
    clock_is(0.0, role="beat")

    answer = Client().get("/healthz").json()

    assert answer["clock_seconds_ahead"] | {"web": 0} == {"worker": -12.0, "beat": 0.0, "web": 0}
    assert "clocks" in answer["ill"]
    assert abs(answer["clock_seconds_ahead"]["web"]) < 1


def test_administrators_see_host_of_wrong_clock() -> None:
    clock_is(12.0)

    page = browser(ada()).get(reverse("settings_connection")).content.decode()

    assert "crm-jobs-2: 12.0 s ahead of the database’s" in page


def test_database_time_moves_within_transaction() -> None:
    """On PostgreSQL the time of the statement, since a long transaction's beginning would measure wrongly."""
    clock_is(0.0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    first = ProcessClock.objects.values_list(Now(), flat=True).get()
    time.sleep(0.05)
    assert ProcessClock.objects.values_list(Now(), flat=True).get() - first >= timedelta(milliseconds=40)
