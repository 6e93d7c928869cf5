"""Recovery time after random kills, with the leases and limits of production."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from syncapp.models import Decision
from tests.faults.conftest import AS_IN_PRODUCTION, contacts_of
from tests.journeys.database import fresh_database
from tests.journeys.stack import Stack, running_stack
from tests.journeys.story import TALLY, Edit, Story

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

TIMES = AS_IN_PRODUCTION | {
    "TICK": "1",
    "HTTP_SECONDS": "30",
    "SOFT_LIMIT": "40",
    "HARD_LIMIT": "50",
    "LEASE": "60",
    "BROKER_VISIBILITY": "300",
    "PROBE_SECONDS": "30",
    "PULL_SECONDS": "5",
}
KILLS = 8
TARGET_SECONDS = 75.0  # lease and redispatch
SLACK_SECONDS = 45.0  # for a busy machine


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[Stack]:
    """Run a stack with the times of production."""
    folder = tmp_path_factory.mktemp("recovery")
    with (
        fresh_database(folder, django_db_blocker, name="recovery") as database,
        running_stack(database, proxied=True, **TIMES) as stack,
    ):
        yield stack


@pytest.fixture(scope="module")
def contacts(stack: Stack) -> Iterator[uuid.UUID]:
    """Yield contacts of this stack's CRM."""
    return contacts_of(stack, 60)


def test_work_recovers_in_time_after_random_kills(story: Story):
    story.patience = 240.0
    chance = random.Random(1)
    edits = story.edited(4 * KILLS)
    story.world.faults(latency_ms=300)  # so that most kills hit work in progress
    for number in range(KILLS):
        story.decide(*edits[4 * number : 4 * number + 4])
        time.sleep(chance.uniform(1.0, 3.0))
        story.kill("a random moment", whole=chance.random() < 0.5)
        if not story.stack.worker.is_alive:
            story.stack.replace_worker()
    story.world.heal()
    story.delivered_exactly_once(*edits)
    seconds = sorted(seconds_until_written(edits))
    TALLY["seconds until written after a random kill, p95"] = round(seconds[int(len(seconds) * 0.95)])
    TALLY["seconds until written after a random kill, longest"] = round(seconds[-1])
    assert seconds[int(len(seconds) * 0.95)] < TARGET_SECONDS + SLACK_SECONDS


def seconds_until_written(edits: list[Edit]) -> list[float]:
    """Return the seconds from each decision to its result."""
    decisions = Decision.objects.filter(target_id__in=[edit.contact for edit in edits], finished_at__isnull=False)
    times = decisions.values_list("decided_at", "finished_at")
    return [(finished_at - decided_at).total_seconds() for decided_at, finished_at in times]
