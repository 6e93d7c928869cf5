"""kill -9 around a mail and inside a rule: a mail is sent at most twice, a rule decides an edit once."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from syncapp.models import Message, SyncField
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.outbox import messages
from syncapp.review.rules import editing
from syncapp.review.rules.editing import RuleDraft
from tests.journeys.story import Story
from tests.support.people import ada, rita

pytestmark = pytest.mark.journey
SECOND_COPY = "This may be a second copy"


def mails(story: Story) -> list[dict[str, Any]]:
    """Return all mails, oldest first."""
    with requests.Session() as session:
        session.trust_env = False
        found: list[dict[str, Any]] = session.get(f"{story.world.url}/mail/?format=json", timeout=10).json()
    return sorted(found, key=lambda mail: int(mail["id"]))


def test_mail_is_resent_after_worker_dies(story: Story):
    story.wait(_is_finished, "earlier mails are finished")
    before = len(mails(story))
    story.kill_at("message.answered", lambda: messages.queue("test", to=rita()))

    story.wait(_is_finished, "the mail is finished")

    arrived = mails(story)[before:]
    (second,) = (mail for mail in arrived if SECOND_COPY in mail["text"])
    # Usually the test mail; if an alert is sent at the same moment, its worker may be the one that dies.
    assert [mail["subject"] for mail in arrived].count(second["subject"]) == 2


def _is_finished() -> bool:
    """Return whether the message is finished; if not, skip its dispatch interval."""
    waiting = Message.objects.exclude(state=JobState.DONE)
    waiting.filter(state=JobState.READY, dispatched_at__isnull=False).update(dispatched_at=None)
    return not waiting.exists()


def test_rule_decides_once_despite_kill(story: Story):
    rule = editing.create(RuleDraft("Departments", "approve", columns=("department",)), by=ada())
    editing.simulate(rule.pk, by=ada())
    editing.enable(rule.pk, by=ada())
    contact, _ = story.edited_in_outlook()
    story.world.outlook(contact, department="Procurement")

    story.kill_at("rules.checked", lambda: story.stack.send("pull"))
    assert not SyncField.objects.get(record__target_id=contact, column_name="department").decisions.exists()
    story.stack.send("pull")

    decided = SyncField.objects.filter(record__target_id=contact, column_name="department")
    story.wait(lambda: decided.get().delivery == FieldDelivery.DONE, "the rule's decision is in the CRM")
    assert decided.get().decisions.get().rule == rule
    editing.remove(rule.pk, by=ada())
