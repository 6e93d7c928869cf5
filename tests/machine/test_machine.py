"""A staged edit's whole life in any order of events: nothing lost, nothing twice, nothing overwritten."""

from __future__ import annotations

import pytest

from tests.machine.runs import RUNS, run
from tests.machine.world import World


@pytest.mark.timeout(3600)
def test_no_order_of_events_loses_repeats_or_overwrites_an_edit(world: World) -> None:
    run(world, runs=RUNS)
