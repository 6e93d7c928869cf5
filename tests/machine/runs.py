"""Number, length and seeds of the runs, which are the same every time.

MACHINE_RUNS=2000        more runs than the 100 of every test run
MACHINE_STEPS=25         longer runs than the 14 steps of every test run
MACHINE_SEED=7           other runs than usual
MACHINE_BUGS=all         also the deep seeded bugs (test_seeded_bugs.py)
MACHINE_SHRINK=1         shrink a failing run to fewer steps, which takes minutes
"""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import Machine
from tests.machine.world import World

RUNS = int(os.environ.get("MACHINE_RUNS", "100"))
FIRST_SEED = int(os.environ.get("MACHINE_SEED", "0"))
ALL_BUGS = os.environ.get("MACHINE_BUGS") == "all"
SHRINK = bool(os.environ.get("MACHINE_SHRINK"))
STEPS = int(os.environ.get("MACHINE_STEPS", "14"))


def run(world: World, *, runs: int, part: int = 0, machine: type[Machine] = Machine, shrink: bool = SHRINK) -> None:
    """Seek an order of events that breaks an invariant; print its steps and raise the Violation.

    Each `part` has runs of its own.
    """
    wanted = settings(
        max_examples=runs,
        stateful_step_count=STEPS,
        # Only the seed determines the runs, so no database of examples is needed.
        database=None,
        derandomize=False,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    factory: Callable[[], Machine] = lambda: machine(world)  # noqa: E731  (seed() marks what it is given)
    run_state_machine_as_test(seed(FIRST_SEED + part)(factory), settings=wanted)
