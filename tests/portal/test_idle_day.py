"""An idle day: the scheduler, the tasks and the client against a sandbox, which counts the operations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from django.conf import settings
from django.db.models import DateTimeField, F
from django.utils import timezone

from portal import celery
from portal.beat import Scheduler
from syncapp import models, tasks
from syncapp.connection import usage
from syncapp.jobs import queue
from syncapp.mirror import uses
from syncapp.mirror.filters import schedule
from syncapp.models import FilterPolicy, FilterTeam, PeriodicTask, SyncRecord
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import database_now
from syncapp.models.sync_filters.run import Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.policies import editing
from syncapp.sync_filters.policies.editing import PolicySpec
from tests.support.people import browser, fred, rita
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)
DAY = 24 * 3600.0
READING = ("pull", "take_inventory", "read_audit_log", "nightly")  # the periodic tasks that send requests to the CRM


@pytest.fixture
def idle_portal(world: World, settings: Any) -> Iterator[IdlePortal]:
    settings.PULL_IDLE_SECONDS, settings.INVENTORY_IDLE_SECONDS = 120, DAY
    celery.app.conf.task_always_eager = True
    uses.reset_throttle()
    night = schedule.NIGHT
    yield IdlePortal(world)
    schedule.NIGHT = night
    uses.reset_throttle()
    celery.app.conf.task_always_eager = False


class IdlePortal:
    """A scheduler whose tasks run at once, and time that passes by moving the times of all rows back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._scheduler = Scheduler(app=celery.app)
        self._scheduler.schedule = {name: self._scheduler.schedule[name] for name in READING}

    def pass_time(self, seconds: float, *, step: float = 15.0) -> None:
        """Let time pass in steps, with the scheduler's decision in each."""
        for _ in range(round(seconds / step)):
            _forward(step)
            self._scheduler._due = dict.fromkeys(READING, 0.0)
            self._scheduler.tick()
            for policy_id in queue.claim_for_dispatch(FilterPolicy, limit=10):
                tasks.keep_policy(str(policy_id))

    def settle(self) -> None:
        """Read everything, as in a portal that no one has used yet."""
        self.pass_time(600, step=150)
        usage.store()

    def operations(self) -> int:
        """Return the sandbox's own count."""
        return int(requests.get(f"{self.world.url}/sandbox/faults", timeout=10).json()["operations"])

    def pulls(self) -> int:
        """Return how many rounds of the pull there were."""
        return PeriodicTask.objects.filter(name="pull").values_list("number", flat=True).first() or 0


def _forward(seconds: float) -> None:
    back = timedelta(seconds=seconds)
    for model in _TIMED:
        columns = [each.name for each in model._meta.concrete_fields if isinstance(each, DateTimeField)]
        model._default_manager.update(**{name: F(name) - back for name in columns})
    schedule.NIGHT = (datetime.combine(timezone.now(), schedule.NIGHT) - back).time()
    uses.reset_throttle()


_TIMED: Any = (
    models.Breaker,
    models.Capture,
    models.CrmColumn,
    models.CrmUser,
    models.FilterPolicy,
    models.Heartbeat,
    models.MirrorCursor,
    models.PeriodicTask,
)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_idle_day_stays_below_3000_operations(idle_portal: IdlePortal) -> None:
    idle_portal.world.reset(users=500, contacts=50, pending=10)
    idle_portal.settle()
    assert SyncRecord.objects.exists(), "there is something to read"
    before, counted = idle_portal.operations(), usage.of_day() or 0

    idle_portal.pass_time(DAY, step=60)

    asked = idle_portal.operations() - before
    assert 1_400 < asked < 3_000, asked
    assert (usage.of_day() or 0) - counted == asked, "the connection page shows the same number"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_idle_day_with_policy_stays_below_3000_operations(idle_portal: IdlePortal) -> None:
    idle_portal.world.reset(users=500, contacts=50, pending=10)
    idle_portal.settle()
    team = FilterTeam.objects.get(name="Sales North")
    policy = keep_off(team)
    idle_portal.pass_time(120, step=60)
    assert policy.members.exists()
    before = idle_portal.operations()

    idle_portal.pass_time(DAY / 2, step=120)
    asked = idle_portal.operations() - before
    newcomer = idle_portal.world.hire(team.pk)
    before = idle_portal.operations()
    idle_portal.pass_time(3600, step=60)
    assert policy.members.filter(user_id=newcomer, plan=Plan.CHANGE).exists(), "compared within the hour"
    idle_portal.pass_time(DAY / 2 - 3600, step=120)

    asked += idle_portal.operations() - before
    assert 1_500 < asked < 3_000, asked


def keep_off(team: FilterTeam) -> FilterPolicy:
    """Let a policy keep the appointment filters of this team off."""
    return editing.create(PolicySpec("No appointments", team_id=team.pk, tables=APPOINTMENT_TABLES), by=fred())


def test_idle_half_hour_takes_at_most_fifteen_pulls(idle_portal: IdlePortal) -> None:
    idle_portal.settle()
    before, pulls = idle_portal.operations(), idle_portal.pulls()

    idle_portal.pass_time(1800, step=30)

    assert idle_portal.pulls() - pulls in range(12, 16)
    assert idle_portal.operations() - before == 2 * (idle_portal.pulls() - pulls)


def observe() -> None:
    """Have capture observe, which a demo does not start by itself."""
    begun = database_now()
    models.Capture.objects.create(mode=CaptureMode.OBSERVING, mode_since=begun, observing_since=begun)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_idle_day_with_capture_stays_below_3000_operations(idle_portal: IdlePortal, settings: Any) -> None:
    settings.CAPTURE = "audit"
    idle_portal.world.reset(users=500, contacts=50, pending=10)
    idle_portal.world.audit(enabled=True)
    observe()
    idle_portal.settle()
    before = idle_portal.operations()

    idle_portal.pass_time(DAY, step=60)

    asked = idle_portal.operations() - before
    idle_portal.world.audit(enabled=False)
    assert 1_700 < asked < 3_000, asked


def test_idle_half_hour_takes_few_capture_operations(idle_portal: IdlePortal, settings: Any) -> None:
    settings.CAPTURE = "audit"
    idle_portal.world.audit(enabled=True)
    observe()
    idle_portal.settle()
    before, pulls = idle_portal.operations(), idle_portal.pulls()

    idle_portal.pass_time(1800, step=30)

    of_capture = idle_portal.operations() - before - 2 * (idle_portal.pulls() - pulls)
    idle_portal.world.audit(enabled=False)
    assert 5 <= of_capture <= 14, of_capture


def test_arriving_edit_resumes_frequent_pulls(idle_portal: IdlePortal) -> None:
    idle_portal.settle()
    idle_portal.world.outlook(idle_portal.world.contact(), jobtitle="Chief Buyer")

    for _ in range(9):  # one slow interval, and a step
        idle_portal.pass_time(15)
        if uses.pull_interval() == settings.PULL_SECONDS:
            break

    assert uses.pull_interval() == settings.PULL_SECONDS
    before = idle_portal.pulls()
    idle_portal.pass_time(30)
    assert idle_portal.pulls() == before + 2, "one at each decision"


def test_opening_the_queue_resumes_frequent_pulls(idle_portal: IdlePortal) -> None:
    idle_portal.settle()
    client, before = browser(rita()), idle_portal.pulls()

    client.get("/review/")
    idle_portal.pass_time(5, step=5)

    assert idle_portal.pulls() == before + 1
