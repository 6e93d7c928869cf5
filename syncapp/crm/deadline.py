"""Deadlines for calls that may consist of several requests."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time on the monotonic clock, so that changes to the system time have no effect."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, 0 once the deadline has passed."""
        return max(0.0, self.at - time.monotonic())
