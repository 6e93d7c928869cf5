"""A delivery that kills its process at each attempt, beside healthy ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db.models.functions import Now

from syncapp.jobs.queue import PROCESS_ENDED
from syncapp.models import Delivery
from syncapp.models.jobs.job import JobState
from syncapp.review import decisions
from tests.faults.conftest import AS_IN_PRODUCTION
from tests.journeys.stack import Stack
from tests.journeys.story import TALLY, Story
from tests.support.people import rita

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

ATTEMPTS = int(AS_IN_PRODUCTION["ATTEMPTS"])


def test_poison_job_fails_after_last_attempt(story: Story):
    poison, *others = story.edited(1 + 2 * ATTEMPTS)
    story.decide(poison)
    with always_armed(story.stack, f"delivery.{poison.delivery.pk}") as deaths:
        for number in range(ATTEMPTS):
            beside = others[2 * number : 2 * number + 2]
            story.decide(*beside)
            story.wait(lambda number=number: len(deaths) > number or is_over(poison.delivery), "its process dies")
            story.wait_until_delivered(*beside)
        story.wait(lambda: is_over(poison.delivery), "it has failed")
    assert (len(deaths), poison.delivery.last_error) == (ATTEMPTS, PROCESS_ENDED)
    assert not story.our_entries_about(poison)
    story.delivered_exactly_once(*others)
    TALLY["processes ended by poison"] += len(deaths)

    for field in poison.fields.values():
        decisions.retry(field.pk, by=rita())
    story.wait(lambda: story.decisions_are_over([poison.contact]), "it is written after a retry")
    assert len(story.our_entries_about(poison)) == 1


def is_over(delivery: Delivery) -> bool:
    """Return whether the delivery has failed; if not, skip its backoff."""
    Delivery.objects.filter(pk=delivery.pk, state=JobState.READY, due_at__gt=Now()).update(due_at=Now())
    return delivery.state == JobState.FAILED


@contextmanager
def always_armed(stack: Stack, point: str) -> Iterator[list[str]]:
    """Kill each process that passes this point; yield the list of kills."""
    deaths: list[str] = []
    is_over = threading.Event()
    stack.arm(point)

    def arm_again() -> None:
        while not is_over.wait(0.01):
            if not stack.is_armed(point):
                deaths.append(point)
                stack.arm(point)

    thread = threading.Thread(target=arm_again)
    thread.start()
    try:
        yield deaths
    finally:
        is_over.set()
        thread.join()
        stack.disarm()
