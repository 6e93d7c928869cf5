"""Everybody's mailbox method goes to None while workers die: each mailbox is written once, and gets its own back."""

from __future__ import annotations

from typing import Any

import pytest

from syncapp.crm.directory.records import SyncMethod
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.sync_filters.runs import creation, undo
from tests.journeys.filter_story import FilterStory, limits
from tests.journeys.story import Story
from tests.support.people import fred

pytestmark = pytest.mark.journey
LIMITS = limits(0.01)


class MailboxStory(FilterStory):
    """The other lever: how mailboxes synchronize."""

    wish = creation.RunSpec(method=SyncMethod.NONE, reason="Another product takes over")

    def outcomes_in_the_crm(self) -> dict[str, str]:
        boxes = {box["_regardingobjectid_value"]: box for box in self.scenery.rows("mailboxes")}
        users = self.scenery.rows("systemusers", "?$select=isdisabled&$filter=applicationid eq null")
        return {user["systemuserid"]: _outcome(user, boxes.get(user["systemuserid"])) for user in users}

    def written(self) -> list[str]:
        ledger = self.scenery.cloud.ledger(self.since)
        return [entry["id"] for entry in ledger if "actdeliverymethod" in entry["changes"]]

    def _planned(self) -> set[str]:
        done = self.run.items.filter(outcome=Outcome.DONE)
        return {str(mailbox) for mailbox in done.values_list("mailbox_id", flat=True)}

    def methods(self) -> dict[str, int]:
        return {box["mailboxid"]: box["actdeliverymethod"] for box in self.scenery.rows("mailboxes")}


def _outcome(user: dict[str, Any], mailbox: dict[str, Any] | None) -> str:
    if user["isdisabled"]:
        return Outcome.DISABLED
    if mailbox is None:
        return Outcome.NO_MAILBOX
    if mailbox["statecode"] != 0:
        return Outcome.NOT_READY
    return Outcome.ALREADY if mailbox["actdeliverymethod"] == SyncMethod.NONE else Outcome.DONE


def test_mailbox_run_and_undo_survive_kills(story: Story):
    told = MailboxStory(story)
    before = told.methods()
    story.world.faults(**LIMITS, latency_ms=15_000)

    story.dies_at("filters.sent", told.start)
    story.dies_at("filters.answered", told.dispatch_again)
    told.goes_on()
    story.kill("the middle of a run", whole=False)
    story.world.faults(**LIMITS)
    told.ends()
    told.is_as_planned()

    told.run = undo.undo(told.run, by=fred())
    told.ends()
    assert told.run.state == RunState.DONE
    assert told.methods() == before
