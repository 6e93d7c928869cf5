"""One stack of real processes for the folder; each story uses contacts of its own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from syncapp.models import Breaker
from tests.journeys.database import Database, fresh_database
from tests.journeys.stack import Stack, running_stack
from tests.journeys.story import TALLY, Story
from tests.support.world import World

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper as Settings
    from pytest_django.plugin import DjangoDbBlocker


@pytest.fixture(scope="session")
def rounds() -> int:
    """Return how often each point is tried; JOURNEY_ROUNDS raises it for long runs."""
    return int(os.environ.get("JOURNEY_ROUNDS", "2"))


@pytest.fixture(scope="session")
def journey_database(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Database]:
    """Create a database that processes share."""
    folder = tmp_path_factory.mktemp("journeys")
    with fresh_database(folder, django_db_blocker, name="journeys") as database:
        yield database


@pytest.fixture(scope="session")
def stack(journey_database: Database) -> Iterator[Stack]:
    """Run broker, sandbox, scheduler and worker."""
    with running_stack(journey_database) as stack:
        yield stack


@pytest.fixture(scope="session")
def contacts(stack: Stack, rounds: int, django_db_blocker: DjangoDbBlocker) -> Iterator[Iterator[uuid.UUID]]:
    """Yield contacts that are used once each; at the end all edits are verified again."""
    world = World(stack.sandbox.url)
    world.reset(contacts=100 + 25 * rounds, users=100, filters=4)
    yield iter([uuid.UUID(row["contactid"]) for row in world.rows("contacts", select="contactid")])
    with django_db_blocker.unblock(), stack.database.used_here():
        late = Story(stack, world, iter(())).judge(Story.judged[stack.folder])
    assert late.is_clean, late


@pytest.fixture
def story(
    stack: Stack, contacts: Iterator[uuid.UUID], settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[Story]:
    """Return a story in the running stack, which is repaired afterwards."""
    use_sandbox(stack.sandbox.url, settings)
    settings.UNDO_SECONDS = 0
    with django_db_blocker.unblock(), stack.database.used_here():
        new_story = Story(stack, World(stack.sandbox.url), contacts)
        try:
            yield new_story
        finally:
            stack.disarm()
            new_story.world.heal()
            stack.restart_broker()
            stack.restore_workers()
            Breaker.objects.all().delete()


def use_sandbox(sandbox_url: str, settings: Settings) -> None:
    """Point this process's settings to that sandbox."""
    settings.CRM_ORIGIN = sandbox_url
    settings.CRM_AUTHORITY = f"{sandbox_url.replace('http:', 'https:')}/{settings.CRM_TENANT}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the numbers of kills and of verified edits."""
    if TALLY:
        terminalreporter.section("journeys")
        terminalreporter.write_line(", ".join(f"{name} {count}" for name, count in TALLY.items()))
