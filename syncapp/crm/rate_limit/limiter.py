"""Rate limiters that keep all workers together below the CRM's service protection limits.

Source: "Service protection API limits". The limits apply to our application user over a sliding window, and beyond them
all its calls are answered with 429. So each call first waits for a slot.
"""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import Throttled, Unreachable

# The `code` of a Throttled raised by our own limiter: nothing was sent.
RATE_LIMITED = "governor"

# The longest wait of a call without a deadline. A worker must not sleep past the end of its lease.
_MAX_WAIT = 10.0
# Time left for the answer after the wait; without it, the outcome of a write would be unknown.
_TIME_TO_ANSWER = 1.0
# The pause after a 429 without a usable Retry-After.
_DEFAULT_PAUSE = 10.0
_MIN_RETRY_AFTER = 0.5
_MIN_WAIT, _MAX_SPREAD = 0.001, 0.25


class Lane(StrEnum):
    """The priority of a call: whether a person waits for it (pages, deliveries) or not (runs, inventories)."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Limits:
    """The published limits for one user, and the part of them that we use.

    We use the fraction `share` of the requests and of the execution time, and `max_concurrent` of the published
    `concurrent_limit` concurrent calls. Unused capacity of up to `burst_seconds` is saved. The fraction `reserved` of
    it, and `reserved_places` of the concurrent calls, are kept for the interactive lane, so that people never wait for
    a run.
    An operation counts as at least `operation_seconds`, because a fast answer can still mean much work. The place of a
    process that died is free again after `lease_seconds`. A new account, which may replace a lost one, does not know
    the calls in progress: for `settling_seconds` it admits only the difference between `concurrent_limit` and
    `max_concurrent`.
    """

    requests: float = 6000
    execution_seconds: float = 1200
    window_seconds: float = 300
    share: float = 0.9
    max_concurrent: int = 40
    burst_seconds: float = 2
    reserved: float = 0.5
    reserved_places: float = 0.1
    operation_seconds: float = 0.04
    lease_seconds: float = 45
    concurrent_limit: int = 52
    settling_seconds: float = 30

    def scaled(self, time_scale: float) -> Limits:
        """Return the limits of a sandbox with this `time_scale`, which multiplies all durations.

        With 0.1 a window of 300 seconds passes in 30. Raises ValueError unless it is more than 0.
        """
        if not time_scale > 0:
            raise ValueError("A time scale must be more than 0.")
        return replace(
            self,
            window_seconds=self.window_seconds * time_scale,
            burst_seconds=self.burst_seconds * time_scale,
            settling_seconds=self.settling_seconds * time_scale,
        )

    def split(self, processes: int) -> Limits:
        """Return the part for one of several processes that share the limits without knowing of each other."""
        return replace(self, share=self.share / processes, max_concurrent=max(1, self.max_concurrent // processes))

    @property
    def request_rate(self) -> float:
        """Return the requests per second that we allow ourselves."""
        return self.requests * self.share / self.window_seconds

    @property
    def request_burst(self) -> float:
        """Return how many requests may follow each other without a pause; at least one per lane."""
        return max(2.0, self.request_rate * self.burst_seconds)

    @property
    def execution_rate(self) -> float:
        """Return the seconds of execution per second that we allow ourselves."""
        return self.execution_seconds * self.share / self.window_seconds

    @property
    def execution_burst(self) -> float:
        """Return how many seconds of execution may be used at once after a pause."""
        return self.execution_rate * self.burst_seconds

    @property
    def places_while_settling(self) -> int:
        """Return how many calls a new account admits besides those that may still be in progress."""
        return max(1, self.concurrent_limit - self.max_concurrent)

    def places(self, lane: Lane, hint: int | None) -> int:
        """Return how many concurrent calls a lane may have; `hint` is the CRM's advice (`x-ms-dop-hint`)."""
        available = max(1, min(self.max_concurrent, hint or self.max_concurrent))
        reserved = 0 if lane is Lane.INTERACTIVE else max(1, round(available * self.reserved_places))
        return max(1, available - reserved)


