"""Fixtures of the portal's tests: fresh per-process clients, the sandbox, a world of test data."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django import Settings

from tests.support.world import World

if TYPE_CHECKING:
    from dataverse_sandbox.server import SandboxServer


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    """Reset the process's CRM client and probes after each test, because the next one may have other settings."""
    yield
    if probes := sys.modules.get("syncapp.health.probes"):
        probes.BROKER.forget()
        probes.DATABASE.forget()
    modules = (
        "connection.clients",
        "connection.usage",
        "notifications.mail_service",
        "checks.installation",
        "mirror.columns",
        "web.sign_in.views",
    )
    for module in modules:
        for held in vars(sys.modules.get(f"syncapp.{module}", object)).values():
            if hasattr(held, "cache_clear"):
                held.cache_clear()


@pytest.fixture
def django_assert_max_num_queries(django_assert_max_num_queries: Any) -> Any:
    """Count only the block's own statements: the counts of earlier requests to the CRM are stored before it."""

    def assert_at_most(*given: Any, **options: Any) -> Any:
        sys.modules["syncapp.connection.usage"].store()
        return django_assert_max_num_queries(*given, **options)

    return assert_at_most


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """Run one sandbox over real HTTP for all tests; tests that need rows of their own reset or add them."""
    from dataverse_sandbox.config import EMPTY_WORLD  # only runs that use it pay for its import
    from dataverse_sandbox.server import SandboxServer

    with SandboxServer(tmp_path_factory.mktemp("sandbox") / "crm.sqlite3", world=EMPTY_WORLD) as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: SandboxServer, settings: Settings) -> SandboxServer:
    """Point this process's settings to the running sandbox."""
    settings.CRM_ORIGIN = sandbox_server.url
    settings.CRM_AUTHORITY = f"{sandbox_server.url.replace('http:', 'https:')}/{settings.CRM_TENANT}"
    return sandbox_server


@pytest.fixture
def world(sandbox: SandboxServer, settings: Settings, db: None) -> Iterator[World]:
    """Return a world with a fresh CRM, empty tables, no undo window and writes enabled."""
    settings.UNDO_SECONDS = 0
    settings.CRM_ENABLE_WRITES = True
    story = World(sandbox.url)
    story.reset()
    yield story
    story.heal()
