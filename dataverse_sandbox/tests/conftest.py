"""One sandbox per test process, reset for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataverse_sandbox.config import EMPTY_WORLD
from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import Sandbox


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    data = tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3"
    with SandboxServer(data, world=EMPTY_WORLD) as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: SandboxServer) -> Iterator[Sandbox]:
    """Provide three contacts, nothing staged, no faults, the plug-in on; the caller is the application user."""
    running = Sandbox(sandbox_server)
    running.reset()
    with running.session:
        yield running.sign_in()