@dataclass(slots=True)
class Slot:
    """Permission to make one call; the caller stores here what the answer says about the limits."""

    hint: int | None = None
    pause: float | None = None

    def record_throttling(self, retry_after: float | None) -> None:
        """Record a 429, after which all calls pause for `retry_after` seconds."""
        self.pause = max(self.pause or 0.0, retry_after or _DEFAULT_PAUSE)


@dataclass(frozen=True, slots=True)
class LimiterStatus:
    """The state of a limiter, for a page. `shared` is False while Redis is down and each process limits itself."""

    shared: bool
    paused_for: float
    concurrent_calls: int
    requests_ready: float
    execution_ready: float


class RateLimiter(Protocol):
    """The interface of rate limiters."""

    def slot(
        self, *, lane: Lane, operations: int = 1, deadline: Deadline | None = None
    ) -> AbstractContextManager[Slot]:
        """Wait for a slot and hold it during the call; a batch has several operations.

        Raises Throttled with the code RATE_LIMITED when the slot would come too late for the deadline. A Throttled
        raised inside the block stops all calls.
        """

    def status(self) -> LimiterStatus:
        """Return the state for a page. Never raises."""

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""


class NoLimiter:
    """A limiter without limits."""

    @contextmanager
    def slot(self, *, lane: Lane, operations: int = 1, deadline: Deadline | None = None) -> Iterator[Slot]:
        """See `RateLimiter`."""
        yield Slot()

    def status(self) -> LimiterStatus:
        """See `RateLimiter`."""
        return LimiterStatus(shared=True, paused_for=0.0, concurrent_calls=0, requests_ready=1.0, execution_ready=1.0)

    def close(self) -> None:
        """See `RateLimiter`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to a request for a slot: granted if `wait` is 0, otherwise to be repeated after `wait` seconds.

    `charged` seconds of execution are deducted in advance, `lease` names the place.
    """

    wait: float
    charged: float = 0.0
    lease: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """The cost of a call. `seconds` is None when no answer came; then the advance charge stays."""

    operations: int
    seconds: float | None
    hint: int | None
    pause: float | None


class BaseLimiter(ABC):
    """Base class of limiters, with the waiting that they share."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    @contextmanager
    def slot(self, *, lane: Lane, operations: int = 1, deadline: Deadline | None = None) -> Iterator[Slot]:
        """See `RateLimiter`."""
        grant = self._wait(lane, operations, deadline)
        slot, started, answered = Slot(), self._clock(), True
        try:
            yield slot
        except Throttled as error:
            slot.record_throttling(error.retry_after)
            raise
        except Unreachable:
            answered = False
            raise
        finally:
            seconds = self._clock() - started if answered else None
            self.leave(grant, Usage(operations, seconds, slot.hint, slot.pause))

    @abstractmethod
    def enter(self, lane: Lane, operations: int) -> Grant:
        """Take a slot, or return how long to wait before asking again."""

    @abstractmethod
    def leave(self, grant: Grant, usage: Usage) -> None:
        """Free the place and charge the call."""

    def _wait(self, lane: Lane, operations: int, deadline: Deadline | None) -> Grant:
        limit = _MAX_WAIT
        if deadline is not None:
            left = deadline.remaining()
            limit = left - min(_TIME_TO_ANSWER, left / 2)
        until = self._clock() + limit
        while (grant := self.enter(lane, operations)).wait > 0:
            if grant.wait > until - self._clock():
                retry_after = max(grant.wait, _MIN_RETRY_AFTER)
                raise Throttled(
                    "The CRM's limits leave no time for this now.", code=RATE_LIMITED, retry_after=retry_after
                )
            wait = max(grant.wait, _MIN_WAIT)
            self.sleep(wait + self.spread(min(_MAX_SPREAD, wait / 3)))
        return grant

    def sleep(self, seconds: float) -> None:
        """Wait; a method, so that tests can replace it."""
        time.sleep(seconds)

    def spread(self, max_seconds: float) -> float:
        """Return a random time of up to `max_seconds` seconds, so that waiting calls do not all ask at once."""
        return secrets.SystemRandom().uniform(0, max_seconds)
