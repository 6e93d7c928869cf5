"""The world of the state machine: one sandbox for the run, real transactions on our side."""

from __future__ import annotations

import logging

import pytest
from pytest_django import Settings

from dataverse_sandbox.server import SandboxServer
from tests.machine import clock
from tests.machine.world import World


@pytest.fixture
def world(
    sandbox: SandboxServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    transactional_db: None,
) -> World:
    """See `World`; times are stretched (`clock`), and few attempts lead to the dead letters."""
    settings.UNDO_SECONDS = clock.UNDO_SECONDS
    settings.LEASE = clock.LEASE
    settings.PROBE_SECONDS = clock.PROBE_SECONDS
    settings.ATTEMPTS = 3
    logging.disable(logging.WARNING)
    return World(sandbox.url, monkeypatch)
