"""A filter run ends as planned, although workers die, Redis is flushed and credentials fail."""

from __future__ import annotations

import pytest

from tests.journeys.filter_story import FilterStory, limits
from tests.journeys.story import Story

pytestmark = pytest.mark.journey
LIMITS = limits(0.01)


def test_run_ends_as_planned_despite_faults(story: Story):
    run_story = FilterStory(story)
    story.world.faults(**LIMITS, latency_ms=15_000)  # of the sandbox's clock, which runs a hundred times faster here

    story.kill_at("filters.sent", run_story.start)
    story.kill_at("filters.answered", run_story.dispatch_again)
    run_story.wait_for_progress()
    run_story.pause()
    run_story.flush_broker_and_dispatch()
    run_story.resume()
    run_story.wait_for_progress()
    story.kill("the middle of a run", whole=False)
    run_story.fail_credentials_for_a_while()
    story.world.faults(**LIMITS)

    run_story.wait_until_done()
    run_story.assert_as_planned()
