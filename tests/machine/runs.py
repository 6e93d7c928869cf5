"""How many runs there are, how long each is, and that the same ones are made every time.

MACHINE_RUNS=2000        more runs than the 200 of every test run
MACHINE_STEPS=25         longer runs than the 14 steps of every test run
MACHINE_SEED=7           other runs than always
MACHINE_BUGS=all         also the seeded bugs that lie deep (test_seeded_bugs.py)
MACHINE_SHRINK=1         look for fewer steps that fail too, which takes minutes
"""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import Machine
from tests.machine.world import World

RUNS = int(os.environ.get("MACHINE_RUNS", "200"))
FIRST_SEED = int(os.environ.get("MACHINE_SEED", "0"))
ALL_BUGS = os.environ.get("MACHINE_BUGS") == "all"
SHRINK = bool(os.environ.get("MACHINE_SHRINK"))
STEPS = int(os.environ.get("MACHINE_STEPS", "14"))


def run(world: World, *, runs: int, part: int = 0, machine: type[Machine] = Machine, shrink: bool = SHRINK) -> None:
    """Look for an order of events that breaks a promise; raises what it found, after printing the steps.

    Each `part` makes runs of its own.
    """
    wanted = settings(
        max_examples=runs,
        stateful_step_count=STEPS,
        # The seed alone decides, so there is nothing to remember from one time to the next.
        database=None,
        derandomize=False,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    factory: Callable[[], Machine] = lambda: machine(world)  # noqa: E731  (seed() marks what it is given)
    run_state_machine_as_test(seed(FIRST_SEED + part)(factory), settings=wanted)
