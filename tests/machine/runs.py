"""How many runs, how long each, and that the same ones are made every time.

MACHINE_RUNS=2000        more runs than the 200 of every test run
MACHINE_SEED=7           other runs than always; what fails prints its steps
"""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import Machine
from tests.machine.world import World

RUNS = int(os.environ.get("MACHINE_RUNS", "200"))
SEED = os.environ.get("MACHINE_SEED", "")
SHRINK = bool(os.environ.get("MACHINE_SHRINK"))
STEPS = 20


def run(world: World, *, runs: int, machine: type[Machine] = Machine, shrink: bool = SHRINK) -> None:
    """Look for an order of events that breaks a promise; raises what it found, after printing the steps."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    wanted = settings(
        max_examples=runs,
        stateful_step_count=STEPS,
        derandomize=not SEED,
        database=None,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        verbosity=Verbosity.normal,
        suppress_health_check=list(HealthCheck),
    )
    factory: Callable[[], Machine] = lambda: machine(world)  # noqa: E731  (seed() needs an object to mark)
    run_state_machine_as_test(seed(int(SEED))(factory) if SEED else factory, settings=wanted)
