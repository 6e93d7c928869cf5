"""kill -9 at every step of deliveries and pulls: the CRM's ledger shows no write lost or repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncapp.models.jobs.job import JobState
from tests.journeys.story import Edit, Story, write_of

pytestmark = pytest.mark.journey
Rule = dict[str, Any]

INSIDE_A_DELIVERY = [
    "delivery.bound",
    "delivery.claimed",
    "delivery.read",
    "delivery.sent",
    "delivery.answered",
    "delivery.applied",
    "delivery.finished",
]
INSIDE_A_PULL = [
    "mirror.fields.read",
    "mirror.fields.stored",
    "mirror.fields.moved",
    "mirror.records.read",
    "mirror.records.stored",
    "mirror.superseded",
    "mirror.records.moved",
]
INSIDE_THE_TICK = ["tick.swept", "tick.dispatched"]


@pytest.mark.parametrize("point", INSIDE_A_DELIVERY)
def test_delivery_survives_kill_at_each_step(story: Story, rounds: int, point: str):
    edits = story.edited(rounds)
    for edit in edits:
        story.kill_at(point, lambda edit=edit: story.decide(edit))
    story.delivered_exactly_once(*edits)


@pytest.mark.parametrize("point", INSIDE_THE_TICK)
def test_tick_survives_kill_at_each_step(story: Story, rounds: int, point: str):
    edits = story.edited(rounds)
    for edit in edits:
        story.kill_at(point, lambda edit=edit: story.decide(edit))
    story.delivered_exactly_once(*edits, hurry=True)


@pytest.mark.parametrize("point", INSIDE_A_PULL)
def test_pull_survives_kill_at_each_step(story: Story, rounds: int, point: str):
    older = story.edited(rounds)
    for edit in older:
        story.kill_at(point, lambda edit=edit: story.edit_again_and_pull(edit))
        story.expire_cursor_leases()
    story.pull()
    story.superseded_exactly_once(*older)


def test_pull_survives_kill_while_awaiting_page(story: Story, rounds: int):
    older = story.edited(rounds)
    for edit in older:
        story.world.faults({"method": "GET", "table": "osync_syncfields", "hold": "before_commit"})
        story.edit_again_and_pull(edit)
        story.wait_until_holding()
        story.kill("a held page", whole=False)
        story.world.heal()
        story.expire_cursor_leases()
    story.pull()
    story.superseded_exactly_once(*older)


HELD: dict[str, tuple[Callable[[Edit], Rule], JobState]] = {
    "token": (lambda edit: {"path": "oauth2/v2.0/token", "hold": "before_commit"}, JobState.LEASED),
    "read": (
        lambda edit: {"method": "GET", "path": f"contacts({edit.contact})", "hold": "before_commit"},
        JobState.LEASED,
    ),
    "write before its commit": (lambda edit: write_of(edit, hold="before_commit"), JobState.SENT),
    "write after its commit": (lambda edit: write_of(edit, hold="after_commit"), JobState.SENT),
}


@pytest.mark.parametrize("request_", HELD)
def test_delivery_survives_kill_while_awaiting_answer(story: Story, rounds: int, request_: str):
    """Alternate between killing the pool and the whole worker, and between releasing and dropping the request."""
    rule, state = HELD[request_]
    edits = story.edited(rounds)
    for turn, edit in enumerate(edits):
        if request_ == "token":
            story.stack.worker.kill_pool()  # only new processes request a token
        story.world.faults(rule(edit))
        story.decide(edit)
        story.wait_until_held(edit, state)
        story.kill(f"a held {request_}", whole=turn % 3 == 1)
        story.world.heal(drop=turn % 2 == 1)
        story.replace_dead_worker()
    story.delivered_exactly_once(*edits)
