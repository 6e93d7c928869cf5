"""What every test gets: a closed machine and fresh per-process clients; the sandbox where it is asked for."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings as property_settings
from pytest_django import Settings

from tests.world import World

if TYPE_CHECKING:
    from syncapp.sandbox.server import SandboxServer


# Property tests try the same examples on every run; `--hypothesis-profile=default` searches for new ones.
property_settings.register_profile("same", derandomize=True)
property_settings.load_profile("same")


class LeftTheMachine(AssertionError):
    """A test tried to reach something that is not on this machine."""


def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a unix socket's path
    host = address[0]
    try:
        return host in ("", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def nothing_leaves_the_machine() -> Iterator[None]:
    """Refuse every connection outside loopback before it is made, unless a real environment is named."""
    if os.environ.get("CRM_CONTRACT_ORIGIN"):
        yield
        return
    guard = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, address: Any, original: Any = original) -> Any:
            if not _is_local(address):
                raise LeftTheMachine(f"{address!r} is not on this machine")
            return original(self, address)

        guard.setattr(socket.socket, name, guarded)
    yield
    guard.undo()


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    """Forget the process's CRM client and probes after each test: the next one may have other settings."""
    yield
    if probes := sys.modules.get("syncapp.health.probes"):
        probes.BROKER.forget()
        probes.DATABASE.forget()
    for module in ("syncapp.connection", "syncapp.installation", "syncapp.web.sign_in"):
        for held in vars(sys.modules.get(module, object)).values():
            if hasattr(held, "cache_clear"):
                held.cache_clear()


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """One sandbox over real HTTP for the whole run; a test that needs rows of its own resets or adds them."""
    from syncapp.sandbox.config import EMPTY_WORLD  # only runs that use it pay for its import
    from syncapp.sandbox.server import SandboxServer

    with SandboxServer(tmp_path_factory.mktemp("sandbox") / "crm.sqlite3", world=EMPTY_WORLD) as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: SandboxServer, settings: Settings) -> SandboxServer:
    """The running sandbox, with this process's settings leading to it."""
    settings.CRM_ORIGIN = sandbox_server.url
    settings.CRM_AUTHORITY = f"{sandbox_server.url.replace('http:', 'https:')}/{settings.CRM_TENANT}"
    return sandbox_server


@pytest.fixture
def world(sandbox: SandboxServer, settings: Settings, db: None) -> Iterator[World]:
    """A fresh CRM and empty tables of ours, no undo window, the connection enabled."""
    settings.UNDO_SECONDS = 0
    settings.CRM_ENABLE_WRITES = True
    story = World(sandbox.url)
    story.reset()
    yield story
    story.heal()
