"""Answers that never arrive, or arrive after the lease has expired."""

from __future__ import annotations

import pytest

from syncapp.models.jobs.job import JobState
from tests.journeys.stack import Worker
from tests.journeys.story import Story, write_of

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("where", ["before_commit", "after_commit"])
def test_write_with_truncated_response_is_applied_once(story: Story, rounds: int, where: str):
    edits = story.edited(rounds)
    story.world.faults(*(write_of(edit, cut=where, times=1) for edit in edits))
    story.decide(*edits)
    story.delivered_exactly_once(*edits, hurry=True)


def stops(worker: Worker) -> int:
    """Return how often the worker lost a lease, or was stopped by its time limit before it could notice."""
    log = worker.server.output()
    return log.count("lease lost, stopped") + log.count("billiard.exceptions.SoftTimeLimitExceeded")


@pytest.mark.parametrize("where", ["before_commit", "after_commit"])
def test_late_worker_writes_nothing_after_its_lease(story: Story, where: str):
    [edit] = story.edited()
    story.world.faults(write_of(edit, hold=where))
    story.decide(edit)
    story.wait_until_held(edit, JobState.SENT)
    sleeper = story.stack.worker
    sleeper.pause()
    other, before = story.stack.add_worker(), stops(sleeper)
    story.world.heal(drop=where == "before_commit")  # then the write is left to the other worker
    story.wait_until_delivered(edit, hurry=True)
    sleeper.resume_pool()
    story.wait(lambda: stops(sleeper) > before, "the suspended worker notices its lost lease")
    sleeper.resume()
    story.stack.remove_worker(other)
    story.delivered_exactly_once(edit)
