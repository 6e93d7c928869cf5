"""The code's failpoints, at which a test injects a power cut or a concurrent event."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from syncapp.jobs import queue, runner
from syncapp.mirror import cursors
from syncapp.review.delivery import job

# Outside of transactions, so every event is possible here.
DELIVERY_POINTS = (
    "delivery.claimed",
    "delivery.read",
    "delivery.sent",
    "delivery.answered",
    "delivery.applied",
    "delivery.finished",
)
# Only power cuts are possible here; those at `stored` and `superseded` roll back a transaction.
MIRROR_POINTS = (
    "mirror.fields.read",
    "mirror.fields.stored",
    "mirror.fields.moved",
    "mirror.records.read",
    "mirror.records.stored",
    "mirror.records.moved",
    "mirror.superseded",
)
MORE_POINTS = ("delivery.bound", "tick.swept", "tick.dispatched", *MIRROR_POINTS)


class PowerCut(BaseException):
    """The process ends immediately; no handler of ours may catch it."""


class Failpoints:
    """The actions to run when each failpoint is passed next, once."""

    def __init__(self) -> None:
        self._armed: dict[str, Callable[[], None]] = {}
        self.power_is_out = False

    def arm(self, point: str, action: Callable[[], None]) -> None:
        """Run `action` when `point` is passed next."""
        self._armed[point] = action

    def connect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Connect all failpoints of the code that is imported."""
        for name, module in list(sys.modules.items()):
            if name.startswith("syncapp.") and vars(module).get("failpoint") is queue.failpoint and module is not queue:
                monkeypatch.setattr(module, "failpoint", self.passed)
        monkeypatch.setattr(queue, "failpoint", self.passed)

    def clear(self) -> None:
        """Remove all actions."""
        self._armed.clear()
        self.power_is_out = False

    def passed(self, point: str) -> None:
        """Run the action of a failpoint that is being passed."""
        action = self._armed.pop(point, None)
        if action is not None:
            action()

    def cut_power(self) -> None:
        """End the process."""
        self.power_is_out = True
        raise PowerCut

    def run(self, process: Callable[[], Any]) -> bool:
        """Run `process` to its end or to a power cut; return whether the power was cut."""
        try:
            process()
        except PowerCut:
            self.power_is_out = False
            return True
        return False


def install(points: Failpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect to the code's failpoints, and prevent any cleanup after a power cut."""
    points.connect(monkeypatch)
    # The longest pause, in hundreds of seconds, because the real clock keeps running during the test.
    monkeypatch.setattr(runner, "random", SimpleNamespace(uniform=lambda _low, high: high * 100))
    monkeypatch.setattr(job, "STALE_PAUSE", 3000.0)
    release = cursors.release

    def release_if_alive(lease: cursors.TableLease) -> None:
        if not points.power_is_out:
            release(lease)

    monkeypatch.setattr(cursors, "release", release_if_alive)
