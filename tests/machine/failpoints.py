"""Named points inside our code where a test lets something happen: a power cut, or somebody else coming in between.

Those of a delivery are the code's own failpoints. Those of the mirror are put around the steps of a page.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from syncapp.mirror import cursors
from syncapp.review import delivery

DELIVERY_POINTS = (
    "delivery.claimed",
    "delivery.read",
    "delivery.sent",
    "delivery.answered",
    "delivery.settled",
)
# Before a page is read; inside its transaction, before and after the cursor moves.
MIRROR_POINTS = ("mirror.page", "mirror.stored", "mirror.moved")


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
    """Put the points into the code, and let nothing tidy up after a power cut."""
    monkeypatch.setattr(delivery, "failpoint", points.passed)
    # The longest pause in hundreds of seconds: with the real clock running, only long times can be told apart surely.
    monkeypatch.setattr(delivery, "random", SimpleNamespace(uniform=lambda _low, high: high * 100))
    monkeypatch.setattr(delivery, "STALE_PAUSE", 3000.0)
    of, move, release = cursors.of, cursors.move, cursors.release

    def of_at_point(reader: cursors.Reader) -> Any:
        points.passed("mirror.page")
        return of(reader)

    def move_between_points(reader: cursors.Reader, **columns: Any) -> None:
        points.passed("mirror.stored")
        move(reader, **columns)
        points.passed("mirror.moved")

    def release_if_alive(reader: cursors.Reader) -> None:
        if not points.power_is_out:
            release(reader)

    monkeypatch.setattr(cursors, "of", of_at_point)
    monkeypatch.setattr(cursors, "move", move_between_points)
    monkeypatch.setattr(cursors, "release", release_if_alive)
