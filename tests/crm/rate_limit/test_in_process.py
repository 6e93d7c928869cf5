"""The in-process rate limiter with a fake clock."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import Throttled, Unreachable
from syncapp.crm.rate_limit.in_process import InProcessLimiter
from syncapp.crm.rate_limit.limiter import RATE_LIMITED, Grant, Lane, Limits, NoLimiter, Usage

BULK, INTERACTIVE = Lane.BULK, Lane.INTERACTIVE
PUBLISHED = Limits()


class FakeClockLimiter(InProcessLimiter):
    """A limiter whose clock advances only while it waits, or when a test advances it."""

    def __init__(self, limits: Limits = PUBLISHED) -> None:
        self.now = 1000.0
        super().__init__(limits, clock=lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def spread(self, max_seconds: float) -> float:
        return 0.0

    def call(self, lane: Lane = BULK, *, operations: int = 1, seconds: float = 0.0) -> float:
        """Make a call that takes `seconds`; return when it began."""
        with self.slot(lane=lane, operations=operations):
            began = self.now
            self.now += seconds
        return began

    def together(self, count: int, *, seconds: float) -> float:
        """Make concurrent calls of `seconds` each; return when they ended."""
        grants = [self._turn() for _ in range(count)]
        self.now += seconds
        for grant in grants:
            self.leave(grant, Usage(operations=1, seconds=seconds, hint=None, pause=None))
        return self.now

    def _turn(self) -> Grant:
        while (grant := self.enter(BULK, 1)).wait > 0:
            self.now += max(grant.wait, 0.001)
        return grant

    def waits(self, lane: Lane = BULK) -> float:
        """Return how long a call of this lane waits for its slot now."""
        before = self.now
        return self.call(lane) - before

    def throttle(self, seconds: float | None) -> None:
        with pytest.raises(Throttled), self.slot(lane=BULK):
            raise Throttled("slow down", retry_after=seconds)


def max_in_a_window(charges: list[tuple[float, float]], window: float) -> float:
    """Return the largest sum of charges (time, amount), in order, inside any window."""
    highest = total = 0.0
    oldest = 0
    for when, amount in charges:
        total += amount
        while charges[oldest][0] <= when - window:
            total -= charges[oldest][1]
            oldest += 1
        highest = max(highest, total)
    return highest


def test_run_uses_exactly_its_request_share():
    rate_limiter = FakeClockLimiter()

    began = [rate_limiter.call() for _ in range(12_000)]

    highest = max_in_a_window([(when, 1) for when in began], 300)
    assert 0.9 * 6000 <= highest < 0.91 * 6000


def test_slow_calls_stay_below_execution_limit():
    rate_limiter = FakeClockLimiter()

    ended = [rate_limiter.together(8, seconds=4.0) for _ in range(80)]

    highest = max_in_a_window([(when, 8 * 4.0) for when in ended], 300)
    assert 0.7 * 1200 <= highest < 0.93 * 1200


def test_fast_batch_is_charged_by_operations():
    rate_limiter = FakeClockLimiter()

    began = [rate_limiter.call(operations=100) for _ in range(600)]

    highest = max_in_a_window([(when, 100 * 0.04) for when in began], 300)
    assert 0.89 * 1200 <= highest < 0.92 * 1200


@settings(max_examples=25, deadline=None)
@given(
    some.lists(
        some.tuples(some.sampled_from(Lane), some.integers(1, 1000), some.floats(0, 30), some.floats(0, 5)),
        min_size=50,
        max_size=400,
    )
)
def test_mixed_calls_stay_below_limits(calls):
    rate_limiter = FakeClockLimiter()
    requests, execution = [], []

    for lane, operations, seconds, idle in calls:
        try:
            began = rate_limiter.call(lane, operations=operations, seconds=seconds)
        except Throttled as turned_away:
            rate_limiter.now += turned_away.retry_after
            continue
        requests.append((began, 1.0))
        # The cost of a call is known when it ends; the CRM charges it then.
        execution.append((rate_limiter.now, max(seconds, operations * 0.04)))
        rate_limiter.now += idle

    assert max_in_a_window(requests, 300) <= 6000
    assert max_in_a_window(execution, 300) <= 1200


def test_interactive_call_does_not_wait_for_run():
    rate_limiter = FakeClockLimiter()
    while rate_limiter.waits() == 0.0:
        pass

    assert [rate_limiter.waits(INTERACTIVE) for _ in range(10)] == [0.0] * 10


def test_interactive_call_waits_if_nothing_is_reserved():
    rate_limiter = FakeClockLimiter(Limits(reserved=0.0))
    while rate_limiter.waits() == 0.0:
        pass

    assert rate_limiter.waits(INTERACTIVE) > 0


def test_bulk_call_waits_for_full_reserve():
    rate_limiter = FakeClockLimiter()
    while rate_limiter.waits(INTERACTIVE) == 0.0:
        pass

    assert rate_limiter.waits(BULK) == pytest.approx(1.0, abs=0.1)


def test_interactive_call_may_overdraw_execution_time():
    rate_limiter = FakeClockLimiter()
    for _ in range(2):
        rate_limiter.call(operations=10, seconds=0.5)
    rate_limiter.call(operations=10, seconds=10.0)

    assert rate_limiter.waits(INTERACTIVE) == 0.0


def test_concurrent_calls_are_limited():
    rate_limiter = FakeClockLimiter(Limits(max_concurrent=3, reserved_places=0.34, execution_seconds=1e6))

    with rate_limiter.slot(lane=BULK), rate_limiter.slot(lane=BULK):
        with pytest.raises(Throttled) as caught, rate_limiter.slot(lane=BULK):
            pass
        with rate_limiter.slot(lane=INTERACTIVE):
            assert rate_limiter.status().concurrent_calls == 3

    assert caught.value.code == RATE_LIMITED
    assert rate_limiter.waits() < 1


@pytest.mark.parametrize(
    ("hint", "lane", "places"),
    [
        (None, INTERACTIVE, 40),
        (None, BULK, 36),
        (52, INTERACTIVE, 40),
        (10, INTERACTIVE, 10),
        (10, BULK, 9),
        (1, BULK, 1),
        (1, INTERACTIVE, 1),
    ],
)
def test_concurrency_hint_only_lowers_limit(hint, lane, places):
    assert PUBLISHED.places(lane, hint) == places


def test_hint_in_answer_limits_later_calls():
    rate_limiter = FakeClockLimiter()
    with rate_limiter.slot(lane=BULK) as slot:
        slot.hint = 1

    with rate_limiter.slot(lane=BULK), pytest.raises(Throttled), rate_limiter.slot(lane=INTERACTIVE):
        pass


def test_429_pauses_both_lanes():
    rate_limiter = FakeClockLimiter()

    rate_limiter.throttle(7.0)

    assert rate_limiter.status().paused_for == 7.0
    assert rate_limiter.waits(INTERACTIVE) == pytest.approx(7.0)
    assert rate_limiter.waits(BULK) == 0.0


def test_short_pause_does_not_end_longer_pause():
    rate_limiter = FakeClockLimiter()
    with rate_limiter.slot(lane=BULK) as slot:
        rate_limiter.throttle(9.0)
        slot.record_throttling(2.0)

    assert rate_limiter.waits() == pytest.approx(9.0)


def test_429_without_retry_after_pauses_ten_seconds():
    rate_limiter = FakeClockLimiter()

    rate_limiter.throttle(None)

    assert rate_limiter.status().paused_for == 10.0


def test_call_with_too_long_wait_is_refused_immediately():
    rate_limiter = FakeClockLimiter()
    rate_limiter.throttle(300.0)
    before = rate_limiter.now

    with pytest.raises(Throttled) as caught:
        rate_limiter.call()

    assert (caught.value.code, caught.value.retry_after) == (RATE_LIMITED, 300.0)
    assert rate_limiter.now == before
    assert not caught.value.may_have_applied


def test_wait_leaves_time_before_deadline():
    rate_limiter = FakeClockLimiter()
    rate_limiter.throttle(2.5)
    requests_before = rate_limiter.status().requests_ready

    with pytest.raises(Throttled), rate_limiter.slot(lane=INTERACTIVE, deadline=Deadline.after(3)):
        pass

    assert rate_limiter.status().requests_ready == requests_before
    with rate_limiter.slot(lane=INTERACTIVE, deadline=Deadline.after(4)):
        assert rate_limiter.status().paused_for == 0.0


def test_unanswered_call_is_charged_the_estimate():
    rate_limiter = FakeClockLimiter()
    before = rate_limiter.status().execution_ready

    with suppress(Unreachable), rate_limiter.slot(lane=BULK):
        rate_limiter.now += 30
        raise Unreachable("no answer")

    assert rate_limiter.status().execution_ready == before


def test_each_of_nine_processes_gets_a_ninth():
    alone = PUBLISHED.split(9)

    assert (alone.request_rate, alone.execution_rate, alone.max_concurrent) == pytest.approx((2.0, 0.4, 4))


def test_scaled_limits_keep_bursts():
    faster = PUBLISHED.scaled(0.1)

    assert faster.request_rate == pytest.approx(180)
    assert faster.execution_rate == pytest.approx(36)
    assert faster.request_burst == pytest.approx(PUBLISHED.request_burst)


def test_calls_without_limiter_never_wait():
    rate_limiter = NoLimiter()

    with rate_limiter.slot(lane=BULK, operations=1000), rate_limiter.slot(lane=BULK):
        assert rate_limiter.status().paused_for == 0.0
