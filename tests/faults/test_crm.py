"""The connection to the CRM is silent, refused or cut while decisions are written."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from syncapp.models import SyncField
from tests.faults.reviewer import Reviewer
from tests.journeys.stack import Proxies
from tests.journeys.story import Story
from tests.support.fault_proxy import FaultProxy, When
from tests.support.people import rita

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

AWAY_SECONDS = 10.0
CUTS = 6
A_READING = b"GET /api/data/v9.2/osync_"
A_BATCH, A_WRITE = b"/$batch", b'boundary="changeset'

AWAY: dict[str, Callable[[FaultProxy], None]] = {"silent": FaultProxy.silence, "refused": FaultProxy.refuse}


@pytest.mark.parametrize("how", AWAY)
def test_decisions_wait_for_crm(story: Story, proxies: Proxies, how: str):
    edits = story.edited(10)
    reviewer = Reviewer(story.stack, rita())
    AWAY[how](proxies.crm)
    back_at = time.monotonic() + AWAY_SECONDS
    answers = [reviewer.decide(edit) for edit in edits]
    assert {answer.status for answer in answers} == {303}
    assert max(answer.seconds for answer in answers) < 2
    time.sleep(max(0.0, back_at - time.monotonic()))
    assert not story.our_entries_about(*edits)
    proxies.crm.restore()
    story.delivered_exactly_once(*edits)


@pytest.mark.parametrize(
    ("marker", "when"),
    [
        (A_BATCH, When.BEFORE_ARRIVAL),
        (A_BATCH, When.WITHIN_ANSWER),
        (A_WRITE, When.BEFORE_ARRIVAL),
        (A_WRITE, When.WITHIN_ANSWER),
        (A_WRITE, When.BEFORE_ANSWER),
    ],
    ids=["read not sent", "read half answered", "write not sent", "write half answered", "write applied, not answered"],
)
def test_delivery_survives_cut_connections(story: Story, proxies: Proxies, marker: bytes, when: When):
    edits = story.edited(CUTS)
    proxies.crm.cut_at(marker, when, times=CUTS)
    story.decide(*edits)
    story.wait(lambda: not proxies.crm.cuts_left, f"{CUTS} cuts are made")
    story.delivered_exactly_once(*edits)


def test_pull_survives_truncated_responses(story: Story, proxies: Proxies):
    contact, proposed = story.edited_in_outlook()
    proxies.crm.cut_at(A_READING, When.WITHIN_ANSWER, times=CUTS)

    def has_been_read() -> bool:
        story.stack.send("pull")
        time.sleep(1.0)
        return not proxies.crm.cuts_left and SyncField.objects.filter(record__target_id=contact).count() == 2

    story.wait(has_been_read, "the edit has arrived")
    edit = story.found(contact, proposed)
    story.decide(edit)
    story.delivered_exactly_once(edit)
