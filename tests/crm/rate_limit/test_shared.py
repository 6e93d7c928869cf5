"""The shared rate limiter of several processes, with and without Redis."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict

import pytest
import redis

from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import Throttled
from syncapp.crm.rate_limit import shared
from syncapp.crm.rate_limit.limiter import RATE_LIMITED, Lane, Limits
from syncapp.crm.rate_limit.shared import SharedLimiter, redis_address
from tests.crm.rate_limit.environment import ACCOUNT
from tests.support.servers import PROJECT, Server, start_valkey, temporary_folder, valkey, wait_until

BULK, INTERACTIVE = Lane.BULK, Lane.INTERACTIVE
# 90 requests per second, two of them without a pause.
QUICK = Limits(requests=200, execution_seconds=400, window_seconds=2, burst_seconds=0.02)
# A burst of 36, half of it reserved, which hardly refills while a test runs.
SLOW = Limits(requests=6, burst_seconds=2000)


@pytest.fixture(scope="module")
def _broker() -> Iterator[Server]:
    with valkey() as server:
        yield server


@pytest.fixture
def url(_broker: Server) -> str:
    """Flush Redis and return its URL."""
    with redis.Redis.from_url(_broker.url) as client:
        client.flushall()
    return _broker.url


@pytest.fixture
def rate_limiter() -> Iterator[Callable[..., SharedLimiter]]:
    """Return a factory of limiters that share only Redis, as in separate processes."""
    made: list[SharedLimiter] = []

    def make(url: str, limits: Limits = SLOW, account: str = ACCOUNT) -> SharedLimiter:
        made.append(SharedLimiter(url=url, account=account, limits=limits))
        return made[-1]

    yield make
    for each in made:
        each.close()


@contextmanager
def process(url: str, limits: Limits, how: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
    command = [
        sys.executable,
        "-m",
        "tests.crm.rate_limit.environment",
        url,
        json.dumps(asdict(limits)),
        how,
        str(seconds),
    ]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def take(rate_limiter: SharedLimiter, lane: Lane = BULK, *, within: float = 0.0) -> bool:
    """Return whether a slot is granted within this many seconds (half of the deadline is kept for the answer)."""
    with suppress(Throttled), rate_limiter.slot(lane=lane, deadline=Deadline.after(within * 2)):
        return True
    return False


def drain(rate_limiter: SharedLimiter, lane: Lane = BULK) -> int:
    """Return how many slots are granted without waiting."""
    taken = 0
    while taken < 1000 and take(rate_limiter, lane):
        taken += 1
    return taken


def test_all_processes_stay_within_limits(url):
    with ExitStack() as stack:
        running = [stack.enter_context(process(url, QUICK, "often", 3.0)) for _ in range(4)]
        granted = [line.split() for each in running for line in each.stdout if line != "held\n"]

    slots = sorted((float(asked), float(had)) for asked, had in granted)
    assert len(slots) > 20
    assert max(_surely_inside(slots, start, start + 2.0) for start, _ in slots) <= 200


def _surely_inside(slots: list[tuple[float, float]], start: float, end: float) -> int:
    """Return how many slots were granted in this period, between request and grant."""
    return sum(asked >= start and had <= end for asked, had in slots)


def test_usage_is_shared_by_processes(url, rate_limiter):
    first, second = rate_limiter(url), rate_limiter(url)

    drain(first)

    assert not take(second)


def test_other_crm_has_own_account(url, rate_limiter):
    drain(rate_limiter(url))

    elsewhere = rate_limiter(url, account="https://fabrikam.example an-application")

    assert take(elsewhere)


def test_429_pauses_all_processes(url, rate_limiter):
    first, second = rate_limiter(url), rate_limiter(url)
    with pytest.raises(Throttled), first.slot(lane=BULK):
        raise Throttled("slow down", retry_after=0.7)
    stopped_at = time.monotonic()

    assert not take(second, INTERACTIVE)
    assert second.status().paused_for > 0
    assert take(second, INTERACTIVE, within=10)
    assert time.monotonic() - stopped_at >= 0.69


def test_short_pause_does_not_end_longer_pause(url, rate_limiter):
    first, second = rate_limiter(url), rate_limiter(url)

    with first.slot(lane=BULK) as one, second.slot(lane=BULK) as other:
        one.record_throttling(30)
        other.record_throttling(1)

    assert 25 < rate_limiter(url).status().paused_for <= 30


def test_place_of_killed_process_is_freed(url, rate_limiter):
    single = Limits(max_concurrent=1, lease_seconds=1.0)
    with process(url, single, "once", 60) as holder:
        assert holder.stdout.readline() == "held\n"
        mine = rate_limiter(url, single)
        assert not take(mine, within=0.2)
        holder.kill()
        holder.wait()

        assert take(mine, within=10)


def test_bulk_lane_leaves_reserved_requests(url, rate_limiter):
    run, people = drain(rate_limiter(url)), drain(rate_limiter(url), INTERACTIVE)

    assert (run, people) == (18, 18)


def test_bulk_lane_leaves_reserved_concurrent_places(url, rate_limiter):
    two = Limits(max_concurrent=2)
    run, person = rate_limiter(url, two), rate_limiter(url, two)

    with run.slot(lane=BULK):
        assert not take(run, within=0.1)
        assert take(person, INTERACTIVE)


def test_slow_call_is_charged_to_shared_account(url, rate_limiter):
    first = rate_limiter(url, Limits(execution_seconds=10, operation_seconds=0.0))

    with first.slot(lane=BULK):
        time.sleep(0.2)

    assert not take(rate_limiter(url, Limits(execution_seconds=10, operation_seconds=0.0)))


@pytest.mark.parametrize("forgotten", [False, True])
def test_batch_is_charged_by_operations(url, rate_limiter, forgotten):
    little = Limits(execution_seconds=12, burst_seconds=200)  # a burst of 7.2 seconds: 180 operations

    with redis.Redis.from_url(url) as client, rate_limiter(url, little).slot(lane=BULK, operations=180):
        if forgotten:
            client.flushall()

    assert not take(rate_limiter(url, little))


def test_concurrency_hint_applies_to_all_processes(url, rate_limiter):
    with rate_limiter(url).slot(lane=BULK) as slot:
        slot.hint = 1

    with rate_limiter(url).slot(lane=BULK):
        assert not take(rate_limiter(url), INTERACTIVE, within=0.1)


@pytest.fixture
def killable_redis() -> Iterator[Server]:
    """Run a Redis that a test may kill."""
    with valkey() as server:
        yield server


@pytest.mark.parametrize(("processes", "each"), [(1, 4), (18, 2)])
def test_process_without_redis_uses_its_share(killable_redis, rate_limiter, processes, each):
    mine, *others = (rate_limiter(killable_redis.url) for _ in range(processes))
    assert all(other.status().shared for other in others)
    with redis.Redis.from_url(killable_redis.url) as client:
        client.zadd(mine._keys[2], {f"gone {number}": time.time() - 90 for number in range(40)})
    assert take(mine)
    killable_redis.kill()

    began = time.monotonic()
    people = sum(take(mine, INTERACTIVE) for _ in range(20))

    assert people == each
    assert not take(mine, BULK)
    assert not mine.status().shared
    assert time.monotonic() - began < 2


def test_process_without_redis_assumes_nine_processes(rate_limiter):
    mine = rate_limiter("redis://127.0.0.1:1/0")

    assert sum(take(mine, INTERACTIVE) for _ in range(20)) == 4


def test_closed_redis_connection_is_reopened(url, rate_limiter):
    mine = rate_limiter(url)
    assert take(mine)
    with redis.Redis.from_url(url) as client:
        client.client_kill_filter(_type="normal", skipme=True)

    assert take(mine, INTERACTIVE)
    assert mine.status().shared


def test_hanging_redis_delays_calls_under_a_second(killable_redis, rate_limiter):
    mine = rate_limiter(killable_redis.url)
    assert take(mine)
    killable_redis.pause()

    began = time.monotonic()
    assert all(take(mine, INTERACTIVE) for _ in range(4))

    assert time.monotonic() - began < 0.9


def test_restarted_redis_is_used_again(killable_redis, rate_limiter, caplog):
    caplog.set_level(logging.INFO, logger="syncapp.crm")
    mine, other = rate_limiter(killable_redis.url), rate_limiter(killable_redis.url)
    killable_redis.kill()
    assert take(mine, INTERACTIVE)
    with temporary_folder("osync-v-") as folder:
        back = start_valkey(folder, port=int(killable_redis.url.split(":")[2].partition("/")[0]))
        try:
            wait_until(lambda: mine.status().shared, seconds=20, what="the limits are shared again")
            drain(mine)
            assert not take(other)
        finally:
            back.stop()
    said = [record.getMessage() for record in caplog.records if "Redis" in record.getMessage()]
    assert len(said) == 2, said


def test_pause_survives_flushed_redis(url, rate_limiter):
    mine, other = rate_limiter(url), rate_limiter(url)
    with mine.slot(lane=BULK) as slot:
        slot.record_throttling(30)
    assert not take(other)

    with redis.Redis.from_url(url) as client:
        for each in (other, mine):
            client.flushall()
            assert not take(each, INTERACTIVE)


@pytest.mark.parametrize(("settling", "places"), [(30, 12), (0, 40)])
def test_new_account_limits_concurrent_calls(url, rate_limiter, settling, places):
    # 40 of our calls may be in progress when Redis loses its data, and the CRM allows 52.
    mine = rate_limiter(url, Limits(settling_seconds=settling, burst_seconds=2000))
    with mine.slot(lane=INTERACTIVE) as slot:
        slot.hint = 52  # a hint never raises the limit

    with ExitStack() as held, suppress(Throttled):
        for number in range(60):
            held.enter_context(mine.slot(lane=INTERACTIVE, deadline=Deadline.after(0)))
            assert number < places
    assert number == places


def test_unreleased_places_are_freed_once_redis_returns(killable_redis, rate_limiter, monkeypatch):
    monkeypatch.setattr(shared, "_RETRY_SECONDS", 0.1)
    mine, other = (
        rate_limiter(killable_redis.url, Limits(max_concurrent=2)),
        rate_limiter(killable_redis.url, Limits(max_concurrent=2)),
    )
    with redis.Redis.from_url(killable_redis.url) as client:
        with mine.slot(lane=INTERACTIVE), mine.slot(lane=INTERACTIVE):
            client.config_set("requirepass", "closed")
            mine.close()  # the next connection is refused
        client.config_set("requirepass", "")
    assert other.status().concurrent_calls == 2

    wait_until(lambda: mine.status().shared, seconds=5, what="Redis is used again")

    assert other.status().concurrent_calls == 0


def test_clock_set_back_does_not_extend_pause(url, rate_limiter):
    mine = rate_limiter(url, Limits(max_concurrent=1))
    with redis.Redis.from_url(url) as client, mine.slot(lane=INTERACTIVE):
        account, places, *_ = mine._keys
        client.hset(account, "paused_until", time.time() + 1e7)
        client.zadd(places, {"held": time.time() + 1e7}, xx=False)

        assert mine.status().paused_for <= 1000
        assert mine.status().concurrent_calls == 1


def test_flushed_redis_script_is_reloaded(url, rate_limiter):
    mine = rate_limiter(url)
    assert take(mine, INTERACTIVE)
    with redis.Redis.from_url(url) as client:
        client.script_flush()

    assert take(mine, INTERACTIVE)
    assert mine.status().shared


def test_slot_after_deadline_is_refused_immediately(url, rate_limiter):
    mine = rate_limiter(url)
    with mine.slot(lane=BULK) as slot:
        slot.record_throttling(30)
    began = time.monotonic()

    with pytest.raises(Throttled) as caught, mine.slot(lane=INTERACTIVE, deadline=Deadline.after(3)):
        pass

    assert time.monotonic() - began < 1.5
    assert (caught.value.code, caught.value.retry_after) == (RATE_LIMITED, pytest.approx(30, abs=1))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://redis.contoso.example/1", "rediss://redis.contoso.example/1"),
        ("redis+socket:///tmp/broker.sock", "unix:///tmp/broker.sock"),
        ("redis+socket:///tmp/broker.sock?virtual_host=2", "unix:///tmp/broker.sock?db=2"),
    ],
)
def test_celery_redis_urls_are_converted(given, wanted):
    assert redis_address(given) == wanted
