"""Proof that the state machine detects each guard that is removed."""

from __future__ import annotations

import pytest

from tests.machine.oracle import Violation
from tests.machine.runs import ALL_BUGS, run
from tests.machine.seeded_bugs import SEEDED_BUGS, SeededBug
from tests.machine.world import World

ENOUGH_RUNS = 120
CHECKED_BUGS = [bug for bug in SEEDED_BUGS if ALL_BUGS or not bug.is_deep]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", CHECKED_BUGS, ids=lambda bug: bug.name)
def test_machine_detects_seeded_bug(bug: SeededBug, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)

    with pytest.raises(Violation):
        run(world, runs=ENOUGH_RUNS, machine=bug.machine(), shrink=False)


@pytest.mark.parametrize("bug", SEEDED_BUGS, ids=lambda bug: bug.name)
def test_guard_to_remove_still_exists(bug: SeededBug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)
