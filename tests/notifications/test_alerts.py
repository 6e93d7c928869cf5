"""Operator alerts: one mail per trouble, and one when it is over."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from syncapp import preferences
from syncapp.jobs import breakers
from syncapp.mirror.edits import pull
from syncapp.models import Alert, Breaker, Heartbeat, Message, MirrorCursor
from syncapp.notifications import alerts
from tests.notifications.conftest import PostOffice, post_office  # noqa: F401  (a fixture is found by its name)
from tests.support import people
from tests.support.lost_database import database_is_away
from tests.support.servers import Server, valkey

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _well(db: None, settings: Settings, tmp_path: Path) -> None:
    """Set up a healthy portal with a recipient of alerts."""
    settings.WATCH_DIR = tmp_path / "watch"
    preferences.change(by=None, operations_address="ops@contoso.example")
    heal()


def heal() -> None:
    now = timezone.now()
    Heartbeat.objects.update_or_create(name="worker", defaults={"answered_at": now})
    for table in (pull.FIELDS, pull.RECORDS):
        MirrorCursor.objects.update_or_create(table=table, defaults={"pulled_at": now})


def open_breaker(name: str, *, minutes: float = 5) -> None:
    breakers.trip(name, reason="test", probe_in=60)
    Breaker.objects.filter(name=name).update(opened_at=timezone.now() - timedelta(minutes=minutes))


def sent_alerts() -> list[tuple[str, bool]]:
    rows = Message.objects.order_by("created_at").values_list("details", flat=True)
    return [(details["code"], details["over"]) for details in rows]


def wait(seconds: float) -> None:
    """Move the last check this much further into the past."""
    passed = timedelta(seconds=seconds)
    Alert.objects.update(first_seen_at=F("first_seen_at") - passed, seen_at=F("seen_at") - passed)


def watch_while_it_lasts() -> int:
    alerts.queue_alerts()
    wait(80)
    return alerts.queue_alerts()


@pytest.fixture
def redis(settings: Settings) -> Iterator[Server]:
    with valkey() as server:
        settings.REDIS_URL = server.url
        yield server


def run_watch() -> int:
    """Run the command; return its exit status."""
    try:
        call_command("watch", stdout=io.StringIO())
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def silence(**which: str) -> None:
    Heartbeat.objects.filter(**which).update(answered_at=timezone.now() - timedelta(minutes=10))


def test_no_trouble_sends_no_alert() -> None:
    assert alerts.queue_alerts() == 0


def test_open_breaker_and_its_reset_alert_once_each() -> None:
    open_breaker(Breaker.Name.CRM_UNREACHABLE)
    watch_while_it_lasts()
    alerts.queue_alerts()
    assert sent_alerts() == [("crm_unreachable", False)]

    breakers.reset(Breaker.Name.CRM_UNREACHABLE)
    alerts.queue_alerts()
    alerts.queue_alerts()

    assert sent_alerts() == [("crm_unreachable", False), ("crm_unreachable", True)]


def test_short_trouble_sends_no_alert() -> None:
    open_breaker(Breaker.Name.CRM_UNREACHABLE)
    alerts.queue_alerts()
    wait(60)
    assert alerts.queue_alerts() == 0
    breakers.reset(Breaker.Name.CRM_UNREACHABLE)

    alerts.queue_alerts()

    assert sent_alerts() == []


def test_silence_before_restart_sends_no_alert(redis: Server) -> None:
    silence()  # the portal was stopped for ten minutes, and its worker has not answered yet
    alerts.queue_alerts()
    Heartbeat.objects.update(answered_at=timezone.now())
    alerts.queue_alerts()

    assert sent_alerts() == []


def test_gap_between_checks_restarts_waiting_time() -> None:
    open_breaker(Breaker.Name.CRM_UNREACHABLE)
    alerts.queue_alerts()
    wait(600)

    assert alerts.queue_alerts() == 0
    wait(80)
    assert alerts.queue_alerts() == 1


def test_throttling_sends_no_alert() -> None:
    open_breaker(Breaker.Name.CRM_THROTTLED)

    assert watch_while_it_lasts() == 0


def test_silent_worker_hides_the_stalled_mirror(redis: Server) -> None:
    silence()
    MirrorCursor.objects.update(pulled_at=timezone.now() - timedelta(minutes=10))

    watch_while_it_lasts()

    assert sent_alerts() == [("worker", False)]


def test_redis_outage_hides_its_symptoms() -> None:
    silence()
    MirrorCursor.objects.update(pulled_at=timezone.now() - timedelta(minutes=10))

    watch_while_it_lasts()

    assert sent_alerts() == [("redis", False)]


def test_alerts_go_to_administrators_by_default() -> None:
    preferences.change(by=None, operations_address="")
    ada = people.ada()
    people.rita()
    open_breaker(Breaker.Name.CRM_UNREACHABLE)

    watch_while_it_lasts()

    assert [message.recipient for message in Message.objects.all()] == [ada]


def test_alert_says_what_to_do_and_where(post_office: PostOffice) -> None:  # noqa: F811  (the fixture itself)
    breakers.trip(Breaker.Name.CRM_CREDENTIALS, reason="invalid_client", probe_in=60)
    run_watch()
    wait(80)

    run_watch()

    mail = post_office.mail()
    assert mail.subject.endswith("The CRM refuses the portal's credentials.")
    for words in ("Reason: invalid_client", "What to do: Check that the client secret", "Where to look: CRM_CLIENT_ID"):
        assert words in mail.text


def test_watch_command_sends_alerts_itself(redis: Server, post_office: PostOffice) -> None:  # noqa: F811  (the fixture itself)
    silence()
    run_watch()
    wait(80)

    run_watch()

    assert "No background worker answers" in post_office.mail().subject


def test_watch_exit_status_reports_trouble(redis: Server, tmp_path: Path) -> None:
    assert run_watch() == 0

    silence()
    assert run_watch() == 1

    with database_is_away(tmp_path):
        assert run_watch() == 2


def wait_in_file(folder: Path, seconds: float) -> None:
    """Move the last check without a database this much further into the past."""
    note = json.loads((folder / "watch.json").read_text())
    for name in ("first_seen_at", "seen_at"):
        moment = datetime.fromisoformat(note["alarm"][name]) - timedelta(seconds=seconds)
        note["alarm"][name] = moment.isoformat()
    (folder / "watch.json").write_text(json.dumps(note))


def test_database_outage_and_recovery_are_mailed_once_each(
    redis: Server,
    post_office: PostOffice,  # noqa: F811  (the fixture itself)
    settings: Settings,
    tmp_path: Path,
) -> None:
    run_watch()
    with database_is_away(tmp_path):
        run_watch()
        assert post_office.mails() == []
        wait_in_file(settings.WATCH_DIR, 80)
        run_watch()
        run_watch()
    mail = post_office.mail()
    assert mail.recipients == "ops@contoso.example"
    assert mail.subject.endswith("The database does not answer.")
    assert "What to do: Start PostgreSQL" in mail.text
    assert "Where to look: DATABASE_URL" in mail.text

    run_watch()
    run_watch()

    subjects = [mail.subject for mail in post_office.mails()]
    assert len(subjects) == 2
    assert sorted(subjects)[-1].endswith("resolved: The database does not answer.")


def test_short_database_outage_sends_no_alert(
    redis: Server,
    post_office: PostOffice,  # noqa: F811  (the fixture itself)
    settings: Settings,
    tmp_path: Path,
) -> None:
    run_watch()
    with database_is_away(tmp_path):
        run_watch()
        wait_in_file(settings.WATCH_DIR, 60)
        run_watch()
    run_watch()

    assert post_office.mails() == []


def test_database_alert_refused_by_mail_server_is_retried(
    redis: Server,
    post_office: PostOffice,  # noqa: F811  (the fixture itself)
    settings: Settings,
    tmp_path: Path,
) -> None:
    settings.WATCH_MAIL_TO = ["night@contoso.example"]
    post_office.fault(status=451, times=1)
    with database_is_away(tmp_path):
        run_watch()
        wait_in_file(settings.WATCH_DIR, 80)
        run_watch()
        assert post_office.mails() == []
        run_watch()

    assert post_office.mail().recipients == "night@contoso.example"


def test_unwritable_watch_folder_sends_no_alert(
    post_office: PostOffice,  # noqa: F811  (the fixture itself)
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.WATCH_DIR = tmp_path / "file" / "watch"
    (tmp_path / "file").write_text("no folder")
    with database_is_away(tmp_path):
        assert run_watch() == 2

    assert "Set WATCH_DIR" in capsys.readouterr().err
    assert post_office.mails() == []
