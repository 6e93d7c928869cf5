"""The environment of the runs: one sandbox for all of them, real transactions in our database."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from dataverse_sandbox.server import SandboxServer
from tests.capture.machine.world import Machine


@pytest.fixture
def machine(
    sandbox: SandboxServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> Iterator[Machine]:
    settings.CAPTURE, settings.CAPTURE_COLUMNS, settings.UNDO_SECONDS = "audit", ["*"], 0
    settings.CRM_ENABLE_WRITES = True
    logging.disable(logging.WARNING)
    world = Machine(sandbox.url)
    world.install(sandbox.application.store, monkeypatch)
    yield world
    logging.disable(logging.NOTSET)
    world.heal()
    world.audit(enabled=False, delay_seconds=0, jitter_seconds=0)
    world.sign("unsigned")
    world.switch_plugin(enabled=True)
