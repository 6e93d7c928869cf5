"""Pages, /healthz and the log while the database is down."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.test import Client
from django.urls import reverse

from syncapp.health import probes
from syncapp.models import Decision
from tests.support.lost_database import database_is_away
from tests.support.people import browser, rita
from tests.support.screen import Screen
from tests.support.world import World

SESSION = {configured.SESSION_COOKIE_NAME: "s" * 32}


@pytest.fixture
def no_database(tmp_path: Path, django_db_blocker: Any) -> Iterator[None]:
    """Make the database unreachable."""
    with django_db_blocker.unblock(), database_is_away(tmp_path):
        yield


def visitor() -> Client:
    client = Client(raise_request_exception=False)
    client.cookies.load(SESSION)
    return client


def test_page_explains_database_outage(no_database: None) -> None:
    response = visitor().get("/review/?tab=all")

    screen = Screen(response)
    assert (response.status_code, response["Retry-After"], response["Cache-Control"]) == (503, "30", "no-store")
    assert "The database does not answer." in screen.words
    assert "may or may not have been taken" not in screen.words
    assert 'href="/review/?tab=all"' in response.content.decode()


@pytest.mark.parametrize(
    ("referer", "page"),
    [
        ("http://testserver/review/1?tab=all", "/review/1?tab=all"),
        ("http://testserver//evil.example", "/evil.example"),
        ("http://evil.example/review/1", "/"),
        ("", "/"),
    ],
)
def test_error_page_links_to_page_of_submitted_form(no_database: None, referer: str, page: str) -> None:
    response = visitor().post("/settings/me/change", {"letter_keys": "1"}, headers={"referer": referer})

    assert response.status_code == 503
    assert "check before you send it again" in Screen(response).words
    assert f'href="{page}"' in response.content.decode()


def test_healthz_names_the_database(no_database: None) -> None:
    response = visitor().get("/healthz")
    ready = visitor().get("/healthz?part=ready")
    live = visitor().get("/healthz?part=live")

    assert (response.status_code, ready.status_code, live.status_code) == (503, 503, 200)
    answer = response.json()
    assert (answer["database"], answer["ready"]) == (False, False)
    assert "database" in answer["ill"]
    assert {"worker", "pull"}.isdisjoint(answer["ill"])


def test_silent_server_costs_one_thread() -> None:
    over = threading.Event()
    silent = probes.Probe("silent", lambda: over.wait(20), seconds=0.2)
    begun = time.monotonic()

    assert (silent.answers(), silent.answers(), silent.answers()) == (False, False, False)

    assert time.monotonic() - begun < 2
    assert len([thread for thread in threading.enumerate() if thread.name == "silent"]) == 1
    over.set()


def test_failing_probe_is_not_logged_as_error(no_database: None, caplog: pytest.LogCaptureFixture) -> None:
    visitor().get("/healthz")

    levels = [record.levelname for record in caplog.records if record.name == "django.request"]
    assert levels == ["INFO"]


def test_outage_is_logged_in_one_line(no_database: None, caplog: pytest.LogCaptureFixture) -> None:
    visitor().get("/review/")

    (record,) = [record for record in caplog.records if record.name == "django.request"]
    assert (record.levelno, record.exc_info) == (logging.ERROR, None)
    assert record.getMessage() == "Service Unavailable: /review/ (OperationalError)"


END_AT_COMMIT = """
CREATE FUNCTION end_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER end_at_commit AFTER INSERT ON syncapp_decision
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION end_at_commit();
"""


@pytest.fixture
def ends_at_commit(transactional_db: None) -> Iterator[None]:
    """Let PostgreSQL cut the connection while it commits a decision."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL ends a connection")
    with connection.cursor() as cursor:
        cursor.execute(END_AT_COMMIT)
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER end_at_commit ON syncapp_decision; DROP FUNCTION end_at_commit()")


@pytest.mark.django_db(transaction=True)
def test_outage_at_commit_reports_unknown_outcome(world: World, ends_at_commit: None) -> None:
    field = world.edited(jobtitle="Chief")["jobtitle"]
    page = browser(rita())
    page.raise_request_exception = False
    form = Screen(page.get(reverse("record", args=[field.record_id]))).form
    form |= {"do": ["marked"], f"tick.{field.pk}": ["1"]}

    response = page.post(reverse("decide", args=[field.record_id]), form)

    connection.close()
    assert response.status_code == 503
    assert "Your input may or may not have been saved" in Screen(response).words
    assert Decision.objects.count() == 0
