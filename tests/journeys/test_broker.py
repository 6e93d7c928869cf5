"""The broker repeats messages, loses everything, or is down."""

from __future__ import annotations

import pytest

from syncapp.models import Delivery
from syncapp.models.jobs.job import WAITING_STATES
from tests.journeys.story import Story

pytestmark = pytest.mark.journey


def test_repeated_messages_write_once(story: Story, rounds: int):
    second = story.stack.add_worker()
    story.stack.wait_until_ready()
    edits = story.edited(rounds)
    story.world.faults(latency_ms=50)
    story.decide(*edits)
    for _ in range(5):
        for edit in edits:
            story.stack.send("deliver", str(edit.delivery.pk))
    story.delivered_exactly_once(*edits)
    story.stack.remove_worker(second)


def test_flushed_broker_loses_no_work(story: Story):
    edits = story.edited(10)
    story.stack.worker.pause_main_process()
    story.decide(*edits)
    # The sleeping worker had already asked Redis for its next message: Redis hands it one while it sleeps.
    story.wait(lambda: story.stack.queued() >= len(edits) - 1, "the work is dispatched")
    story.stack.flush_broker()
    story.stack.worker.resume()
    story.delivered_exactly_once(*edits, hurry=True)


def test_decisions_survive_broker_outage(story: Story):
    edits = story.edited(20)
    story.stack.broker.kill()
    seconds = [story.decide_on_the_page(edit) for edit in edits]
    waiting = Delivery.objects.filter(target_id__in=[edit.contact for edit in edits], state__in=WAITING_STATES)
    assert (max(seconds) < 2, waiting.count()) == (True, len(edits))
    story.stack.restart_broker()
    story.delivered_exactly_once(*edits)
    assert story.stack.worker.is_alive
