"""The operations sent to the CRM per day, counted as the sandbox counts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from django.db import OperationalError, connection

from syncapp import tasks
from syncapp.connection import clients, usage
from syncapp.crm.errors import Unreachable
from syncapp.models import DailyOperations, PeriodicTask
from tests.support.people import ada, browser
from tests.support.world import World

pytestmark = pytest.mark.django_db


def sandbox_count(world: World) -> int:
    """Return the sandbox's own count of operations."""
    return int(requests.get(f"{world.url}/sandbox/faults", timeout=10).json()["operations"])


def test_request_count_equals_sandbox_count(world: World) -> None:
    world.outlook(world.contact(), jobtitle="Chief Buyer")
    before = sandbox_count(world)
    world.pull()
    expected = sandbox_count(world) - before

    usage.store()

    assert expected > 5, "the column definitions are read in one batch"
    assert usage.of_day() == expected
    usage.store()
    assert usage.of_day() == expected, "nothing is counted twice"


def test_periodic_pull_is_counted(world: World) -> None:
    PeriodicTask.objects.create(name="pull", number=1)

    tasks.pull(1)

    assert (usage.of_day() or 0) > 0


def test_crm_request_of_page_is_counted(world: World) -> None:
    clients.crm().who_am_i()
    usage.store()
    before = usage.of_day() or 0

    browser(ada()).post("/settings/connection/probe")

    assert (usage.of_day() or 0) == before + 1


@pytest.mark.parametrize("is_sent", [True, False])
def test_only_sent_requests_are_counted(settings: Any, world: World, is_sent: bool) -> None:
    if is_sent:
        world.faults({"path": "WhoAmI", "cut": "before_commit"})
    else:
        settings.CRM_ORIGIN = "http://127.0.0.1:9"

    with pytest.raises(Unreachable):
        clients.crm().who_am_i()
    usage.store()

    assert bool(usage.of_day()) is is_sent


@pytest.mark.django_db(transaction=True)
def test_request_count_survives_database_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    usage.count(3)

    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as away:
        away.setattr(connection, "cursor", refuse)
        usage.store()
    assert not DailyOperations.objects.exists()

    usage.store()
    assert usage.of_day() == 3


def test_daily_counts_are_kept_for_400_days() -> None:
    today = datetime.now(UTC).date()
    for days in (0, 399, 401):
        DailyOperations.objects.create(day=today - timedelta(days=days), number=1)

    usage.delete_old()

    assert DailyOperations.objects.count() == 2
