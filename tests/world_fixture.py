"""Fixtures: one sandbox a session, a fresh world a test, and settings that lead the portal there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from syncapp import connection
from syncapp.sandbox.config import EMPTY_WORLD
from syncapp.sandbox.server import SandboxServer
from tests.world import World


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """The stand-in for the CRM over real HTTP."""
    with SandboxServer(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3", world=EMPTY_WORLD) as server:
        yield server


@pytest.fixture
def world(sandbox: SandboxServer, settings: Any, db: None) -> Iterator[World]:
    """A fresh CRM, our tables empty, no undo window, the connection enabled."""
    settings.CRM_ORIGIN = sandbox.url
    settings.CRM_AUTHORITY = f"https://127.0.0.1:{sandbox.port}/{settings.CRM_TENANT}"
    settings.UNDO_SECONDS = 0
    settings.CRM_ENABLE_WRITES = True
    _forget()
    story = World(sandbox.url)
    story.reset()
    yield story
    story.heal()
    _forget()


def _forget() -> None:
    for cached in (connection.crm, connection.names, connection.recognised_crm):
        cached.cache_clear()
