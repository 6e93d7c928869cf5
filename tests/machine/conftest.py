"""The environment of the state machine: one sandbox per session, real transactions in our database."""

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
    """Return the environment with long times (`clock`) and few attempts per job."""
    settings.UNDO_SECONDS = clock.UNDO_SECONDS
    settings.LEASE = clock.LEASE
    settings.PROBE_SECONDS = clock.PROBE_SECONDS
    settings.ATTEMPTS = 3
    logging.disable(logging.WARNING)
    return World(sandbox.url, monkeypatch)
