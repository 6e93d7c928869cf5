"""A rate limiter in the memory of one process: used on its own, or by each process while Redis is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from syncapp.crm.rate_limit.limiter import BaseLimiter, Grant, Lane, LimiterStatus, Limits, Usage
from syncapp.crm.sessions import PerProcess

# Seconds to wait before asking for a place again; the end of a call cannot be predicted.
PLACE_RETRY_SECONDS = 0.05
# The weight of the newest measurement in the estimated cost of an operation.
_LEARNING_RATE = 0.2


@dataclass(slots=True)
class _Account:
    """The capacity left at the time `at`, the estimated cost of an operation, and the state of pauses and calls."""

    at: float
    requests: float
    execution: float
    cost: float
    paused_until: float = 0.0
    hint: int | None = None
    places: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class InProcessLimiter(BaseLimiter):
    """Token buckets for requests and execution, a count of concurrent calls, and a pause."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock=clock)
        self._limits = limits
        self._accounts = PerProcess(
            lambda: _Account(
                at=self._clock(),
                requests=self._limits.request_burst,
                execution=self._limits.execution_burst,
                cost=self._limits.operation_seconds,
            )
        )

    def status(self) -> LimiterStatus:
        """See `RateLimiter`."""
        account = self._accounts.get()
        with account.lock:
            now = self._refill(account)
            return LimiterStatus(
                shared=False,
                paused_for=max(0.0, account.paused_until - now),
                concurrent_calls=account.places,
                requests_ready=account.requests,
                execution_ready=account.execution,
            )

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def set_limits(self, limits: Limits) -> None:
        """Replace the limits; the capacity left stays as it is."""
        self._limits = limits

    def paused_for(self) -> float:
        """Return the seconds left of the pause that this process knows of."""
        return max(0.0, self._accounts.get().paused_until - self._clock())

    def pause_for(self, seconds: float) -> None:
        """Grant no slots for `seconds`; a shorter pause never ends a longer one."""
        account = self._accounts.get()
        with account.lock:
            account.paused_until = max(account.paused_until, self._clock() + seconds)

    def _refill(self, account: _Account) -> float:
        limits, now = self._limits, self._clock()
        elapsed, account.at = now - account.at, now
        account.requests = min(limits.request_burst, account.requests + elapsed * limits.request_rate)
        account.execution = min(limits.execution_burst, account.execution + elapsed * limits.execution_rate)
        return now

    def enter(self, lane: Lane, operations: int) -> Grant:
        """See `BaseLimiter`."""
        account, limits, bulk = self._accounts.get(), self._limits, lane is Lane.BULK
        # The bulk lane does not touch the reserve. The interactive lane may overdraw the execution time, and then the
        # bulk lane waits until it is repaid.
        min_requests = 1 + (limits.reserved * limits.request_burst if bulk else 0)
        min_execution = limits.reserved * limits.execution_burst if bulk else -limits.execution_burst
        with account.lock:
            now = self._refill(account)
            wait = max(
                account.paused_until - now,
                (min(min_requests, limits.request_burst) - account.requests) / limits.request_rate,
                (min_execution - account.execution) / limits.execution_rate,
                0.0 if account.places < limits.places(lane, account.hint) else PLACE_RETRY_SECONDS,
            )
            if wait > 0:
                return Grant(wait)
            charged = min(operations * account.cost, limits.execution_burst)
            account.requests -= 1
            account.execution -= charged
            account.places += 1
            return Grant(0.0, charged)

    def leave(self, grant: Grant, usage: Usage) -> None:
        """See `BaseLimiter`."""
        account = self._accounts.get()
        with account.lock:
            now = self._refill(account)
            account.places -= 1
            if usage.seconds is not None:
                spent = max(usage.seconds, usage.operations * self._limits.operation_seconds)
                account.execution += grant.charged - spent
                account.cost += _LEARNING_RATE * (spent / usage.operations - account.cost)
            account.hint = usage.hint or account.hint
            account.paused_until = max(account.paused_until, now + (usage.pause or 0.0))
