"""Reading and staging in any order of events: nothing is lost, staged twice, or taken from another writer.

CAPTURE_RUNS=2000   more sequences than the 500 of every long test run
CAPTURE_SEED=7000   other sequences than usual
"""

from __future__ import annotations

import os

import pytest

from tests.capture.machine.steps import run
from tests.capture.machine.world import Machine

RUNS = int(os.environ.get("CAPTURE_RUNS", "500"))
FIRST_SEED = int(os.environ.get("CAPTURE_SEED", "0"))
PARTS = 4


def test_short_sequences_break_no_invariant(machine: Machine) -> None:
    for seed in range(2):
        run(machine, seed, steps=6)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_event_order_breaks_an_invariant(machine: Machine, part: int) -> None:
    restores = 0
    for seed in range(FIRST_SEED + part, FIRST_SEED + RUNS, PARTS):
        run(machine, seed)
        restores += machine.oracle.restores
    assert restores > RUNS / PARTS, "hardly anything was restored, so hardly anything was tested"
