"""/healthz, and the banner of every page."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from syncapp.crm.errors import NotFound, TokenUnavailable
from syncapp.health import troubles
from syncapp.jobs import breakers
from syncapp.mirror.edits import pull
from syncapp.mirror.filters import schedule
from syncapp.models import Breaker, Connection, Delivery, Heartbeat, Message, MirrorCursor, UnreadableRow
from syncapp.outbox import messages
from tests.support import people
from tests.support.people import browser
from tests.support.servers import free_port, valkey, wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def healthy_portal(settings: Settings) -> Any:
    """Provide an answering worker, an up-to-date mirror, a CRM that may be written to, and a broker."""
    Heartbeat.objects.create(name="worker", answered_at=timezone.now())
    for table in (pull.FIELDS, pull.RECORDS):
        MirrorCursor.objects.create(table=table, pulled_at=timezone.now())
    Connection.objects.create(origin="x", organization_id="11111111-1111-1111-1111-111111111111", review_writes=True)
    with valkey() as broker:
        settings.REDIS_URL = broker.url
        yield broker


def health(**query: str) -> tuple[int, dict[str, Any]]:
    response = Client().get("/healthz", query)
    return response.status_code, response.json()


def codes() -> list[str]:
    return [trouble.code for trouble in troubles()]


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def test_healthy_portal_returns_200(healthy_portal: Any) -> None:
    status, answer = health()

    assert (status, answer["well"], answer["broker"], answer["ill"]) == (200, True, True, [])
    assert troubles() == []


@pytest.mark.parametrize("hours", [-1, 1])
def test_wrong_web_clock_causes_no_trouble(healthy_portal: Any, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(hours=hours))

    assert (health()[0], codes()) == (200, [])


def test_healthz_names_no_secret_or_person(healthy_portal: Any, settings: Settings) -> None:
    breakers.trip(Breaker.Name.OPERATOR_STOP, reason="Ada says so", probe_in=None, by=people.ada())

    text = Client().get("/healthz").content.decode()

    assert "operator_stop" in text
    for secret in ("Ada", settings.REDIS_URL, settings.CRM_CLIENT_SECRET, settings.CRM_ORIGIN):
        assert secret not in text


def test_probes_may_use_any_host_name(settings: Settings) -> None:
    settings.BASE_URL, settings.ALLOWED_HOSTS = "https://sync.contoso.example", ["sync.contoso.example"]
    probe = Client(headers={"host": "10.0.0.7:8000"})

    assert probe.get("/healthz", {"part": "live"}).status_code == 200
    assert probe.get("/sign-in").status_code == 400


def test_broker_outage_is_reported_at_once(healthy_portal: Any) -> None:
    healthy_portal.kill()

    status, answer = health()

    assert (status, answer["broker"], answer["well"], answer["database"]) == (503, False, False, True)
    assert (answer["ill"], answer["ready"]) == (["redis"], True)


def silent_portal() -> None:
    Heartbeat.objects.update(answered_at=ago(600))
    MirrorCursor.objects.update(pulled_at=ago(600))
    messages.queue("test", to=people.rita())
    Message.objects.update(due_at=ago(600))


def test_redis_outage_is_shown_and_hides_symptoms(healthy_portal: Any) -> None:
    silent_portal()
    healthy_portal.kill()

    page = browser(people.rita()).get("/review/").content.decode()

    assert "Redis does not answer." in page
    assert "REDIS_URL" in page
    assert "No background worker answers" not in page
    assert "not being read" not in page
    assert "CRM not connected" not in page
    assert (health()[1]["ill"], codes()) == (["redis"], ["redis"])


def test_silent_worker_hides_its_symptoms(healthy_portal: Any) -> None:
    silent_portal()

    assert (health()[1]["ill"], codes()) == (["worker"], ["worker"])


def test_stopped_scheduler_is_named(healthy_portal: Any) -> None:
    Heartbeat.objects.create(name="beat", answered_at=ago(600))
    silent_portal()

    status, answer = health()

    assert (status, answer["ill"]) == (503, ["beat"])
    assert "The scheduler is not running." in browser(people.rita()).get("/review/").content.decode()


def test_open_breaker_hides_the_stalled_mirror(healthy_portal: Any) -> None:
    MirrorCursor.objects.update(pulled_at=ago(600))
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="invalid_client", probe_in=30)

    assert (health()[1]["ill"], codes()) == (["crm_credentials"], ["crm_credentials"])


def test_missing_token_is_blamed_on_sign_in_service(healthy_portal: Any) -> None:
    for _ in range(breakers.FAILURES_TO_TRIP):
        breakers.record_failure(
            TokenUnavailable("no answer", code="authority"), forbidden_breaker=Breaker.Name.FORBIDDEN_READ
        )

    (trouble,) = troubles()

    assert trouble.text == "The sign-in service issues no tokens for the CRM."


def test_worker_gets_time_after_a_restart(healthy_portal: Any) -> None:
    Heartbeat.objects.update(answered_at=ago(600))
    Heartbeat.objects.create(name="beat", answered_at=ago(1))
    Heartbeat.objects.create(name="published", asked_at=ago(20), answered_at=ago(1))
    MirrorCursor.objects.update(pulled_at=ago(600))

    assert (health()[0], codes()) == (200, [])


@pytest.mark.parametrize(("problem", "expected"), [("The list does not end.", ["inventory"]), ("", [])])
def test_unreadable_inventory_is_reported(healthy_portal: Any, problem: str, expected: list[str]) -> None:
    MirrorCursor.objects.create(table=schedule.CURSOR, trouble=problem)

    assert codes() == expected
    words = browser(people.rita()).get("/review/").content.decode()
    assert ("Users and filters are not being read: The list does not end." in words) is bool(problem)


def test_only_administrators_see_answer_to_refused_request(healthy_portal: Any) -> None:
    refused = NotFound("No row for Tilda", status=404, asked="GET osync_syncfields")
    breakers.record_refusal(Breaker.Name.REFUSED_READ, refused)

    (said,) = health()[1]["troubles"]

    assert said["asked"] == "GET osync_syncfields, answered 404"
    assert "Tilda" not in str(said)
    assert "Tilda" not in browser(people.rita()).get("/review/").content.decode()
    assert "Tilda" in browser(people.ada()).get("/review/").content.decode()


def test_overdue_mails_do_not_change_crm_status(healthy_portal: Any) -> None:
    messages.queue("test", to=people.rita())
    Message.objects.update(due_at=ago(150))

    assert "CRM connected" in browser(people.rita()).get("/review/").content.decode()


def test_live_part_needs_no_database_or_redis(healthy_portal: Any) -> None:
    healthy_portal.kill()
    with CaptureQueriesContext(connection) as queries:
        status, answer = health(part="live")

    assert (status, answer["live"], len(queries)) == (200, True, 0)


def test_each_trouble_in_healthz_says_what_to_do(healthy_portal: Any) -> None:
    healthy_portal.kill()

    (said,) = health()[1]["troubles"]

    assert (said["code"], said["text"]) == ("redis", "Redis does not answer.")
    assert said["remedy"].startswith("Start Redis")
    assert said["where"].startswith("REDIS_URL")


def test_hanging_broker_does_not_delay_healthz(healthy_portal: Any) -> None:
    healthy_portal.pause()
    begun = time.monotonic()

    status, answer = health()

    assert (status, answer["broker"]) == (503, False)
    assert time.monotonic() - begun < 2
    wait_until(lambda: "broker-ping" not in {thread.name for thread in threading.enumerate()}, seconds=3)


def test_hanging_name_service_does_not_delay_healthz(
    healthy_portal: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: over.wait(10) and [])
    settings.REDIS_URL = "redis://redis.contoso.example:6379/0"
    begun = time.monotonic()

    assert health()[1]["broker"] is False

    assert time.monotonic() - begun < 2
    over.set()


def test_unresponsive_address_does_not_delay_healthz(healthy_portal: Any, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", free_port()), backlog=1) as deaf:
        settings.REDIS_URL = f"redis://127.0.0.1:{deaf.getsockname()[1]}/0"
        begun = time.monotonic()

        assert health()[1]["broker"] is False

    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(("age", "status"), [(40, 200), (50, 503)])
def test_silent_worker_is_reported_after_limit(healthy_portal: Any, age: float, status: int) -> None:
    Heartbeat.objects.update(answered_at=ago(age))

    assert health()[0] == status
    assert ("worker" in codes()) is (status == 503)


@pytest.mark.parametrize(("age", "status"), [(25, 200), (35, 503)])
def test_mirror_is_as_old_as_its_oldest_table(healthy_portal: Any, age: float, status: int) -> None:
    MirrorCursor.objects.filter(table=pull.RECORDS).update(pulled_at=ago(age))

    assert health()[0] == status
    assert ("pull" in codes()) is (status == 503)


def test_longer_read_interval_allows_an_older_mirror(healthy_portal: Any, settings: Settings) -> None:
    MirrorCursor.objects.update(pulled_at=ago(100))
    settings.PULL_SECONDS = 60

    assert health()[0] == 200


def test_one_unread_table_is_reported(healthy_portal: Any) -> None:
    MirrorCursor.objects.filter(table=pull.FIELDS).update(pulled_at=None)

    assert health()[1]["pulled_seconds_ago"] is None
    assert codes() == ["pull"]


@pytest.mark.parametrize(("age", "status"), [(100, 200), (400, 503)])
def test_overdue_jobs_are_reported(healthy_portal: Any, age: float, status: int) -> None:
    Delivery.objects.create(target_table="contact", target_id=uuid.uuid4(), due_at=ago(age))

    assert health()[0] == status
    assert health()[1]["oldest_due_seconds"] == pytest.approx(age, abs=5)


def test_overdue_job_type_is_named(healthy_portal: Any) -> None:
    messages.queue("test", to=people.rita())
    Message.objects.update(due_at=ago(150))
    Delivery.objects.create(target_table="contact", target_id=uuid.uuid4(), due_at=ago(150))

    status, answer = health()

    assert (status, answer["overdue"], answer["ill"]) == (503, ["message"], ["oldest_due"])
    (trouble,) = troubles()
    assert (trouble.code, trouble.text) == (
        "overdue-message",
        "Sending mails is behind: the oldest job has been due for 2 min.",
    )
    assert trouble.text in browser(people.rita()).get("/review/").content.decode()


def test_jobs_behind_an_open_breaker_are_not_overdue(healthy_portal: Any) -> None:
    Delivery.objects.create(target_table="contact", target_id=uuid.uuid4(), due_at=ago(400))
    breakers.trip(Breaker.Name.OPERATOR_STOP, reason="moving house", probe_in=None, by=people.ada())

    assert (health()[0], codes()) == (200, ["operator_stop"])


def test_jobs_that_may_not_write_are_not_overdue(healthy_portal: Any) -> None:
    Delivery.objects.create(target_table="contact", target_id=uuid.uuid4(), due_at=ago(400))
    Connection.objects.update(review_writes=False)

    assert (health()[0], codes()) == (200, ["read_only"])


def test_open_breaker_fails_health_check(healthy_portal: Any) -> None:
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="invalid_client", probe_in=30)

    status, answer = health()

    assert (status, list(answer["closed_gates"])) == (503, ["crm_credentials"])


def test_operator_stop_is_not_a_failure(healthy_portal: Any) -> None:
    breakers.trip(Breaker.Name.OPERATOR_STOP, reason="moving house", probe_in=None, by=people.ada())

    assert health()[0] == 200
    assert [(trouble.code, trouble.by, trouble.detail) for trouble in troubles()] == [
        ("operator_stop", "Ada", "moving house")
    ]


def test_ready_part_ignores_crm_and_redis_troubles(healthy_portal: Any) -> None:
    breakers.trip(Breaker.Name.CRM_UNREACHABLE, reason="Unreachable", probe_in=5)
    healthy_portal.kill()

    assert (health()[0], health(part="web")[0], health(part="ready")[0]) == (503, 200, 200)


def test_read_only_connection_is_in_banner(healthy_portal: Any) -> None:
    Connection.objects.update(review_writes=False)

    assert health()[0] == 200
    assert "Read-only" in browser(people.rita()).get("/review/").content.decode()


def test_stalled_mirror_is_in_banner(healthy_portal: Any) -> None:
    MirrorCursor.objects.update(pulled_at=ago(600))

    assert "The CRM is not being read." in browser(people.rita()).get("/review/").content.decode()


def test_running_full_read_is_not_stalled(healthy_portal: Any) -> None:
    MirrorCursor.objects.update(pulled_at=ago(600), is_full_read=True, moved_at=ago(2))

    page = browser(people.rita()).get("/review/").content.decode()

    assert "The CRM is being read from the beginning" in page
    assert "not being read" not in page


def test_unreadable_rows_are_not_a_failure(healthy_portal: Any) -> None:
    moment = timezone.now()
    UnreadableRow.objects.create(kind="user", row_id="x", problem="x", first_seen_at=moment, seen_at=moment)

    status, answer = health()

    assert (status, answer["unreadable_rows"], answer["ill"]) == (200, 1, [])
