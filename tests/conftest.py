"""What every test gets: a closed machine and fresh per-process clients; the sandbox where it is asked for."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest


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
    """Refuse every connection outside loopback before it is made."""
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
    """Forget the process's CRM client after each test: the next one may have other settings."""
    yield
    connection = sys.modules.get("syncapp.connection")
    if connection is not None:
        connection.crm.cache_clear()
        connection.names.cache_clear()
