"""The CRM is read as often as the portal's use requires: pages that are open and edits that arrive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from syncapp import health
from syncapp.mirror import uses
from syncapp.mirror.edits import pull
from syncapp.mirror.filters import schedule
from syncapp.mirror.uses import Use
from syncapp.models import Heartbeat, MirrorCursor
from syncapp.models.jobs.job import database_now
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.policies import editing
from syncapp.sync_filters.policies.editing import PolicySpec
from tests.support.people import browser, fred, nils, rita
from tests.sync_filters.company import small_company

pytestmark = pytest.mark.django_db
PULL, IDLE, INVENTORY, NIGHTLY = 5.0, 120.0, 1800.0, 86_400.0


@pytest.fixture(autouse=True)
def varying_intervals(settings: Any) -> Iterator[None]:
    """Let an idle portal read less often, as outside of the demo."""
    settings.PULL_IDLE_SECONDS, settings.INVENTORY_IDLE_SECONDS = IDLE, NIGHTLY
    uses.reset_throttle()
    yield
    uses.reset_throttle()


def forward(seconds: float) -> None:
    """Let `seconds` pass for all uses."""
    back = timedelta(seconds=seconds)
    Heartbeat.objects.update(answered_at=F("answered_at") - back, asked_at=F("asked_at") - back)
    uses.reset_throttle()


def read_ago(seconds: float, **columns: Any) -> None:
    """Store that both tables were read to the end `seconds` ago."""
    done = {"is_full_read": False, "next_link": "", "pulled_at": database_now(plus=-seconds)}
    for table in (pull.FIELDS, pull.RECORDS):
        MirrorCursor.objects.update_or_create(table=table, defaults={**done, **columns})


def test_unused_portal_pulls_rarely() -> None:
    assert uses.pull_interval() == IDLE


def test_opening_the_queue_causes_frequent_pulls() -> None:
    browser(rita()).get("/review/")

    assert uses.pull_interval() == PULL


@pytest.mark.parametrize(("idle", "interval"), [(40, 5), (100, 10), (600, 60), (1200, 120), (90_000, 120)])
def test_pull_interval_grows_with_idle_time(idle: float, interval: float) -> None:
    uses.note(Use.ARRIVALS)
    forward(idle)

    assert uses.pull_interval() == pytest.approx(interval, abs=0.2)


@pytest.mark.parametrize(
    ("use", "interval"), [(None, 300), (Use.CONTACTS, PULL), (Use.ARRIVALS, PULL), (Use.QUEUE, 15), (Use.FILTERS, 300)]
)
def test_audit_log_interval_depends_on_use(use: Use | None, interval: float) -> None:
    if use is not None:
        uses.note(use)

    assert uses.capture_interval() == interval


def test_audit_log_interval_grows_with_idle_time() -> None:
    uses.note(Use.QUEUE)
    forward(1_500)

    assert uses.capture_interval() == pytest.approx(150, abs=0.2)


def test_refused_request_does_not_count_as_use() -> None:
    assert browser(nils()).get("/review/").status_code == 403

    assert not Heartbeat.objects.filter(name=Use.QUEUE).exists()


def test_other_pages_do_not_shorten_pull_interval() -> None:
    assert browser(rita()).get("/activity/").status_code == 200

    assert uses.pull_interval() == IDLE


def test_polling_page_records_use_only_once() -> None:
    client = browser(rita())
    client.get("/review/fresh")

    with CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            client.get("/review/fresh")

    assert not [query for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]


def test_second_process_does_not_record_use_again() -> None:
    uses.note(Use.QUEUE)
    before = Heartbeat.objects.get(name=Use.QUEUE).answered_at
    uses.reset_throttle()  # as in another process

    uses.note(Use.QUEUE)

    assert Heartbeat.objects.get(name=Use.QUEUE).answered_at == before


def test_uninterrupted_use_keeps_its_start_time() -> None:
    uses.note(Use.QUEUE)
    for _ in range(4):
        forward(20)
        uses.note(Use.QUEUE)

    assert uses.read()[Use.QUEUE].age < 5
    began = Heartbeat.objects.filter(name=Use.QUEUE, asked_at__lt=database_now(plus=-75))
    assert began.exists()

    forward(uses.GAP_SECONDS + 1)
    uses.note(Use.QUEUE)
    assert not began.exists()


def test_pull_waits_for_its_interval() -> None:
    read_ago(60)
    assert not pull.is_due()

    read_ago(IDLE + 1)
    assert pull.is_due()


def test_opening_the_queue_makes_pull_due() -> None:
    read_ago(20)
    assert not pull.is_due()

    browser(rita()).get("/review/")

    assert pull.is_due()


@pytest.mark.parametrize("columns", [{"next_link": "more"}, {"is_full_read": True}, {"pulled_at": None}])
def test_unfinished_pull_continues_at_once(columns: dict[str, Any]) -> None:
    read_ago(20)
    MirrorCursor.objects.filter(table=pull.RECORDS).update(**columns)

    assert pull.is_due()


def test_pull_after_clock_set_back_is_due() -> None:
    read_ago(-3600)

    assert pull.is_due()


def test_equal_idle_interval_keeps_pulls_frequent(settings: Any) -> None:
    settings.PULL_IDLE_SECONDS, settings.INVENTORY_IDLE_SECONDS = settings.PULL_SECONDS, settings.INVENTORY_SECONDS
    read_ago(1)

    assert (uses.pull_interval(), schedule.interval()) == (PULL, INVENTORY)
    assert pull.is_due()


def test_pull_is_stalled_only_after_idle_interval() -> None:
    read_ago(IDLE + 20)
    assert "pull" not in codes()

    read_ago(IDLE + 40)
    assert "pull" in codes()


def test_pull_is_not_stalled_when_queue_just_opened() -> None:
    read_ago(IDLE - 1)
    browser(rita()).get("/review/")
    assert "pull" not in codes()

    forward(10)
    uses.note(Use.QUEUE)
    Heartbeat.objects.filter(name=Use.QUEUE).update(asked_at=database_now(plus=-40), answered_at=database_now())
    assert "pull" in codes(), "it has been open long enough for a pull"


def codes() -> list[str]:
    Heartbeat.objects.update_or_create(name="worker", defaults={"answered_at": database_now()})  # Redis works
    return [trouble.code for trouble in health.troubles()]


def test_unmanaged_filters_are_read_nightly() -> None:
    assert schedule.interval() == NIGHTLY


def test_opening_filter_page_shortens_inventory_interval() -> None:
    browser(fred()).get("/filters/")
    assert schedule.interval() == INVENTORY

    forward(INVENTORY + 1)
    assert schedule.interval() == NIGHTLY


def test_active_policy_keeps_nightly_inventory() -> None:
    team = small_company()
    editing.create(PolicySpec("No appointments", team_id=team.pk, tables=APPOINTMENT_TABLES), by=fred())

    assert schedule.interval() == NIGHTLY
