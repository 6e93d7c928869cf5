"""The CRM's limits and our rate limiter, with clocks that run 300 times faster."""

from __future__ import annotations

import threading
import time

import pytest

from syncapp.crm import errors
from syncapp.crm.deadline import Deadline
from syncapp.crm.rate_limit.in_process import InProcessLimiter
from syncapp.crm.rate_limit.limiter import Lane, Limits
from tests.crm.contract.cloud import FASTER
from tests.crm.contract.scene import OURSELVES

OURS = Limits(requests=40, execution_seconds=20).scaled(1 / FASTER)
SECONDS = 1.5


def _keep_calling(call, *, threads: int = 3) -> int:
    """Return how many calls several threads made without pauses."""
    answered = []
    until = time.monotonic() + SECONDS

    def work() -> None:
        while time.monotonic() < until:
            call()
            answered.append(1)

    running = [threading.Thread(target=work) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    return len(answered)


def _again_and_again(call) -> None:
    for _ in range(10):
        call()


def test_limiter_prevents_429(cloud, limited):
    transport = cloud.transport(rate_limiter=InProcessLimiter(OURS), retries=0)
    transport.get("WhoAmI")
    limited()

    answered = _keep_calling(lambda: transport.get("WhoAmI"))

    # Our share is 36 requests per second, plus a burst of 36.
    assert 20 < answered <= 36 * SECONDS + 40


def test_calls_without_limiter_exceed_request_limit(cloud, limited):
    transport = cloud.transport(retries=0)
    transport.get("WhoAmI")
    limited(requests=5)

    with pytest.raises(errors.Throttled) as caught:
        _again_and_again(lambda: transport.get("WhoAmI"))

    assert caught.value.code == "0x80072322"
    assert caught.value.retry_after


def test_limiter_keeps_batches_below_execution_time_limit(cloud, limited):
    crm = cloud.client(rate_limiter=InProcessLimiter(OURS), retries=0)
    crm.who_am_i()
    limited()

    answered = _keep_calling(lambda: crm.filters.of_owners([OURSELVES] * 20))

    # Our share is 18 seconds of execution per second; a batch of twenty is charged 0.8.
    assert 5 < answered <= (18 / 0.8) * SECONDS + 20


def test_calls_without_limiter_exceed_execution_time_limit(cloud, limited):
    crm = cloud.client(retries=0)
    crm.who_am_i()
    limited(execution_seconds=2.0)

    with pytest.raises(errors.Throttled) as caught:
        _again_and_again(lambda: crm.filters.of_owners([OURSELVES] * 20))

    assert caught.value.code == "0x80072321"


def test_call_without_limiter_exceeds_concurrency_limit(cloud, limited):
    limited(concurrent=0)

    with pytest.raises(errors.Throttled) as caught:
        cloud.transport(retries=0).get("WhoAmI")

    assert caught.value.code == "0x80072326"


def test_concurrency_hint_is_followed(cloud, limited):
    rate_limiter = InProcessLimiter(OURS)
    transport = cloud.transport(rate_limiter=rate_limiter)
    limited(dop_hint=1)
    transport.get("WhoAmI")

    with rate_limiter.slot(lane=Lane.INTERACTIVE), pytest.raises(errors.Throttled):
        transport.get("WhoAmI", deadline=Deadline.after(0.2))


def test_429_pauses_all_calls_of_limiter(cloud, limited):
    rate_limiter = InProcessLimiter(Limits())
    transport = cloud.transport(rate_limiter=rate_limiter, retries=0)
    transport.get("WhoAmI")
    limited(requests=0)

    with pytest.raises(errors.Throttled):
        transport.get("WhoAmI")

    assert rate_limiter.status().paused_for > 0
