"""The portal's line to the CRM: the real transport, with pauses that take no time and writes that get stuck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncapp.crm.batch import Encoded
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError
from syncapp.crm.responses import Answer
from syncapp.crm.transport import Transport


class Line(Transport):
    """One per test. What got stuck may arrive much later, when the portal has long gone on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._stuck: list[Encoded] = []
        self._when_stuck: Callable[[], None] | None = None

    def sleep(self, seconds: float) -> None:
        """Short pauses between two tries."""

    def jitter(self, most: float) -> float:
        """The longest pause, so that a run can be repeated."""
        return most

    def hold_next_write(self, then: Callable[[], None]) -> None:
        """The next write leaves us and does not arrive; `then` raises what happens to its sender."""
        self._when_stuck = then

    def write_batch(self, batch: Encoded, *, deadline: Deadline | None = None) -> Answer:
        """As the base, unless this write is to get stuck."""
        then, self._when_stuck = self._when_stuck, None
        if then is None:
            return super().write_batch(batch, deadline=deadline)
        self._stuck.append(batch)
        then()
        raise AssertionError("`then` raises")

    def let_arrive(self) -> None:
        """What got stuck first reaches the CRM now; nobody waits for the answer any more."""
        if not self._stuck:
            return
        try:
            super().write_batch(self._stuck.pop(0))
        except CrmError:
            return  # the CRM refused it or cannot be reached; the sender is gone either way

    def clear(self) -> None:
        """Nothing is under way."""
        self._stuck, self._when_stuck = [], None
