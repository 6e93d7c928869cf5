"""The same with two thousand users, whole workers that die, and the limits of a real CRM: minutes, so only by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from syncapp.models import Breaker
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.sync_filters.runs import undo
from tests.journeys.conftest import lead_to
from tests.journeys.database import fresh_database
from tests.journeys.filter_story import FilterStory, limits
from tests.journeys.stack import running_stack
from tests.journeys.story import Story
from tests.support.people import make_person
from tests.support.world import World

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper as Settings
    from pytest_django.plugin import DjangoDbBlocker

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]
SCALE = 0.1  # a window of 300 seconds takes 30
USERS = 2000


@pytest.fixture
def told(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[FilterStory]:
    """A company of two thousand, with processes and a database of its own."""
    folder = tmp_path_factory.mktemp("many")
    with (
        fresh_database(folder, django_db_blocker, name="many") as database,
        running_stack(database, RATE_LIMIT_TIME_SCALE=str(SCALE)) as stack,
    ):
        lead_to(stack.sandbox.url, settings)
        world = World(stack.sandbox.url)
        world.reset(users=USERS, contacts=0, filters=4)
        with django_db_blocker.unblock(), database.used_here():
            yield FilterStory(Story(stack, world, iter(())), patience=600)
            Breaker.objects.all().delete()


def test_run_and_undo_for_two_thousand_users(told: FilterStory):
    story, before = told.story, told.states()
    story.world.faults(**limits(SCALE))

    story.dies_at("filters.sent", told.start)
    told.goes_on(200)
    story.kill("the middle of a run", whole=True)
    story.replace_dead_worker()
    told.goes_on(200)
    told.pause()
    told.flush_the_broker()
    told.resume()
    told.goes_on(200)
    story.dies_at("filters.answered", told.dispatch_again)
    told.credentials_fail_for_a_while()
    story.world.faults(**limits(SCALE))
    told.ends()
    told.is_as_planned()
    assert told.run.items.filter(outcome=Outcome.DONE).count() > USERS / 2

    told.run = undo.undo(told.run, by=make_person("Frida"))
    told.ends()
    assert told.run.state == RunState.DONE
    assert told.states() == before
