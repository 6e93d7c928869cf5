"""Rules for every test: no connection leaves the machine, property tests try the same examples on every run, and any
text may be reported."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import settings as property_settings

# `--hypothesis-profile=default` searches for new examples. A busy machine takes longer for one than any deadline.
property_settings.register_profile("same", derandomize=True, deadline=None)
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


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Escape lone surrogates in a report, for example in a logged value: xdist cannot send them to its main process."""
    return _without_surrogates((yield))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without_surrogates(each) for each in value)
    return value
