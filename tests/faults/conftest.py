"""One stack behind fault proxies per pytest process; each test uses contacts of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from syncapp.models import Breaker
from tests.journeys.conftest import use_sandbox
from tests.journeys.database import fresh_database
from tests.journeys.stack import Proxies, Stack, running_stack
from tests.journeys.story import TALLY, Story
from tests.support.world import World

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper as Settings
    from pytest_django.plugin import DjangoDbBlocker

PATIENCE = 120.0
AS_IN_PRODUCTION = {"ATTEMPTS": "8"}
NO_DIGESTS = {"MAILS_BEFORE_DIGEST": "100000"}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[Stack]:
    """Run broker, sandbox, scheduler, web processes and a worker, with a proxy on each connection."""
    folder = tmp_path_factory.mktemp("faults")
    with (
        fresh_database(folder, django_db_blocker, name="faults") as database,
        running_stack(database, proxied=True, **AS_IN_PRODUCTION, **NO_DIGESTS) as stack,
    ):
        yield stack


@pytest.fixture(scope="session")
def contacts(stack: Stack, django_db_blocker: DjangoDbBlocker) -> Iterator[Iterator[uuid.UUID]]:
    """Yield contacts that are used once each; at the end all edits are verified again."""
    yield contacts_of(stack, 2000)
    with django_db_blocker.unblock(), stack.database.used_here():
        late = Story(stack, World(stack.sandbox.url), iter(())).judge(Story.judged[stack.folder])
    assert late.is_clean, late


def contacts_of(stack: Stack, count: int) -> Iterator[uuid.UUID]:
    """Fill the CRM and return the ids of its contacts."""
    world = World(stack.sandbox.url)
    world.reset(contacts=count, users=20, filters=4)
    return iter([uuid.UUID(row["contactid"]) for row in world.rows("contacts", select="contactid")])


@pytest.fixture
def story(
    stack: Stack, contacts: Iterator[uuid.UUID], settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[Story]:
    """Return a story in the running stack, which is repaired afterwards."""
    with story_in(stack, contacts, settings, django_db_blocker) as story:
        yield story


@contextmanager
def story_in(
    stack: Stack, contacts: Iterator[uuid.UUID], settings: Settings, blocker: DjangoDbBlocker
) -> Iterator[Story]:
    """Run a story in this stack, and repair the stack afterwards."""
    use_sandbox(stack.sandbox.url, settings)
    settings.UNDO_SECONDS = 0
    with blocker.unblock(), stack.database.used_here():
        story = Story(stack, World(stack.sandbox.url), contacts)
        story.patience = PATIENCE
        try:
            yield story
        finally:
            stack.disarm()
            story.world.heal()
            proxies_of(stack).restore()
            stack.restart_broker()
            stack.restore_workers()
            Breaker.objects.all().delete()


def proxies_of(stack: Stack) -> Proxies:
    """Return the proxies of a proxied stack."""
    assert stack.proxies is not None
    return stack.proxies


@pytest.fixture
def proxies(stack: Stack) -> Proxies:
    """Return the proxies before the broker, the CRM and the database."""
    return proxies_of(stack)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the numbers of faults and verified edits, and the longest times."""
    if TALLY:
        terminalreporter.section("faults")
        terminalreporter.write_line(", ".join(f"{name} {count}" for name, count in TALLY.items()))
