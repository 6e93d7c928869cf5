"""A staged edit's whole life in any order of events: nothing lost, nothing twice, nothing overwritten."""

from __future__ import annotations

import pytest

from tests.machine.runs import RUNS, run
from tests.machine.world import World

# Parts share the runs, so that every core has its own.
PARTS = 4


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_event_order_breaks_an_invariant(world: World, part: int) -> None:
    run(world, runs=RUNS // PARTS, part=part)
