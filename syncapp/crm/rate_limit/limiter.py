"""Staying below the CRM's service protection limits, however many workers there are.

Source: "Service protection API limits". The limits count for our application user, over a sliding
window; going beyond them is answered 429 for everybody, so nobody goes near them: each call asks
for a slot first and waits for it.
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

# The `code` of a Throttled that is our own: nothing was sent.
RATE_LIMITED = "governor"

# A worker must not sleep through its lease: who names no deadline waits no longer than this.
_PATIENCE = 10.0
# What is left of a deadline after the wait has to be enough for an answer, or a write ends in doubt.
_TIME_TO_ANSWER = 1.0
# A 429 without a usable Retry-After.
_UNNAMED_PAUSE = 10.0
_SHORTEST_ADVICE = 0.5
_SHORTEST_WAIT, _LARGEST_SPREAD = 0.001, 0.25


class Lane(StrEnum):
    """Who waits: a person (a page, a decision on its way) or nobody in particular (runs, inventories)."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Limits:
    """The published limits of one user, and how much of them we use.

    `share` of requests and execution is used; `most_at_once` stays below the published 52. A burst
    of `burst_seconds` may be saved up; `reserved` of it, and of the places, only the interactive
    lane gets, so that a person never waits behind a run. One operation is never counted as less
    than `operation_seconds`, because a fast line does not mean little work. A place whose holder
    died is free again after `lease_seconds`. An account that begins, perhaps anew, does not know what is
    under way: for `settling_seconds` it gives only the places between ours and the published `at_once`.
    """

    requests: float = 6000
    execution_seconds: float = 1200
    window_seconds: float = 300
    share: float = 0.9
    most_at_once: int = 40
    burst_seconds: float = 2
    reserved: float = 0.5
    reserved_places: float = 0.1
    operation_seconds: float = 0.04
    lease_seconds: float = 45
    at_once: int = 52
    settling_seconds: float = 30

    def scaled(self, time_scale: float) -> Limits:
        """The limits of a sandbox with this `time_scale`, which multiplies every duration, as there.

        With 0.1 the window of 300 seconds passes in 30. ValueError unless it is more than 0.
        """
        if not time_scale > 0:
            raise ValueError("A time scale is more than 0.")
        return replace(
            self,
            window_seconds=self.window_seconds * time_scale,
            burst_seconds=self.burst_seconds * time_scale,
            settling_seconds=self.settling_seconds * time_scale,
        )

    def part(self, one_of: int) -> Limits:
        """What one of `one_of` users of the same limits may take without knowing of the others."""
        return replace(self, share=self.share / one_of, most_at_once=max(1, self.most_at_once // one_of))

    @property
    def request_rate(self) -> float:
        """Requests a second that we allow ourselves."""
        return self.requests * self.share / self.window_seconds

    @property
    def request_burst(self) -> float:
        """Requests that may follow each other without a pause; at least one for each lane."""
        return max(2.0, self.request_rate * self.burst_seconds)

    @property
    def execution_rate(self) -> float:
        """Seconds of execution a second that we allow ourselves."""
        return self.execution_seconds * self.share / self.window_seconds

    @property
    def execution_burst(self) -> float:
        """Seconds of execution that may be saved up."""
        return self.execution_rate * self.burst_seconds

    @property
    def places_while_settling(self) -> int:
        """How many calls may be under way beside all that may be left from before."""
        return max(1, self.at_once - self.most_at_once)

    def places(self, lane: Lane, hint: int | None) -> int:
        """How many calls of a lane may be under way; `hint` is the CRM's advice (`x-ms-dop-hint`)."""
        most = max(1, min(self.most_at_once, hint or self.most_at_once))
        kept = 0 if lane is Lane.INTERACTIVE else max(1, round(most * self.reserved_places))
        return max(1, most - kept)


@dataclass(slots=True)
class Slot:
    """Leave to make one call; what its answer says about the limits is noted here."""

    hint: int | None = None
    pause: float | None = None

    def throttled(self, retry_after: float | None) -> None:
        """The CRM answered 429: everybody stops for that many seconds."""
        self.pause = max(self.pause or 0.0, retry_after or _UNNAMED_PAUSE)


@dataclass(frozen=True, slots=True)
class LimiterStatus:
    """What to show of the limits: `shared` is False while Redis is away and each process is careful alone."""

    shared: bool
    paused_for: float
    at_once: int
    requests_ready: float
    execution_ready: float


class RateLimiter(Protocol):
    """Who says when a call may be made."""

    def slot(
        self, *, lane: Lane, operations: int = 1, deadline: Deadline | None = None
    ) -> AbstractContextManager[Slot]:
        """Waits for a slot and holds it during the call; a batch has several operations.

        Raises Throttled with the code GOVERNED, and nothing may be sent, when the slot would come
        too late for the deadline. A Throttled raised inside stops everybody.
        """

    def status(self) -> LimiterStatus:
        """How things stand, for a page; never raises."""

    def close(self) -> None:
        """Ends this process's connections; the next call opens others."""


class NoLimiter:
    """No limits, for a CRM that has none."""

    @contextmanager
    def slot(self, *, lane: Lane, operations: int = 1, deadline: Deadline | None = None) -> Iterator[Slot]:
        """See `RateLimiter`."""
        yield Slot()

    def status(self) -> LimiterStatus:
        """See `RateLimiter`."""
        return LimiterStatus(shared=True, paused_for=0.0, at_once=0, requests_ready=1.0, execution_ready=1.0)

    def close(self) -> None:
        """See `RateLimiter`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to "may I?": `wait` seconds until asking again makes sense, 0 means yes.

    `charged` seconds of execution are taken off in advance, `lease` names the place.
    """

    wait: float
    charged: float = 0.0
    lease: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call cost. `seconds` is None when no answer came: then the advance stays."""

    operations: int
    seconds: float | None
    hint: int | None
    pause: float | None


class BaseLimiter(ABC):
    """The waiting, in one way for every kind of governor."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    @contextmanager
    def slot(self, *, lane: Lane, operations: int = 1, deadline: Deadline | None = None) -> Iterator[Slot]:
        """See `RateLimiter`."""
        turn = self._wait(lane, operations, deadline)
        slot, started, answered = Slot(), self._clock(), True
        try:
            yield slot
        except Throttled as error:
            slot.throttled(error.retry_after)
            raise
        except Unreachable:
            answered = False
            raise
        finally:
            seconds = self._clock() - started if answered else None
            self.leave(turn, Usage(operations, seconds, slot.hint, slot.pause))

    @abstractmethod
    def enter(self, lane: Lane, operations: int) -> Grant:
        """Takes a slot, or says how long to wait before asking again."""

    @abstractmethod
    def leave(self, turn: Grant, report: Usage) -> None:
        """Gives the place back and settles the account."""

    def _wait(self, lane: Lane, operations: int, deadline: Deadline | None) -> Grant:
        until = self._clock() + _patience(deadline)
        while (turn := self.enter(lane, operations)).wait > 0:
            if turn.wait > until - self._clock():
                advice = max(turn.wait, _SHORTEST_ADVICE)
                raise Throttled("The CRM's limits leave no time for this now.", code=RATE_LIMITED, retry_after=advice)
            wait = max(turn.wait, _SHORTEST_WAIT)
            self.sleep(wait + self.spread(min(_LARGEST_SPREAD, wait / 3)))
        return turn

    def sleep(self, seconds: float) -> None:
        """Waits; a method so that a test can watch it instead."""
        time.sleep(seconds)

    def spread(self, most: float) -> float:
        """Up to `most` seconds, by chance, so that those who wait do not ask all at once."""
        return secrets.SystemRandom().uniform(0, most)


def _patience(deadline: Deadline | None) -> float:
    if deadline is None:
        return _PATIENCE
    left = deadline.remaining()
    return left - min(_TIME_TO_ANSWER, left / 2)
