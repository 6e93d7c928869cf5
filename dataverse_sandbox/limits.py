"""Service protection limits ("Service protection API limits"): requests, execution time and concurrency of each user.

Every user has a sliding window. A batch is one request; each operation in it takes execution time. Microsoft has not
published whose limits an impersonated call uses; here they are those of the token's user. While limits are set, an
answer takes as long as its charge, because callers can measure only that time. `time_scale` multiplies every duration:
with 0.1 the window of 300 seconds passes in 30. The portal's RATE_LIMIT_TIME_SCALE means the same.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from dataverse_sandbox.errors import ApiError

TOO_MANY_REQUESTS = "0x80072322"
TOO_MUCH_TIME = "0x80072321"
TOO_MANY_AT_ONCE = "0x80072326"
_KEYS = {
    "requests": int,
    "execution_seconds": float,
    "concurrent": int,
    "window_seconds": float,
    "operation_ms": float,
    "dop_hint": int,
    "takes_time": bool,
}


@dataclass(frozen=True)
class Limits:
    """The published limits; `operation_ms` is the charge for one operation."""

    requests: int = 6_000
    execution_seconds: float = 1_200.0
    concurrent: int = 52
    window_seconds: float = 300.0
    operation_ms: float = 40.0
    dop_hint: int = 52
    takes_time: bool = True

    @classmethod
    def read(cls, given: Mapping[str, object]) -> Limits:
        """Read limits. Raises ValueError for an invalid key or value."""
        found: dict[str, object] = {}
        for name, value in given.items():
            kind = _KEYS.get(name)
            if kind is None:
                raise ValueError(f"limits have no key '{name}'; known are {sorted(_KEYS)}")
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if (kind is bool) != isinstance(value, bool) or (kind is not bool and not is_number):
                raise ValueError(f"'{name}' is not of the type {kind.__name__}")
            if kind is not bool and float(str(value)) < 0:
                raise ValueError(f"'{name}' is less than 0")
            found[name] = kind(value)
        return cls(**found)  # type: ignore[arg-type]  # checked just now


@dataclass
class _Window:
    """A user's usage in the window: times with their charges, oldest first; and the highest usage so far."""

    used: deque[tuple[float, float]] = field(default_factory=deque)
    seconds: float = 0.0
    running: int = 0
    refused: int = 0
    max_requests: int = 0
    max_seconds: float = 0.0
    max_at_once: int = 0

    def forget_before(self, moment: float) -> None:
        while self.used and self.used[0][0] <= moment:
            self.seconds -= self.used.popleft()[1]

    def let_in(self, moment: float, charge: float) -> None:
        self.used.append((moment, charge))
        self.seconds += charge
        self.running += 1
        self.max_requests = max(self.max_requests, len(self.used))
        self.max_seconds = max(self.max_seconds, self.seconds)
        self.max_at_once = max(self.max_at_once, self.running)

    def as_json(self) -> dict[str, object]:
        return {
            "requests": len(self.used),
            "execution_seconds": round(self.seconds, 3),
            "refused": self.refused,
            "most": {
                "requests": self.max_requests,
                "execution_seconds": round(self.max_seconds, 3),
                "at_once": self.max_at_once,
            },
        }


@dataclass(frozen=True)
class Pass:
    """An admitted request; its headers show the remaining quota."""

    headers: Mapping[str, str]


class Protection:
    """The limits in force, kept in memory like all faults; None admits everything."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._scale = 1.0
        self.operations = 0
        self.limits: Limits | None = None

    def set(self, limits: Limits | None, scale: float) -> None:
        """Set the limits with empty windows; unchanged limits keep counting."""
        with self._lock:
            if (limits, scale) != (self.limits, self._scale):
                self._windows = {}
            self.limits, self._scale = limits, scale

    @contextmanager
    def entered(self, user: str, operations: int) -> Iterator[Pass]:
        """Admit, count and charge one request. Raises ApiError 429 when a limit is reached."""
        limits = self.limits
        if limits is None:
            with self._lock:
                self.operations += operations
            yield Pass({})
            return
        charge = operations * limits.operation_ms / 1000
        with self._lock:
            window = self._windows.setdefault(user, _Window())
            try:
                self._refuse(limits, window)
            except ApiError:
                window.refused += 1
                raise
            window.let_in(self._clock(), charge)
            self.operations += operations
            headers = _headers(limits, window)
        try:
            if limits.takes_time:
                self._sleep(charge * self._scale)
            yield Pass(headers)
        finally:
            with self._lock:
                window.running -= 1

    def _refuse(self, limits: Limits, window: _Window) -> None:
        now = self._clock()
        window.forget_before(now - limits.window_seconds * self._scale)
        if window.running >= limits.concurrent:
            message = f"Number of concurrent requests exceeded the limit of {limits.concurrent}."
            raise _refused(TOO_MANY_AT_ONCE, message, self._scale)
        if len(window.used) >= limits.requests:
            message = (
                f"Number of requests exceeded the limit of {limits.requests} over time window of "
                f"{limits.window_seconds:g} seconds."
            )
            raise _refused(TOO_MANY_REQUESTS, message, self._until(limits, window, now))
        if window.seconds >= limits.execution_seconds:
            message = (
                f"Combined execution time of incoming requests exceeded limit of "
                f"{limits.execution_seconds * 1000:,.0f} milliseconds over time window of "
                f"{limits.window_seconds:g} seconds. Decrease number of concurrent requests or reduce the duration of "
                "requests and try again later."
            )
            raise _refused(TOO_MUCH_TIME, message, self._until(limits, window, now))

    def _until(self, limits: Limits, window: _Window, now: float) -> float:
        """Return the seconds until the oldest request leaves the window."""
        first = window.used[0][0] if window.used else now
        return first + limits.window_seconds * self._scale - now

    def usage(self) -> dict[str, object]:
        """Return each user's usage in the current window, the highest usage of any window, and the refusals."""
        limits = self.limits
        if limits is None:
            return {}
        with self._lock:
            for window in self._windows.values():
                window.forget_before(self._clock() - limits.window_seconds * self._scale)
            return {user: window.as_json() for user, window in self._windows.items()}


def _headers(limits: Limits, window: _Window) -> dict[str, str]:
    return {
        "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(limits.requests - len(window.used), 0)),
        "x-ms-ratelimit-time-remaining-xrm-requests": f"{max(limits.execution_seconds - window.seconds, 0):,.2f}",
        "x-ms-dop-hint": str(limits.dop_hint),
    }


def _refused(code: str, message: str, seconds: float) -> ApiError:
    """Return the 429 with `Retry-After` in whole seconds and without rate-limit headers."""
    # Differences of times are inexact, and a nanosecond must not cause another second of waiting.
    return ApiError(429, code, message, headers={"Retry-After": str(max(math.ceil(round(seconds, 6)), 1))})
