"""kill -9 while a run's list is made: each user is listed once, and the preview appears."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db.models.functions import Now

from syncapp.models import FilterRow, FilterRun, FilterUser, RunPreparation
from syncapp.models.sync_filters.run import RunState
from syncapp.sync_filters.runs import creation, preparation
from tests.journeys.story import Story
from tests.support.people import fred
from tests.sync_filters.company import many_people

pytestmark = pytest.mark.journey
OFF = creation.RunSpec(("appointment",), on=False, reason="Twice in Outlook")


@pytest.fixture
def users(story: Story) -> Iterator[list[UUID]]:
    """Create one user more than fit into two parts of a list; they do not exist in the CRM."""
    made = [user.pk for user in many_people(2 * preparation.PART_SIZE + 1)]
    yield made
    FilterRun.objects.all().delete()
    FilterRow.objects.filter(owner_id__in=made).delete()
    FilterUser.objects.filter(pk__in=made).delete()


def test_run_list_survives_kills(story: Story, users: list[UUID]):
    story.stack.arm("run.part_written")
    run = creation.create_run(users, OFF, by=fred())
    story.kill_at("run.part_written", lambda: None)
    assert listed(run) == []

    story.kill_at("run.part_listed", lease_is_over)
    assert len(listed(run)) == preparation.PART_SIZE

    lease_is_over()
    story.wait(lambda: FilterRun.objects.get(pk=run.pk).state == RunState.PLANNED, "the list is complete")
    assert listed(run) == list(enumerate(users))


def listed(run: FilterRun) -> list[tuple[int, UUID]]:
    return list(run.items.order_by("position").values_list("position", "user_id"))


def lease_is_over() -> None:
    """Expire the lease of the dead worker."""
    RunPreparation.objects.exclude(lease_until=None).update(lease_until=Now(), dispatched_at=None)
