"""Workers die in the middle of a filter run, Redis forgets everything, credentials fail: it ends as it was planned."""

from __future__ import annotations

import pytest

from tests.journeys.filter_story import FilterStory, limits
from tests.journeys.story import Story

pytestmark = pytest.mark.journey
LIMITS = limits(0.01)


def test_run_ends_as_planned_despite_faults(story: Story):
    told = FilterStory(story)
    story.world.faults(**LIMITS, latency_ms=15_000)  # of the sandbox's clock, which runs a hundred times faster here

    story.dies_at("filters.sent", told.start)
    story.dies_at("filters.answered", told.dispatch_again)
    told.goes_on()
    told.pause()
    told.flush_the_broker()
    told.resume()
    told.goes_on()
    story.kill("the middle of a run", whole=False)
    told.credentials_fail_for_a_while()
    story.world.faults(**LIMITS)

    told.ends()
    told.is_as_planned()
