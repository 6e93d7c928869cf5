"""The life of staged edits in any order of events: nothing is lost, repeated or overwritten."""

from __future__ import annotations

import pytest

from tests.machine.runs import RUNS, run
from tests.machine.world import World

# The runs are divided into parts for parallel execution.
PARTS = 4


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_event_order_breaks_an_invariant(world: World, part: int) -> None:
    run(world, runs=RUNS // PARTS, part=part)
