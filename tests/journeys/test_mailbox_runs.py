"""All mailboxes are set to None while workers die, each written once, and then restored."""

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
    """A run of the other operation: the sync methods of mailboxes."""

    spec = creation.RunSpec(method=SyncMethod.NONE, reason="Another product takes over")

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
    run_story = MailboxStory(story)
    before = run_story.methods()
    story.world.faults(**LIMITS, latency_ms=15_000)

    story.kill_at("filters.sent", run_story.start)
    story.kill_at("filters.answered", run_story.dispatch_again)
    run_story.wait_for_progress()
    story.kill("the middle of a run", whole=False)
    story.world.faults(**LIMITS)
    run_story.wait_until_done()
    run_story.assert_as_planned()

    run_story.run = undo.undo(run_story.run, by=fred())
    run_story.wait_until_done()
    assert run_story.run.state == RunState.DONE
    assert run_story.methods() == before
