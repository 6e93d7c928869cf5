"""A run over two thousand users with dying workers and real limits; it takes minutes, so only by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from syncapp.models import Breaker
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.sync_filters.runs import undo
from tests.journeys.conftest import use_sandbox
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
def run_story(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[FilterStory]:
    """Return a filter story of a company with two thousand users, in a stack and database of its own."""
    folder = tmp_path_factory.mktemp("many")
    with (
        fresh_database(folder, django_db_blocker, name="many") as database,
        running_stack(database, RATE_LIMIT_TIME_SCALE=str(SCALE)) as stack,
    ):
        use_sandbox(stack.sandbox.url, settings)
        world = World(stack.sandbox.url)
        world.reset(users=USERS, contacts=0, filters=4)
        with django_db_blocker.unblock(), database.used_here():
            yield FilterStory(Story(stack, world, iter(())), patience=600)
            Breaker.objects.all().delete()


def test_large_run_and_undo_survive_kills(run_story: FilterStory):
    story, before = run_story.story, run_story.states()
    story.world.faults(**limits(SCALE))

    story.kill_at("filters.sent", run_story.start)
    run_story.wait_for_progress(200)
    story.kill("the middle of a run", whole=True)
    story.replace_dead_worker()
    run_story.wait_for_progress(200)
    run_story.pause()
    run_story.flush_broker_and_dispatch()
    run_story.resume()
    run_story.wait_for_progress(200)
    story.kill_at("filters.answered", run_story.dispatch_again)
    run_story.fail_credentials_for_a_while()
    story.world.faults(**limits(SCALE))
    run_story.wait_until_done()
    run_story.assert_as_planned()
    assert run_story.run.items.filter(outcome=Outcome.DONE).count() > USERS / 2

    run_story.run = undo.undo(run_story.run, by=make_person("Frida"))
    run_story.wait_until_done()
    assert run_story.run.state == RunState.DONE
    assert run_story.states() == before
