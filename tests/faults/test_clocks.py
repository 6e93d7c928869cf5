"""Wrong clocks, absent workers or Redis, and unanswered writes do not stop the mirror."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.utils import timezone

from syncapp.health import clocks, troubles
from syncapp.models import MirrorCursor, PeriodicTask, ProcessClock, SyncField
from tests.faults.conftest import contacts_of
from tests.journeys.database import fresh_database
from tests.journeys.stack import Proxies, Stack, running_stack
from tests.journeys.story import TALLY, Edit, Story, write_of

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

# A write without an answer takes a while, as in production; everything else is short.
TIMES = {"PULL_SECONDS": "2", "HTTP_SECONDS": "8", "SOFT_LIMIT": "12", "HARD_LIMIT": "14", "LEASE": "16"}
TIMES |= {"BROKER_VISIBILITY": "30", "PROBE_SECONDS": "30"}
LONGEST_WITHOUT_READING = 6.0  # seconds; the machine may be busy
UNANSWERED = 6
PERIODIC_TASKS = 6
AHEAD, BEHIND = "+10m", "-10m"
KILLS = 6


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[Stack]:
    """Run a stack with periodic pulls."""
    folder = tmp_path_factory.mktemp("clocks")
    with (
        fresh_database(folder, django_db_blocker, name="clocks") as database,
        running_stack(database, proxied=True, **TIMES) as stack,
    ):
        yield stack


@pytest.fixture(scope="module")
def contacts(stack: Stack) -> Iterator[uuid.UUID]:
    """Yield contacts that are used once each."""
    return contacts_of(stack, 200)


def arrives(story: Story) -> Edit:
    """Edit a contact in Outlook and wait for the portal's own pull."""
    contact, proposed = story.edited_in_outlook()
    rows = SyncField.objects.filter(record__target_id=contact)
    story.wait(lambda: rows.count() == 2, "the edit has arrived")
    return story.found(contact, proposed)


