"""The code's own failpoints, where a test lets something happen: a power cut, or somebody else coming in between."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from syncapp.jobs import queue, runner
from syncapp.mirror import cursors
from syncapp.mirror.edits import pull
from syncapp.review.delivery import job

# Outside every transaction: anything can happen here.
DELIVERY_POINTS = (
    "delivery.claimed",
    "delivery.read",
    "delivery.sent",
    "delivery.answered",
    "delivery.settled",
    "delivery.finished",
)
# Only the power can be cut here; half of them are inside a transaction, which then never was.
MIRROR_POINTS = (
    "mirror.fields.stored",
    "mirror.fields.moved",
    "mirror.records.stored",
    "mirror.records.moved",
    "mirror.superseded",
)
MORE_POINTS = ("delivery.bound", "tick.swept", "tick.dispatched", *MIRROR_POINTS)


class PowerCut(BaseException):
    """The process ends here and now: no handler of ours may see it."""


class Failpoints:
    """What is to happen at the next passing of each point; once, then it is forgotten."""

    def __init__(self) -> None:
        self._armed: dict[str, Callable[[], None]] = {}
        self.power_is_out = False

    def arm(self, point: str, action: Callable[[], None]) -> None:
        """Let `action` happen when `point` is passed next."""
        self._armed[point] = action

    def clear(self) -> None:
        """Forget everything."""
        self._armed.clear()
        self.power_is_out = False

    def passed(self, point: str) -> None:
        """A process of ours is at `point`."""
        action = self._armed.pop(point, None)
        if action is not None:
            action()

    def cut_power(self) -> None:
        """End the process."""
        self.power_is_out = True
        raise PowerCut

    def run(self, process: Callable[[], Any]) -> None:
        """Run `process` to its end or to a power cut."""
        try:
            process()
        except PowerCut:
            self.power_is_out = False


def put_in(points: Failpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listen at the code's failpoints, and let nothing tidy up after a power cut."""
    for module in (queue, job, pull):
        monkeypatch.setattr(module, "failpoint", points.passed)
    # The longest pause in hundreds of seconds: with the real clock running, only long times can be told apart surely.
    monkeypatch.setattr(runner, "random", SimpleNamespace(uniform=lambda _low, high: high * 100))
    monkeypatch.setattr(job, "STALE_PAUSE", 3000.0)
    release = cursors.release

    def release_if_alive(reader: cursors.TableLease) -> None:
        if not points.power_is_out:
            release(reader)

    monkeypatch.setattr(cursors, "release", release_if_alive)
