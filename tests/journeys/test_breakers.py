"""Breakers that stop all deliveries, cost no attempts, and resume."""

from __future__ import annotations

import pytest
from django.utils import timezone

from syncapp.connection import clients
from syncapp.jobs import breakers
from syncapp.models import Breaker, Delivery
from syncapp.models.jobs.job import JobState
from syncapp.review.delivery.job import deliver
from tests.journeys.story import Edit, Story
from tests.support.people import ada

pytestmark = pytest.mark.journey


def waiting(edits: list[Edit]) -> list[Delivery]:
    contacts = [edit.contact for edit in edits]
    return list(Delivery.objects.filter(target_id__in=contacts).exclude(state=JobState.DONE))


def test_jobs_wait_until_credentials_are_accepted_again(story: Story):
    first, *edits = story.edited(8)
    story.decide(first)
    story.delivered_exactly_once(first)
    story.world.faults(credentials_refused=True)
    story.decide(*edits)
    story.wait(lambda: not breakers.all_closed([Breaker.Name.CRM_CREDENTIALS]), "the breaker is open")
    story.wait_until_probed(Breaker.Name.CRM_CREDENTIALS, 3)
    stopped = waiting(edits)
    assert {row.attempts for row in stopped if row.state == JobState.READY} == {0}
    assert (len(stopped), story.judge(edits).twice) == (len(edits), [])
    story.world.heal()
    story.delivered_exactly_once(*edits, hurry=True)
    assert breakers.all_closed([Breaker.Name.CRM_CREDENTIALS])


def test_operator_stop_pauses_all_writes(story: Story):
    breakers.trip(Breaker.Name.OPERATOR_STOP, reason="Import running", probe_in=None, by=ada())
    edits = story.edited(3)
    story.decide(*edits)
    story.wait(lambda: all(row.due_at <= timezone.now() for row in waiting(edits)), "all of it is due")
    assert not any(deliver(row.pk, crm=clients.crm()) for row in waiting(edits))
    assert [(row.state, row.attempts, row.dispatched_at) for row in waiting(edits)] == [(JobState.READY, 0, None)] * 3
    breakers.reset(Breaker.Name.OPERATOR_STOP, by=ada())
    story.delivered_exactly_once(*edits, hurry=True)
