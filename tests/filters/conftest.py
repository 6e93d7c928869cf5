"""A CRM full of filters over real HTTP, and the portal's operations called by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from syncapp.sandbox.server import SandboxServer
from tests.filters.scenery import Scenery


@pytest.fixture
def scenery(sandbox: SandboxServer, settings: Settings, db: None) -> Iterator[Scenery]:
    """Twenty users with their filters; switching is enabled."""
    settings.CRM_ENABLE_WRITES = True
    story = Scenery(sandbox.url)
    story.reset()
    yield story
    story.heal()


@pytest.fixture
def read(scenery: Scenery) -> Scenery:
    """The same, with its inventory taken."""
    scenery.read()
    return scenery
