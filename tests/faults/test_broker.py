"""Redis repeats messages, restarts, is down or hangs: no work is lost or done twice."""

from __future__ import annotations

import time

import pytest

from syncapp.models import Delivery
from syncapp.models.jobs.job import WAITING_STATES
from tests.faults.reviewer import Reviewer
from tests.journeys.stack import Proxies
from tests.journeys.story import TALLY, Story
from tests.support.people import rita

pytestmark = pytest.mark.journey

RESTARTS = 10
THOUSAND = 1000
SILENT_SECONDS = 60.0


@pytest.mark.timeout(900)
def test_ten_redis_restarts_lose_no_work(story: Story):
    """Alternate between TERM and KILL; messages have to be consumed again within 15 seconds."""
    edits = story.edited(3 * RESTARTS)
    for turn in range(RESTARTS):
        now = edits[3 * turn : 3 * turn + 3]
        story.decide(*now[:1])
        (story.stack.broker.kill if turn % 2 else story.stack.broker.stop)()
        story.decide(*now[1:])
        story.stack.restart_broker()
        started = time.monotonic()
        story.wait_until_delivered(*now)
        TALLY["seconds until consuming after a restart, longest"] = max(
            TALLY["seconds until consuming after a restart, longest"], round(time.monotonic() - started)
        )
    story.delivered_exactly_once(*edits)
    assert story.stack.worker.is_alive


@pytest.mark.timeout(1500)
def test_messages_sent_five_times_write_edits_once(story: Story):
    """Process the messages with four processes."""
    second = story.stack.add_worker()
    story.stack.wait_until_ready()
    story.patience = 900.0
    edits = story.edited(THOUSAND)
    story.decide(*edits)
    deliveries = Delivery.objects.filter(target_id__in=[edit.contact for edit in edits])
    story.stack.send_all("deliver", [str(pk) for pk in deliveries.values_list("pk", flat=True)] * 5)
    story.delivered_exactly_once(*edits)
    story.stack.remove_worker(second)


@pytest.mark.timeout(900)
def test_hundred_approvals_work_without_redis(story: Story, proxies: Proxies):
    edits = story.edited(100)
    reviewer = Reviewer(story.stack, rita())
    proxies.broker.refuse()
    answers = [reviewer.decide(edit) for edit in edits]
    waiting = Delivery.objects.filter(target_id__in=[edit.contact for edit in edits], state__in=WAITING_STATES)
    assert {answer.status for answer in answers} == {303}
    assert max(answer.seconds for answer in answers) < 2
    assert waiting.count() == 100
    proxies.broker.restore()
    story.delivered_exactly_once(*edits)
    assert story.stack.worker.is_alive


@pytest.mark.timeout(900)
def test_half_open_broker_connection_loses_no_work(story: Story, proxies: Proxies):
    """Messages have to be consumed again within 60 seconds, without a restart."""
    edits = story.edited(50)
    proxies.broker.silence()
    silent_until = time.monotonic() + SILENT_SECONDS
    for edit in edits:
        story.decide(edit)
        time.sleep(max(0.0, min(1.0, silent_until - time.monotonic())))
    time.sleep(max(0.0, silent_until - time.monotonic()))
    worker = story.stack.worker
    proxies.broker.restore()
    started = time.monotonic()
    story.delivered_exactly_once(*edits)
    TALLY["seconds until all was written after silence"] = round(time.monotonic() - started)
    assert worker.is_alive