def seconds_of(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def shifted_workers(stack: Stack, clock: str) -> None:
    """Replace all workers by ones with a shifted clock."""
    for worker in [*stack.workers, stack.periodic_worker]:
        assert worker is not None
        worker.kill()
    stack.workers.clear()
    stack.add_worker(clock=clock)
    stack.start_periodic_worker(clock=clock)
    stack.wait_until_ready()


@pytest.fixture
def replace_workers_afterwards(stack: Stack) -> Iterator[None]:
    """Have the story replace the workers with shifted clocks afterwards."""
    yield
    for worker in [*stack.workers, stack.periodic_worker]:
        assert worker is not None
        worker.has_slept = True
    ProcessClock.objects.all().delete()


def needs_shifted_clocks(test: Callable[..., None]) -> Callable[..., None]:
    """Skip a test where clocks cannot be shifted, or there is only one."""
    one_clock = pytest.mark.skipif(
        connection.vendor == "sqlite", reason="SQLite uses the clock of the process that asks"
    )
    missing = shutil.which("faketime") is None
    return pytest.mark.skipif(missing, reason="faketime is not installed: apt-get install faketime")(one_clock(test))


@needs_shifted_clocks
@pytest.mark.parametrize(("clock", "seconds"), [("+12s", 12), ("-12s", -12), ("+10m", 600), ("-10m", -600)])
def test_wrong_worker_clocks_lose_no_work(
    story: Story, replace_workers_afterwards: None, clock: str, seconds: float
) -> None:
    shifted_workers(story.stack, clock)

    edits = [arrives(story) for _ in range(5)]
    story.decide(*edits)

    story.delivered_exactly_once(*edits)
    worker = ProcessClock.objects.get(role="worker")
    assert worker.seconds_ahead == pytest.approx(seconds, abs=3)
    assert [found.code for found in troubles() if found.code == "clocks"] == ["clocks"]
    assert all(abs(clock.seconds_ahead) < clocks.MAX_SECONDS for clock in ProcessClock.objects.exclude(role="worker"))


@needs_shifted_clocks
def test_kills_with_wrong_clocks_repeat_no_write(story: Story, replace_workers_afterwards: None) -> None:
    """One worker is ahead, the other behind; each finishes the jobs of the other after a kill."""
    stack = story.stack
    shifted_workers(stack, AHEAD)
    stack.add_worker(clock=BEHIND)
    stack.wait_until_ready()
    edits = story.edited(4 * KILLS)
    story.world.faults(latency_ms=300)  # so that kills hit work in progress
    for number in range(KILLS):
        story.decide(*edits[4 * number : 4 * number + 4])
        time.sleep(1.0 + number % 3)
        stack.worker.kill()
        stack.workers.pop(0)
        stack.add_worker(clock=BEHIND if number % 2 else AHEAD)  # the clock of the worker that was killed
        TALLY["kills beside shifted clocks"] += 1
        stack.wait_until_ready()
    story.world.heal()
    story.delivered_exactly_once(*edits)


def test_messages_do_not_pile_up_without_workers(story: Story) -> None:
    stack = story.stack
    second_beat = stack.start_beat()
    for worker in [*stack.workers, stack.periodic_worker]:
        assert worker is not None
        worker.kill()
    time.sleep(20)  # a hundred ticks, ten readings

    waiting = stack.queued("periodic") + stack.queued("celery")
    assert waiting <= PERIODIC_TASKS + 1, "at most one message of each task, and a pulse"
    stack.flush_broker()
    stack.restore_workers()
    took = seconds_of(lambda: arrives(story))
    before = readings()
    time.sleep(12)
    read = readings() - before
    second_beat.stop()
    assert 2 <= read <= 8, "one pull every two seconds, although two beats publish"
    TALLY["seconds until an edit arrived after Redis was wiped"] = round(took)
    assert took < 30


def readings() -> int:
    return PeriodicTask.objects.values_list("number", flat=True).get(name="pull")


def test_unanswered_writes_do_not_delay_reads(story: Story) -> None:
    edits = [arrives(story) for _ in range(UNANSWERED)]
    second = story.stack.add_worker()
    story.stack.wait_until_ready()
    story.world.faults(*(write_of(edit, hold="before_commit") for edit in edits))
    story.decide(*edits)
    story.wait_until_holding(4)
    ticks = PeriodicTask.objects.values_list("number", flat=True).get(name="tick")
    longest = 0.0
    until = time.monotonic() + 30  # the writes time out together, which closes the breaker of a silent CRM
    while time.monotonic() < until:
        longest = max(longest, seconds_since_reading())
        time.sleep(0.2)

    waited = seconds_of(lambda: arrives(story))

    TALLY["seconds without a reading beside unanswered writes"] = round(longest)
    assert longest < LONGEST_WITHOUT_READING
    assert waited < 2 * LONGEST_WITHOUT_READING
    assert PeriodicTask.objects.get(name="tick").number - ticks > 10
    story.world.heal()
    story.delivered_exactly_once(*edits, hurry=True)
    story.stack.remove_worker(second)


def seconds_since_reading() -> float:
    read_at = MirrorCursor.objects.filter(table__in=("fields", "records")).values_list("pulled_at", flat=True)
    return (timezone.now() - min(read_at)).total_seconds()


@pytest.mark.parametrize("fault", ["refuse", "silence"])
def test_edits_arrive_without_redis(story: Story, proxies: Proxies, fault: str) -> None:
    arrives(story)
    getattr(proxies.broker, fault)()

    took = seconds_of(lambda: arrives(story))
    edits = [arrives(story) for _ in range(2)]
    story.decide(*edits)

    TALLY[f"seconds until an edit arrived while Redis is down ({fault})"] = round(took)
    time.sleep(20)  # by now Celery's own pauses between tries would have grown
    proxies.broker.restore()
    took = seconds_of(lambda: story.wait_until_delivered(*edits))
    TALLY[f"seconds until written after Redis is back ({fault})"] = round(took)
    assert took < (15 if fault == "refuse" else 60)
    story.delivered_exactly_once(*edits)
