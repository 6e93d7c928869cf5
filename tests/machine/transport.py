"""The real transport to the CRM, with pauses that take no time and writes that can get stuck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncapp.crm.batch import Encoded
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError
from syncapp.crm.responses import Response
from syncapp.crm.transport import Transport


class FaultyTransport(Transport):
    """A transport whose stuck writes can arrive much later, after the portal continued."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._stuck: list[Encoded] = []
        self._when_stuck: Callable[[], None] | None = None

    def sleep(self, seconds: float) -> None:
        """Skip the pause between two attempts."""

    def jitter(self, max_seconds: float) -> float:
        """Return the longest pause, so that a run can be repeated."""
        return max_seconds

    def stick_next_write(self, then: Callable[[], None]) -> None:
        """Let the next write get stuck; `then` raises the sender's exception."""
        self._when_stuck = then

    def write_batch(self, batch: Encoded, *, deadline: Deadline | None = None) -> Response:
        """Send the batch, unless this write has to get stuck."""
        then, self._when_stuck = self._when_stuck, None
        if then is None:
            return super().write_batch(batch, deadline=deadline)
        self._stuck.append(batch)
        then()
        raise AssertionError("`then` raises")

    def deliver_stuck_write(self) -> None:
        """Deliver the oldest stuck write to the CRM; its sender no longer waits for the answer."""
        if not self._stuck:
            return
        try:
            super().write_batch(self._stuck.pop(0))
        except CrmError:
            return  # refused or not reachable; the sender is gone in either case

    def clear(self) -> None:
        """Drop all stuck writes."""
        self._stuck, self._when_stuck = [], None
